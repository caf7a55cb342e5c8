// What Grafana's packages expect of a browser and jsdom does not have.
/* global window, Element, HTMLCanvasElement */
import { afterEach } from 'vitest';
import { cleanup } from '@testing-library/react';

afterEach(cleanup);

class ObserverOfNothing {
  observe() {}
  unobserve() {}
  disconnect() {}
  takeRecords() {
    return [];
  }
}
globalThis.ResizeObserver ??= ObserverOfNothing;
globalThis.IntersectionObserver ??= ObserverOfNothing;
window.matchMedia ??= (query) => ({
  matches: false,
  media: query,
  onchange: null,
  addEventListener() {},
  removeEventListener() {},
  addListener() {},
  removeListener() {},
  dispatchEvent: () => false,
});
Element.prototype.scrollIntoView ??= () => {};
// Grafana measures labels by it; nothing is drawn.
HTMLCanvasElement.prototype.getContext = (kind) =>
  kind === '2d' ? { font: '', measureText: (text) => ({ width: text.length * 8 }) } : null;
