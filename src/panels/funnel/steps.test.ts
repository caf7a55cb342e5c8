import { describe, expect, it } from 'vitest';
import { createTheme, FieldType, toDataFrame, type DataFrame } from '@grafana/data';
import { minutes } from '../frames/frames.fixture';
import { funnelOf, percent, stillFilling } from './steps';

const THEME = createTheme();
const brief = (frames: DataFrame[], calculation = 'sum'): unknown =>
  funnelOf(frames, calculation, THEME).steps.map((step) => [step.name, step.value, step.ofFirst, step.ofPrevious, step.worst]);

describe('funnelOf', () => {
  it('takes a row per step from a table, and marks where the largest share is lost', () => {
    const frame = toDataFrame({
      fields: [
        { name: 'step', type: FieldType.string, values: ['view', 'cart', 'checkout', 'paid'] },
        { name: 'users', type: FieldType.number, values: [1_000, 500, 100, 80] },
      ],
    });
    expect(brief([frame])).toEqual([
      ['view', 1_000, 1, null, false],
      ['cart', 500, 0.5, 0.5, false],
      ['checkout', 100, 0.1, 0.2, true],
      ['paid', 80, 0.08, 0.8, false],
    ]);
  });

  it('takes a number field per step, over several queries and in their order', () => {
    const total = (refId: string, name: string, value: number): DataFrame =>
      toDataFrame({ refId, fields: [{ name, type: FieldType.number, values: [value] }] });
    expect(brief([total('A', 'views', 10), total('B', 'carts', 4)])).toEqual([
      ['views', 10, 1, null, false],
      ['carts', 4, 0.4, 0.4, false],
    ]);
  });

  it('makes one number of a time series as asked', () => {
    const frame = toDataFrame({
      fields: [
        { name: 'Time', type: FieldType.time, values: minutes(3) },
        { name: 'views', type: FieldType.number, values: [1, 2, 3] },
        { name: 'carts', type: FieldType.number, values: [1, null, 1] },
      ],
    });
    expect(brief([frame])).toEqual([
      ['views', 6, 1, null, false],
      ['carts', 2, 1 / 3, 1 / 3, false],
    ]);
    expect(brief([frame], 'lastNotNull')).toEqual([
      ['views', 3, 1, null, false],
      ['carts', 1, 1 / 3, 1 / 3, false],
    ]);
  });

  it('divides by nobody nowhere, and takes what is no number for nobody', () => {
    const frame = toDataFrame({
      fields: [
        { name: 'step', type: FieldType.string, values: ['a', 'b', 'c'] },
        { name: 'n', type: FieldType.number, values: [0, null, Number.NaN] },
      ],
    });
    expect(brief([frame])).toEqual([
      ['a', 0, null, null, false],
      ['b', 0, null, null, false],
      ['c', 0, null, null, false],
    ]);
  });

  it('says what it needs when there are no numbers', () => {
    expect(funnelOf([], 'sum', THEME)).toEqual({ steps: [], drawable: false, problem: null });
    expect(funnelOf([toDataFrame({ fields: [{ name: 's', type: FieldType.string, values: ['x'] }] })], 'sum', THEME).problem).toMatch(
      /no numbers/,
    );
  });

  it('knows when late steps are still coming in', () => {
    expect(stillFilling([toDataFrame({ meta: { custom: { partialFrom: 5 } }, fields: [] })])).toBe(true);
    expect(stillFilling([toDataFrame({ fields: [] })])).toBe(false);
  });

  it('writes shares with as many digits as they need', () => {
    expect([0, 0.00314, 0.052, 0.428, 1].map(percent)).toEqual(['0 %', '0.31 %', '5.2 %', '43 %', '100 %']);
  });
});
