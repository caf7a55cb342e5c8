import { describe, expect, it } from 'vitest';
import { parseCatalog } from '../catalog';
import { measureHint, measureOptions, readWindow, statOptions, windowOptions, windowText } from './choices';

const catalog = parseCatalog({
  measures: [
    { name: 'events', kind: 'count', description: 'All', unit: '', stats: ['value'], window: null, accuracy: 'exact' },
    {
      name: 'active',
      kind: 'unique',
      description: '',
      unit: '',
      stats: ['value'],
      window: { size: '5m', slide: '30s' },
      accuracy: 'within 2 %',
    },
    { name: 'latency', kind: 'quantiles', description: '', unit: 'ms', stats: ['p50', 'p95'], window: null, accuracy: '' },
    { name: 'top_pages', kind: 'top', description: '', unit: '', stats: ['items'], window: null, accuracy: '' },
  ],
  dimensions: [],
});
const measure = (name: string) => catalog.measures.find((one) => one.name === name);

describe('what the editor offers', () => {
  it('rankings for top lists alone, where they come first', () => {
    expect(measureOptions(catalog, 'metric').map(({ value }) => value)).toEqual(['events', 'active', 'latency']);
    expect(measureOptions(catalog, 'top')[0]).toMatchObject({ value: 'top_pages', description: 'top' });
  });

  it('the quantiles that are kept ready, then others', () => {
    expect(statOptions(measure('latency')).map(({ value }) => value)).toEqual(['p50', 'p95', 'p75', 'p90', 'p99', 'p99.9']);
    expect(statOptions(measure('events'))).toEqual([{ value: 'value', label: 'value' }]);
  });

  it('the measure’s own window, and to do without it', () => {
    expect(windowOptions(measure('active'))[0].label).toBe("The measure's (5m / 30s)");
    expect(windowOptions(measure('active')).map(({ value }) => value)).toContain('none');
    expect(windowOptions(measure('events'))[0].label).toBe('None');
  });

  it.each([
    ['5m / 30s', { size: '5m', slide: '30s' }],
    ['5m/30s', { size: '5m', slide: '30s' }],
    ['1h', { size: '1h' }],
    ['none', 'none'],
    ['own', undefined],
  ] as const)('reads the window %s and writes it back', (text, window) => {
    expect(readWindow(text)).toEqual(window);
    expect(readWindow(windowText(window))).toEqual(window);
  });

  it('what is worth knowing of a measure', () => {
    expect(measureHint(measure('events'))).toBe('All · exact');
    expect(measureHint(measure('active'))).toBe('windows of 5m · within 2 %');
    expect(measureHint(undefined)).toBe('');
  });
});
