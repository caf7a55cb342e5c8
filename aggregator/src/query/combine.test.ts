import { describe, expect, it } from 'vitest';
import { addTotals, sliceResult, stitch } from './combine.js';
import { aggregate } from './event-list.fixture.js';
import { content, DEF, EVENTS, FROM, spec } from './read.fixture.js';
import type { TierResult } from './tier-read.js';

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
    expect(content(addTotals([total(FROM, FROM + 100_000), total(FROM + 100_000, FROM + 600_000)], components))).toEqual(
      content(total(FROM, FROM + 600_000)),
    );
    const cents = (value: number): TierResult => ({
      timesMs: Float64Array.of(0),
      topError: 0,
      detail: { source: '', rows: 0, durationMs: 0 },
      groups: [{ values: [], numbers: [Float64Array.of(value)], items: [null], histograms: [null] }],
    });
    expect(addTotals([cents(0.1), cents(0.2)], [{ kind: 'sum', decimals: 2 }]).groups[0].numbers[0][0]).toBe(0.3);
    expect(() => addTotals([cents(1), cents(2)], [{ kind: 'unique', decimals: 0 }])).toThrow('do not add up');
  });

  it('cut by time keep only groups with events', () => {
    const cut = sliceResult(aggregate(DEF, EVENTS, spec()), FROM + 100_000, FROM + 110_000);
    expect(content(cut)).toEqual(content(aggregate(DEF, EVENTS, spec({ fromMs: FROM + 100_000, toMs: FROM + 110_000 }))));
  });
});
