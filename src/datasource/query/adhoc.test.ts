import { describe, expect, it } from 'vitest';
import { withAdHoc } from './adhoc';

describe('ad-hoc filters', () => {
  it('come behind the query’s own', () => {
    expect(withAdHoc([{ dimension: 'device', op: '=', value: 'tablet' }], [{ key: 'country', operator: '!=', value: 'DE' }])).toEqual([
      { dimension: 'device', op: '=', value: 'tablet' },
      { dimension: 'country', op: '!=', value: 'DE' },
    ]);
  });

  it('of several values are lists', () => {
    expect(withAdHoc(undefined, [{ key: 'country', operator: '=|', value: 'DE', values: ['DE', 'AT'] }])).toEqual([
      { dimension: 'country', op: 'in', values: ['DE', 'AT'] },
    ]);
    expect(withAdHoc(undefined, [{ key: 'country', operator: '!=|', value: 'DE' }])).toEqual([
      { dimension: 'country', op: 'not in', values: ['DE'] },
    ]);
  });

  it('may be patterns, and without a key say nothing', () => {
    expect(
      withAdHoc(undefined, [
        { key: 'country', operator: '=~', value: '^D' },
        { key: '', operator: '=', value: 'x' },
      ]),
    ).toEqual([{ dimension: 'country', op: '=~', value: '^D' }]);
  });

  it('are refused in words where the aggregator has no such operator', () => {
    expect(() => withAdHoc(undefined, [{ key: 'country', operator: '<', value: '5' }])).toThrow(/country < 5 cannot be asked/);
  });
});
