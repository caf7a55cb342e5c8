import { describe, expect, it } from 'vitest';
import { DETECTORS } from '../query/detector';
import { DETECTOR_OPTIONS, withOptions } from './anomaly-choices';

describe('the anomaly row', () => {
  it('offers every detector, the default first', () => {
    expect(DETECTOR_OPTIONS.map(({ value }) => value).sort()).toEqual([...DETECTORS].sort());
    expect(DETECTOR_OPTIONS[0]?.value).toBe('auto');
  });

  it('stores nothing that is the default', () => {
    expect(withOptions(undefined, { name: 'auto', sensitivity: 'medium', direction: 'both', hold: 'fade' })).toBeUndefined();
    expect(withOptions(undefined, { name: 'robust', hold: 'episode' })).toEqual({ name: 'robust' });
    expect(withOptions({ direction: 'up' }, { hold: 'episode' })).toEqual({ direction: 'up', hold: 'episode' });
  });

  it('keeps what it has no field for, and drops what another detector does not have', () => {
    const stored = { name: 'robust', k: 6, window: '1h', holidays: ['2026-12-25'], minCount: 10 } as const;
    expect(withOptions(stored, { direction: 'up' })).toEqual({ ...stored, direction: 'up' });
    expect(withOptions(stored, { name: 'auto' })).toEqual({ holidays: ['2026-12-25'], minCount: 10 });
    expect(withOptions(stored, { name: 'seasonal' })).toEqual({ name: 'seasonal', k: 6, holidays: ['2026-12-25'], minCount: 10 });
  });
});
