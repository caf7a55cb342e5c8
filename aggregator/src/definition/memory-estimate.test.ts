import { describe, expect, it } from 'vitest';
import { shop } from './bad-definitions.fixture.js';
import { loadDefinition } from './load.js';
import { estimateHotMemory, memoryReport, type MemoryEstimate } from './memory-estimate.js';

function estimate(sections: Parameters<typeof shop>[0], more = ''): MemoryEstimate {
  return estimateHotMemory(
    loadDefinition({ path: 't.yaml', text: shop({ ...sections, more: `hot: {maxMemory: 0${more}}\n${sections?.more ?? ''}` }) }),
  );
}

const COUNT_ONLY = { dimensions: 'dimensions: {d: {path: x, cap: 98}}', measures: 'measures: {n: {kind: count}}' };

describe('the estimate of the hot tier', () => {
  it('is the formula, worked by hand', () => {
    const { rows, totalBytes } = estimate(COUNT_ONLY);
    // 24 h of 1 m panes: (86,400 s + 300 s slack) / 7,200 s per string, rounded up, and one being filled: 14 strings.
    const minutes = rows.find((row) => row.part === 'numbers of grouping all, 60 s panes');
    expect(minutes).toEqual({
      part: 'numbers of grouping all, 60 s panes',
      keys: 100 * 14,
      bytes: Math.round(100 * 14 * (120 * 1 * 8 + 220) * 1.1),
    });
    expect(totalBytes).toBe(rows.reduce((sum, row) => sum + row.bytes, 0));
    expect(rows.map((row) => row.bytes)).toEqual(rows.map((row) => row.bytes).sort((a, b) => b - a));
  });

  it('is reported with its largest parts and the formula', () => {
    const lines = memoryReport(estimate(COUNT_ONLY), 2);
    expect(lines).toHaveLength(4);
    expect(lines[0]).toMatch(/^hot tier: at most about [\d.]+ MiB at 1000 events\/s$/);
    expect(lines[1]).toBe('   1.73 MiB  numbers of grouping all, 60 s panes (1400 keys)');
    expect(lines[3]).toContain('120 buckets × 1 numeric components × 8 B');
  });

  it('grows with caps, retentions, tenants, components and the expected rate, and with nothing else', () => {
    const base = estimate(COUNT_ONLY).totalBytes;
    expect(estimate({ ...COUNT_ONLY, dimensions: 'dimensions: {d: {path: x, cap: 198}}' }).totalBytes).toBeGreaterThan(base * 1.9);
    expect(estimate({ ...COUNT_ONLY, more: 'retention: {hot1m: 48h}' }).totalBytes).toBeGreaterThan(base);
    expect(estimate({ ...COUNT_ONLY, measures: 'measures: {n: {kind: sum, field: v}}' }).totalBytes).toBeGreaterThan(base);
    expect(estimate({ ...COUNT_ONLY, more: 'retention: {raw: 9d}\nlateness: 1m' }).totalBytes).toBe(base);
    const sketches = { ...COUNT_ONLY, measures: 'measures: {u: {kind: unique, field: user}}' };
    expect(estimate(sketches, ', expectedRate: 10000').totalBytes).toBeGreaterThan(estimate(sketches, ', expectedRate: 100').totalBytes);
    expect(estimate(sketches).eventsPerSecond).toBe(1_000);
    expect(estimate({ ...sketches, source: 'source: {demo: {rate: 7}}' }).eventsPerSecond).toBe(7);
  });

  it('knows that a dimension has no more values than its cap, and one where it is grouped by it', () => {
    const rows = (field: string): MemoryEstimate['rows'] =>
      estimate({
        dimensions: 'dimensions: {d: {path: x, cap: 8}, e: {path: y, cap: 8}}',
        measures: `measures: {t: {kind: top, field: ${field}}}`,
      }).rows;
    const bytesOf = (field: string, grouping: string): number =>
      rows(field).find((row) => row.part.startsWith('top_') && row.part.endsWith(`grouping ${grouping}, 1 s panes`))?.bytes ?? NaN;
    expect(bytesOf('d', 'd')).toBeLessThan(bytesOf('d', 'e'));
    expect(bytesOf('d', 'e')).toBeLessThan(bytesOf('something', 'e'));
  });

  it('bounds sketches by what a full one takes, whatever the rate', () => {
    const sketches = { dimensions: 'dimensions: {}', measures: 'measures: {u: {kind: unique, field: user}}' };
    expect(estimate(sketches, ', expectedRate: 10000000').totalBytes).toBe(estimate(sketches, ', expectedRate: 5000000').totalBytes);
  });
});
