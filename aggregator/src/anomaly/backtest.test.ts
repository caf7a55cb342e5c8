import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backtest, type BacktestReport, type LabelWindow } from './backtest.js';

const times = Array.from({ length: 100 }, (_, i) => i * 60_000);
const flags = (...rows: number[]): Uint8Array => Uint8Array.from(times, (_, i) => (rows.includes(i) ? 1 : 0));
const window = (from: number, to: number): { fromMs: number; toMs: number } => ({ fromMs: from * 60_000, toMs: to * 60_000 });

describe('backtest', () => {
  it('counts windows found, alarms by episode, and the delay to the first flag', () => {
    // Alarms: 5 (false), 22-23 and 30 (one episode, in the first window), 80 (false); the second window is missed.
    const report = backtest(times, flags(5, 22, 23, 30, 80), [window(20, 40), window(50, 60)]);
    expect(report).toEqual({
      windows: 2,
      found: 1,
      alarms: 3,
      falseAlarms: 2,
      precision: 1 / 3,
      recall: 0.5,
      f1: 0.4,
      meanDelayMs: 120_000,
      meanDelayRows: 2,
    });
  });

  it('has an answer for silence and for nothing to find', () => {
    expect(backtest(times, flags(), [window(1, 2)])).toMatchObject({ precision: 1, recall: 0, f1: 0, alarms: 0 });
    expect(backtest(times, flags(), [])).toMatchObject({ precision: 1, recall: 1 });
  });

  it('counts windows that overlap, rows in any order, and rows without a time, as the plain form does', () => {
    const minute = fc.integer({ min: 0, max: 60 });
    const rows = fc.array(fc.record({ at: fc.oneof(minute, fc.constant(Number.NaN)), flag: fc.boolean() }), { maxLength: 80 });
    const labels = fc.array(fc.record({ from: minute, length: fc.integer({ min: 0, max: 20 }) }), { maxLength: 8 });
    fc.assert(
      fc.property(rows, labels, (given, windows) => {
        const at = given.map((row) => row.at * 60_000);
        const flagged = given.map((row) => (row.flag ? 1 : 0));
        const labelled = windows.map(({ from, length }) => window(from, from + length));
        expect(backtest(at, flagged, labelled)).toEqual(plain(at, flagged, labelled));
      }),
      { numRuns: 500 },
    );
  });
});

/** All rows at hand, each window looked for in all of them. */
function plain(at: readonly number[], flagged: readonly number[], windows: readonly LabelWindow[]): BacktestReport {
  const rowsIn = ({ fromMs, toMs }: LabelWindow): number[] => [...at.keys()].filter((i) => at[i]! >= fromMs && at[i]! <= toMs);
  const hits = windows.flatMap((one) => {
    const rows = rowsIn(one);
    const hit = rows.find((i) => flagged[i] === 1);
    return hit === undefined ? [] : [{ ms: at[hit]! - one.fromMs, rows: hit - rows[0]! }];
  });
  const inside = new Set(windows.flatMap(rowsIn));
  const episodes: number[][] = [];
  for (const row of [...flagged.keys()].filter((i) => flagged[i] === 1)) {
    const last = episodes.at(-1);
    if (last === undefined || row - last.at(-1)! > 12) episodes.push([row]);
    else last.push(row);
  }
  const falseAlarms = episodes.filter((rows) => !rows.some((row) => inside.has(row))).length;
  const precision = episodes.length === 0 ? 1 : (episodes.length - falseAlarms) / episodes.length;
  const recall = windows.length === 0 ? 1 : hits.length / windows.length;
  return {
    windows: windows.length,
    found: hits.length,
    alarms: episodes.length,
    falseAlarms,
    precision,
    recall,
    f1: precision + recall === 0 ? 0 : (2 * precision * recall) / (precision + recall),
    meanDelayMs: hits.reduce((sum, { ms }) => sum + ms, 0) / hits.length,
    meanDelayRows: hits.reduce((sum, { rows }) => sum + rows, 0) / hits.length,
  };
}
