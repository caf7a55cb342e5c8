import { describe, expect, it } from 'vitest';
import { toDataFrame } from '@grafana/data';
import { durationWords } from './duration-words';
import { freshnessOf, partialFromOf } from './frame-meta';

const frame = (custom: unknown): ReturnType<typeof toDataFrame> =>
  toDataFrame({ meta: { custom: custom as Record<string, unknown> }, fields: [] });

describe('freshnessOf', () => {
  it('takes the least fresh of several frames: first what is incomplete, then what is oldest', () => {
    const old = frame({ freshness: { ageMs: 90_000, complete: true, reason: '' } });
    const missing = frame({ freshness: { ageMs: 5_000, complete: false, reason: 'Partition 3 lags.' } });
    expect(freshnessOf([frame({ freshness: { ageMs: 1_000, complete: true } }), old])?.ageMs).toBe(90_000);
    expect(freshnessOf([old, missing])).toEqual({ nowMs: null, ageMs: 5_000, complete: false, reason: 'Partition 3 lags.', lag: null });
  });

  it('knows nothing where no frame says anything, and trusts no shape', () => {
    expect(freshnessOf([frame(undefined), frame({ freshness: null }), frame('x')])).toBeNull();
    expect(freshnessOf([frame({ freshness: { ageMs: 'soon', complete: 'no', reason: 7 } })])).toEqual({
      nowMs: null,
      ageMs: null,
      complete: true,
      reason: '',
      lag: null,
    });
    expect(partialFromOf(frame({ partialFrom: 'now' }))).toBeNull();
  });
});

describe('durationWords', () => {
  it('says a length in its largest unit', () => {
    expect([400, 42_000, 180_000, 5_400_000, 2 * 86_400_000].map(durationWords)).toEqual(['0.4 s', '42 s', '3 min', '1.5 h', '2 d']);
  });
});
