import { describe, expect, it } from 'vitest';
import { backtest, parseLabels } from './backtest.js';

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
});

describe('labels', () => {
  const expected = [{ fromMs: Date.UTC(2026, 0, 1), toMs: Date.UTC(2026, 0, 1, 1) }];

  it('are read as JSON, as windows in CSV, and as a label per row', () => {
    expect(parseLabels('[["2026-01-01 00:00:00.000000", "2026-01-01 01:00:00.000000"]]', 'x.csv')).toEqual(expected);
    expect(parseLabels('{"dir/x.csv": [["2026-01-01 00:00", "2026-01-01 01:00"]], "y.csv": []}', 'x.csv')).toEqual(expected);
    expect(parseLabels('from,to\n2026-01-01T00:00Z,2026-01-01T01:00Z\n', 'x.csv')).toEqual(expected);
    const rows = 'timestamp,value,is_anomaly\n2025-12-31T23:00Z,1,0\n2026-01-01T00:00Z,9,1\n2026-01-01T01:00Z,9,1\n2026-01-01T02:00Z,1,0';
    expect(parseLabels(rows, 'x.csv')).toEqual(expected);
  });

  it('that cannot be read are refused with the place', () => {
    expect(() => parseLabels('{"y.csv": []}', 'x.csv')).toThrow('no entry for x.csv');
    expect(() => parseLabels('[["later", "2026-01-01"]]', 'x.csv')).toThrow('window 1');
    expect(() => parseLabels('from,to\n2026-01-02,2026-01-01', 'x.csv')).toThrow('line 2');
    expect(() => parseLabels('a,b\n1,2', 'x.csv')).toThrow('time and label');
    expect(() => parseLabels('[', 'x.csv')).toThrow('not valid JSON');
  });
});
