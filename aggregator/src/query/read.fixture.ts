// For tests: a read of every form of output, over some listed events.

import { randomEvents } from './event-list.fixture.js';
import type { ReadSpec } from './plan.js';
import { testDefinition } from './shop.fixture.js';
import type { TierResult } from './tier-read.js';

export const DEF = testDefinition();
export const FROM = Date.UTC(2025, 5, 10, 12);
export const EVENTS = randomEvents(400, FROM, FROM + 600_000, 7);

/** By country and device in buckets of 10 s, one output of each form. */
export function spec(more: Partial<ReadSpec> = {}): ReadSpec {
  return {
    tenant: 'shop',
    grouping: 3,
    groupBy: [0, 1],
    filters: [],
    fromMs: FROM,
    toMs: FROM + 600_000,
    bucketMs: 10_000,
    windowSizeMs: null,
    maxRows: 1_000,
    outputs: [
      { component: 0, stat: 'value' },
      { component: 2, stat: 'value' },
      { component: 8, stat: 'histogram' },
      { component: 9, stat: 'items', limit: 3 },
    ],
    ...more,
  };
}

/** A result in a form that can be compared: order of groups and maps does not matter. */
export function content(result: TierResult): unknown {
  const groups = result.groups.map((group) => ({
    values: group.values,
    numbers: group.numbers.map((column) => [...column]),
    items: group.items,
    histograms: group.histograms.map((column) => column?.map((bins) => [...bins].sort((a, b) => a[0] - b[0])) ?? null),
  }));
  return {
    times: [...result.timesMs],
    groups: groups.sort((a, b) => (JSON.stringify(a.values) < JSON.stringify(b.values) ? -1 : 1)),
    topError: result.topError,
  };
}
