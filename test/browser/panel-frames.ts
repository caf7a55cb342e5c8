/// <reference lib="dom" />
// What a panel of the page draws, read from the scene that is shown: the frames themselves, after history and live are one.

import type { Page } from 'playwright-core';

export interface ShownFrame {
  readonly refId: string;
  readonly state: string;
  readonly partialFrom: number | null;
  readonly fields: readonly {
    readonly name: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly values: readonly unknown[];
  }[];
}

/** @param key of the panel, e.g. `explore`; @returns null while there is no such panel or it has no data yet */
export function framesOf(page: Page, key: string): Promise<readonly ShownFrame[] | null> {
  return page.evaluate((wanted) => {
    interface Node {
      readonly state: Readonly<Record<string, unknown>>;
    }
    const isNode = (value: unknown): value is Node =>
      typeof value === 'object' && value !== null && 'state' in value && 'setState' in value;
    const find = (node: Node, seen: Set<Node>): Node | null => {
      if (seen.has(node)) return null;
      seen.add(node);
      if (node.state['key'] === wanted) return node;
      for (const child of Object.values(node.state).flat()) {
        const found = isNode(child) ? find(child, seen) : null;
        if (found !== null) return found;
      }
      return null;
    };
    const scene: unknown = Reflect.get(window, '__grafanaSceneContext');
    const panel = isNode(scene) ? find(scene, new Set()) : null;
    const provider: any = panel?.state['$data'];
    const data = provider?.state.data;
    if (data === undefined) return null;
    return data.series.map((frame: any) => ({
      refId: String(frame.refId),
      state: String(data.state),
      partialFrom: frame.meta?.custom?.partialFrom ?? null,
      fields: frame.fields.map((field: any) => ({ name: field.name, labels: { ...field.labels }, values: [...field.values] })),
    }));
  }, key);
}
