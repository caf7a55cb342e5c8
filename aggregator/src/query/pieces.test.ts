import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TidemarkError } from '../errors.js';
import type { PartitionState } from '../window/flush-batch.js';
import { Coalescer } from './coalesce.js';
import { addTotals, sliceResult, stitch } from './combine.js';
import { aggregate, randomEvents, testDefinition } from './event-list.fixture.js';
import { CoverageFreshness, freshnessOf } from './freshness.js';
import type { ReadSpec } from './plan.js';
import { digest, questionKey, readKey } from './read-key.js';
import { decodeResult, encodeResult } from './result-codec.js';
import type { TierResult } from './tier-read.js';

const DEF = testDefinition();
const FROM = Date.UTC(2025, 5, 10, 12);
const EVENTS = randomEvents(400, FROM, FROM + 600_000, 7);

function spec(more: Partial<ReadSpec> = {}): ReadSpec {
  return {
    tenant: 'shop', grouping: 3, groupBy: [0, 1], filters: [], fromMs: FROM, toMs: FROM + 600_000, bucketMs: 10_000, windowSizeMs: null, maxRows: 1_000,
    outputs: [{ component: 0, stat: 'value' }, { component: 2, stat: 'value' }, { component: 8, stat: 'histogram' }, { component: 9, stat: 'items', limit: 3 }], ...more,
  };
}

function content(result: TierResult): unknown {
  const groups = result.groups.map((group) => ({
    values: group.values, numbers: group.numbers.map((column) => [...column]), items: group.items,
    histograms: group.histograms.map((column) => column?.map((bins) => [...bins].sort((a, b) => a[0] - b[0])) ?? null),
  }));
  return { times: [...result.timesMs], groups: groups.sort((a, b) => (JSON.stringify(a.values) < JSON.stringify(b.values) ? -1 : 1)), topError: result.topError };
}

describe('executions in flight', () => {
  it('are shared by equal keys, and forgotten once they end', async () => {
    const flights = new Coalescer<number>();
    let runs = 0;
    const start = async (): Promise<number> => ++runs;
    const signal = new AbortController().signal;
    const both = await Promise.all([flights.run('a', signal, start), flights.run('a', signal, start), flights.run('b', signal, start)]);
    expect(both.map(({ value, shared }) => [value, shared])).toEqual([[1, false], [1, true], [2, false]]);
    expect(flights.size).toBe(0);
    expect((await flights.run('a', signal, start)).value).toBe(3);
  });

  it('go on when one of several callers leaves, and are aborted when the last has left', async () => {
    const flights = new Coalescer<string>();
    let finish: (value: string) => void = () => undefined;
    let aborted: AbortSignal | null = null;
    const start = (signal: AbortSignal): Promise<string> => {
      aborted = signal;
      return new Promise((resolve) => (finish = resolve));
    };
    const [first, second] = [new AbortController(), new AbortController()];
    const one = flights.run('a', first.signal, start);
    const two = flights.run('a', second.signal, start);
    await Promise.resolve();
    first.abort(new TidemarkError('cancelled', 'CLIENT_GONE', 'gone'));
    await expect(one).rejects.toMatchObject({ code: 'CLIENT_GONE' });
    expect(aborted).toMatchObject({ aborted: false });
    finish('answer');
    expect((await two).value).toBe('answer');

    const three = flights.run('a', second.signal, start);
    await Promise.resolve();
    second.abort();
    await expect(three).rejects.toMatchObject({ errorClass: 'cancelled' });
    expect(aborted).toMatchObject({ aborted: true });
    expect(flights.size).toBe(0);
  });

  it('pass a failure on to every caller', async () => {
    const flights = new Coalescer<number>();
    const signal = new AbortController().signal;
    const start = async (): Promise<number> => Promise.reject(new Error('broken'));
    const both = await Promise.allSettled([flights.run('a', signal, start), flights.run('a', signal, start)]);
    expect(both.map((one) => one.status)).toEqual(['rejected', 'rejected']);
  });
});

describe('parts of an answer', () => {
  it('stitched along time are what one read gives', () => {
    const cut = FROM + 230_000;
    const whole = aggregate(DEF, EVENTS, spec());
    const parts = [aggregate(DEF, EVENTS, spec({ toMs: cut })), aggregate(DEF, EVENTS, spec({ fromMs: cut }))];
    const stitched = stitch(parts, 10_000);
    expect(stitched.groups.length).toBe(whole.groups.length);
    // Where a group is missing on one side, its buckets there are empty.
    expect(content(stitched)).toEqual(content(whole));
  });

  it('that overlap or leave a gap are a defect, never data', () => {
    const part = aggregate(DEF, EVENTS, spec({ toMs: FROM + 20_000 }));
    expect(() => stitch([part, part], 10_000)).toThrow('do not follow');
  });

  it('of a total add up exactly, in fixed point', () => {
    const outputs = [0, 2, 3, 4].map((component) => ({ component, stat: 'value' as const }));
    const total = (fromMs: number, toMs: number): TierResult => aggregate(DEF, EVENTS, spec({ fromMs, toMs, bucketMs: 0, outputs }));
    const components = outputs.map((output) => DEF.components[output.component]);
    expect(content(addTotals([total(FROM, FROM + 100_000), total(FROM + 100_000, FROM + 600_000)], components))).toEqual(content(total(FROM, FROM + 600_000)));
    const cents = (value: number): TierResult => ({
      timesMs: Float64Array.of(0), topError: 0, detail: { source: '', rows: 0, durationMs: 0 }, groups: [{ values: [], numbers: [Float64Array.of(value)], items: [null], histograms: [null] }],
    });
    expect(addTotals([cents(0.1), cents(0.2)], [{ kind: 'sum', decimals: 2 }]).groups[0].numbers[0][0]).toBe(0.3);
    expect(() => addTotals([cents(1), cents(2)], [{ kind: 'unique', decimals: 0 }])).toThrow('do not add up');
  });

  it('cut by time keep only groups with events', () => {
    const cut = sliceResult(aggregate(DEF, EVENTS, spec()), FROM + 100_000, FROM + 110_000);
    expect(content(cut)).toEqual(content(aggregate(DEF, EVENTS, spec({ fromMs: FROM + 100_000, toMs: FROM + 110_000 }))));
  });
});

describe('cached bytes', () => {
  it('bring back the result', () => {
    const result = aggregate(DEF, EVENTS, spec());
    const bytes = encodeResult(result);
    expect(content(decodeResult(bytes))).toEqual(content(result));
    expect(bytes.length).toBeLessThan(JSON.stringify(content(result)).length / 2);
  });

  it('bring back any numbers', () => {
    const number = fc.oneof(fc.double(), fc.constant(NaN), fc.integer(), fc.constantFrom(-0, 2 ** 50, -(2 ** 50), 2 ** 50 + 1, 2 ** 53, Infinity, 0.1));
    fc.assert(fc.property(fc.array(number, { maxLength: 40 }), fc.array(fc.string(), { maxLength: 3 }), (values, names) => {
      const result: TierResult = {
        timesMs: Float64Array.from(values, (_, index) => FROM + index * 1_000), topError: 0.5, detail: { source: 'cache', rows: 0, durationMs: 0 },
        groups: [{ values: names, numbers: [Float64Array.from(values)], items: [values.map(() => names.map((item) => ({ item, weight: 1.5 })))], histograms: [values.map(() => new Map([[-3, 7]]))] }],
      };
      const back = decodeResult(encodeResult(result));
      expect(back.timesMs).toEqual(result.timesMs);
      expect(back.groups[0].values).toEqual(result.groups[0].values.map((text) => Buffer.from(text).toString()));
      expect([...back.groups[0].numbers[0]]).toEqual(values);
      expect(back.groups[0].histograms).toEqual(result.groups[0].histograms);
    }));
  });

  it('that are damaged are refused, not misread or looped over', () => {
    const bytes = encodeResult(aggregate(DEF, EVENTS, spec()));
    for (const cut of [0, 1, 10, bytes.length - 1]) expect(() => decodeResult(bytes.subarray(0, cut))).toThrow(RangeError);
    expect(() => decodeResult(Uint8Array.from([...bytes, 0]))).toThrow(RangeError);
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (junk) => {
      try {
        decodeResult(junk);
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError);
      }
    }));
  });
});

describe('the key of a read', () => {
  it('tells tenants, questions, tiers and ranges apart, but not the order of filters', () => {
    const filters = [{ dimension: 0, op: '=' as const, values: ['DE'] }, { dimension: 1, op: '!=' as const, values: ['phone'] }];
    const base = spec({ filters });
    const others = [spec({ filters, tenant: 'other' }), spec({ filters, bucketMs: 20_000 }), spec({ filters, windowSizeMs: 60_000 }), spec({ filters: [] }), spec({ filters, groupBy: [0] }), spec({ filters, outputs: base.outputs.slice(1) })];
    expect(new Set([base, ...others].map((one) => questionKey(DEF, one))).size).toBe(7);
    expect(questionKey(DEF, base)).toBe(questionKey(DEF, spec({ filters: [...filters].reverse() })));
    expect(questionKey(DEF, base)).not.toBe(questionKey(testDefinition({ layoutHash: 'layout-2' }), base));
    expect(readKey(DEF, 'hot', base)).not.toBe(readKey(DEF, 'cold', base));
    expect(readKey(DEF, 'hot', base)).not.toBe(readKey(DEF, 'hot', spec({ filters, toMs: FROM + 300_000 })));
    expect(digest('a')).toMatch(/^[\w-]{32}$/);
  });

  it('does not run values together', () => {
    const one = spec({ filters: [{ dimension: 0, op: 'in', values: ['a","b'] }] });
    const two = spec({ filters: [{ dimension: 0, op: 'in', values: ['a', 'b'] }] });
    expect(questionKey(DEF, one)).not.toBe(questionKey(DEF, two));
  });
});

describe('freshness', () => {
  const state = (offset: number, maxEventTimeMs: number): PartitionState => ({ offset, maxEventTimeMs, warmFrom: 0, consumed: 0, applied: 0, duplicates: 0, deadLettered: 0, late: 0, lost: 0 });

  it('is that of the slowest partition that still has something to read', () => {
    const positions = [{ id: 'a/0', state: state(5, FROM), logEnd: 9 }, { id: 'a/1', state: state(7, FROM + 60_000), logEnd: 8 }, { id: 'a/2', state: state(3, 10), logEnd: 3 }];
    expect(freshnessOf(positions, [], 5_000, FROM + 90_000)).toMatchObject({ watermarkMs: FROM - 5_000, newestEventMs: FROM, complete: true, reason: '' });
  });

  it('follows the clock when everything has been read, so that an outage shows as zeros', () => {
    const positions = [{ id: 'a/0', state: state(5, FROM), logEnd: 5 }];
    expect(freshnessOf(positions, [], 5_000, FROM + 600_000)).toMatchObject({ watermarkMs: FROM + 595_000, newestEventMs: FROM });
  });

  it('says when partitions are missing or nothing is known', () => {
    expect(freshnessOf([{ id: 'a/0', state: state(5, FROM), logEnd: 5 }], ['a/1'], 5_000, FROM)).toMatchObject({ complete: false, reason: 'No position is known of 1 partition(s): a/1.' });
    expect(new CoverageFreshness(5_000, () => FROM).freshness(null)).toMatchObject({ complete: false, watermarkMs: 0 });
  });
});
