import { describe, expect, it } from 'vitest';
import { parseLabels } from './labels.js';

describe('labels', () => {
  const expected = [{ fromMs: Date.UTC(2026, 0, 1), toMs: Date.UTC(2026, 0, 1, 1) }];

  it('are read as JSON, as windows in CSV, and as a label per row', () => {
    expect(parseLabels('[["2026-01-01 00:00:00.000000", "2026-01-01 01:00:00.000000"]]', 'x.csv')).toEqual(expected);
    expect(parseLabels('{"dir/x.csv": [["2026-01-01 00:00", "2026-01-01 01:00"]], "y.csv": []}', 'x.csv')).toEqual(expected);
    expect(parseLabels('from,to\n2026-01-01T00:00Z,2026-01-01T01:00Z\n', 'x.csv')).toEqual(expected);
    const rows = 'timestamp,value,is_anomaly\n2025-12-31T23:00Z,1,0\n2026-01-01T00:00Z,9,1\n2026-01-01T01:00Z,9,1\n2026-01-01T02:00Z,1,0';
    expect(parseLabels(rows, 'x.csv')).toEqual(expected);
  });

  it('are read where a time stands alone, where a window is a map, and where the series comes by standard input', () => {
    const [{ fromMs, toMs }] = expected as [{ fromMs: number; toMs: number }];
    expect(parseLabels(`[${fromMs / 1_000}]`, 'x.csv')).toEqual([{ fromMs, toMs: fromMs }]);
    expect(parseLabels('[{"start": "2026-01-01", "end": "2026-01-01 01:00"}]', 'x.csv')).toEqual(expected);
    expect(parseLabels(`{"dir/x.csv": [[${fromMs}, ${toMs}]]}`, '')).toEqual(expected);
    expect(() => parseLabels('{"x.csv": [], "y.csv": []}', '')).toThrow('standard input');
    expect(parseLabels('\uFEFF"from";"to"\r\n"2026-01-01 00:00";"2026-01-01 01:00"\r\n', 'x.csv')).toEqual(expected);
    expect(parseLabels('[]', 'x.csv')).toEqual([]);
    expect(parseLabels('from,to\n', 'x.csv')).toEqual([]);
  });

  it('that cannot be read are refused with the place', () => {
    expect(() => parseLabels('{"y.csv": [], "z.csv": []}', 'x.csv')).toThrow('no entry for x.csv');
    expect(() => parseLabels('{"x.csv": "2026-01-01"}', 'x.csv')).toThrow('expected a list of windows');
    expect(() => parseLabels('[["later", "2026-01-01"]]', 'x.csv')).toThrow('window 1: expected two times');
    expect(() => parseLabels('[{"at": 1}]', 'x.csv')).toThrow('window 1: expected two times, the first not after the second, got nothing');
    expect(() => parseLabels('from,to\n2026-01-02,2026-01-01', 'x.csv')).toThrow('line 2');
    expect(() => parseLabels('a,b\n1,2', 'x.csv')).toThrow('time and label');
    expect(() => parseLabels('time,label\n2026-01-01,normal', 'x.csv')).toThrow('line 2: expected a label of 0 or 1, got normal');
    expect(() => parseLabels('', 'x.csv')).toThrow('line 1');
    expect(() => parseLabels('[', 'x.csv')).toThrow('not valid JSON');
  });
});
