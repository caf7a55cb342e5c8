import { describe, expect, it } from 'vitest';
import { createTheme, FieldType, toDataFrame, type DataFrame } from '@grafana/data';
import { SortOrder } from '@grafana/schema';
import { judgedFrame, MINUTE, minutes, START } from '../../frames/frames.fixture';
import { seriesSetOf } from '../../frames/series-set';
import { OPTION_DEFAULTS, type AnomalyOptions, type LineOptions } from '../options';
import { chartView, lastFinished, type ChartView } from './chart-view';
import { anomalousSpans } from './draw-anomalies';
import { bandRuns } from './draw-band';
import { nextIndex } from './keyboard';
import { legendItems } from './legend-items';
import { chartSummary } from './summary';
import { tooltipContent, type TooltipAsk } from './tooltip-rows';
import { dateTime } from '@grafana/data';

const THEME = createTheme();

function viewOf(frames: DataFrame[], options: Partial<AnomalyOptions> = {}): ChartView {
  return chartView(seriesSetOf(frames), [], { ...OPTION_DEFAULTS, ...options }, THEME);
}

function plainFrame(names: string[], values: (index: number) => (number | null)[], custom: Partial<LineOptions> = {}): DataFrame {
  return toDataFrame({
    fields: [
      { name: 'Time', type: FieldType.time, values: minutes(values(0).length) },
      ...names.map((name, index) => ({ name, type: FieldType.number, values: values(index), config: { custom } })),
    ],
  });
}

describe('chartView', () => {
  it('keeps its key when only values change, so that live data does not rebuild the chart', () => {
    const before = viewOf([judgedFrame([1, 2, 3], [0, 0, 0], { partialFrom: START + 2 * MINUTE })]);
    const after = viewOf([judgedFrame([1, 2, 3, 40], [0, 0, 0, 1], { partialFrom: START + 3 * MINUTE })]);
    expect(after.key).toBe(before.key);
    expect(viewOf([judgedFrame([1], [0])], { band: 'off' }).key).not.toBe(before.key);
  });

  it('gives the axis room for the band, and leaves both out when the band is off', () => {
    const judged = [judgedFrame([1, 2], [0, 0])];
    expect(viewOf(judged).extras.map((extra) => extra.role)).toEqual(['upper', 'lower', 'expected']);
    expect(viewOf(judged, { expectedLine: false }).extras.map((extra) => extra.role)).toEqual(['upper', 'lower']);
    expect(viewOf(judged, { band: 'off' }).extras).toEqual([]);
  });

  it('shows bands on its own only while few enough series are visible', () => {
    const many = Array.from({ length: 4 }, () => judgedFrame([1], [0]));
    expect(viewOf(many).lines.some((line) => line.band)).toBe(false);
    expect(viewOf(many, { band: 'on' }).lines.every((line) => line.band)).toBe(true);
    const hidden = many.map((frame, index) =>
      index === 0
        ? frame
        : {
            ...frame,
            fields: frame.fields.map((field) => ({
              ...field,
              config: { ...field.config, custom: { ...field.config.custom, hideFrom: { viz: true, legend: false, tooltip: false } } },
            })),
          },
    );
    expect(viewOf(hidden).lines.map((line) => line.band)).toEqual([true, false, false, false]);
  });

  it('gives palette colours to series, whatever verdict fields stand between them', () => {
    const palette = (frames: DataFrame[]): string[] => viewOf(frames).lines.map((line) => line.color);
    const config = { color: { mode: 'palette-classic' } };
    const plain = toDataFrame({
      fields: [
        { name: 'Time', type: FieldType.time, values: [1] },
        ...['a', 'b'].map((name) => ({ name, type: FieldType.number, values: [1], config })),
      ],
    });
    const judged = toDataFrame({
      fields: [
        { name: 'Time', type: FieldType.time, values: [1] },
        ...['a', 'b'].flatMap((name) =>
          [name, 'lower', 'upper'].map((field) => ({ name: field, type: FieldType.number, values: [1], labels: { name }, config })),
        ),
      ],
    });
    expect(palette([judged])).toEqual(palette([plain]));
    expect(new Set(palette([plain])).size).toBe(2);
  });

  it('hides the unfinished bucket when asked, and only that', () => {
    const frame = judgedFrame([1, 2, 3], [0, 0, 0], { partialFrom: START + 2 * MINUTE });
    expect(viewOf([frame], { partial: 'hidden' }).data[1]).toEqual([1, 2, null]);
    expect(viewOf([frame]).data[1]).toEqual([1, 2, 3]);
  });

  it('finds the last finished point', () => {
    expect([null, START + MINUTE, START, START + 99 * MINUTE].map((from) => lastFinished(minutes(3), from))).toEqual([2, 0, -1, 2]);
  });
});

describe('what is highlighted', () => {
  it('joins the spans of several series where they overlap', () => {
    const view = viewOf([judgedFrame([1, 1, 1, 1, 1, 1], [0, 1, 1, 0, 0, 1]), judgedFrame([1, 1, 1, 1, 1, 1], [0, 0, 1, 1, 0, 0])]);
    expect(anomalousSpans(view)).toEqual([
      { fromMs: START + 0.5 * MINUTE, toMs: START + 3.5 * MINUTE },
      { fromMs: START + 4.5 * MINUTE, toMs: START + 5.5 * MINUTE },
    ]);
  });

  it('interrupts the band at a bucket without a range, but not at a time of other series', () => {
    expect(bandRuns([1, 1, null, 1, undefined, 1], [2, 2, null, 2, undefined, 2], 0, 5)).toEqual([
      [0, 1],
      [3, 5],
    ]);
  });
});

describe('tooltipContent', () => {
  const ask: TooltipAsk = { indexes: [1, 1, 1], focusedLine: null, onlyFocused: false, sort: SortOrder.None, hideZeros: false, atMost: 14 };

  it('says value, expected range, reason and score of an anomalous point', () => {
    const content = tooltipContent(viewOf([judgedFrame([10, 40], [0, 1])]), { ...ask, focusedLine: 0 });
    expect(content).toMatchObject({
      timeMs: START + MINUTE,
      unfinished: false,
      rows: [{ value: '40', expected: '5 to 15', anomalous: true, reason: '40 orders, expected 10 ± 5', score: '0.8', focused: true }],
    });
  });

  it('says that the bucket is not finished yet', () => {
    const view = viewOf([judgedFrame([10, 4], [0, null], { partialFrom: START + MINUTE })]);
    expect(tooltipContent(view, ask)?.unfinished).toBe(true);
    expect(tooltipContent(view, { ...ask, indexes: [0] })?.unfinished).toBe(false);
  });

  it('mentions an anomaly that has no value: a feed that went silent', () => {
    const content = tooltipContent(viewOf([judgedFrame([10, null], [0, 1])]), ask);
    expect(content?.rows).toMatchObject([{ value: 'no value', anomalous: true }]);
  });

  it('sorts by value, and leaves out zeros and what is hidden', () => {
    const view = viewOf([plainFrame(['a', 'b', 'c'], (index) => [0, [5, 9, 0][index]!])]);
    const names = (more: Partial<TooltipAsk>): unknown => tooltipContent(view, { ...ask, ...more })?.rows.map((row) => row.name);
    expect(names({ sort: SortOrder.Descending })).toEqual(['b', 'a', 'c']);
    expect(names({ sort: SortOrder.Ascending })).toEqual(['c', 'a', 'b']);
    expect(names({ hideZeros: true })).toEqual(['a', 'b']);
    expect(names({ onlyFocused: true, focusedLine: 1 })).toEqual(['b']);
    expect(names({ indexes: [null, 1, undefined] })).toEqual(['b']);
    expect(tooltipContent(view, { ...ask, indexes: [null, null, null] })).toBeNull();
  });

  it('never leaves out the series under the cursor or an anomalous one when there is not room for all', () => {
    const plain = Array.from({ length: 20 }, (_, index) => plainFrame([`s${index}`], () => [1, 1_000 - index]));
    const view = viewOf([...plain, judgedFrame([1, 2], [0, 1])]);
    const content = tooltipContent(view, { ...ask, indexes: Array(21).fill(1), focusedLine: 19, sort: SortOrder.Descending, atMost: 5 });
    expect(content?.rows.map((row) => row.name)).toEqual(['s0', 's1', 's2', 's19', 'orders DE']);
    expect(content?.hidden).toBe(16);
  });
});

describe('legendItems', () => {
  it('calculates over finished buckets only', () => {
    const view = viewOf([judgedFrame([10, 20, 1], [0, 0, null], { partialFrom: START + 2 * MINUTE })]);
    const [item] = legendItems(view, ['lastNotNull', 'min', 'max', 'mean'], new Set());
    expect(item?.getDisplayValues?.().map((value) => value.text)).toEqual(['20', '10', '20', '15']);
  });

  it('greys hidden series and leaves out those that an override takes from the legend', () => {
    const hide = (viz: boolean, legend: boolean): DataFrame => plainFrame(['x'], () => [1], { hideFrom: { viz, legend, tooltip: false } });
    expect(legendItems(viewOf([hide(true, false)]), [], new Set())).toMatchObject([{ label: 'x', disabled: true }]);
    expect(legendItems(viewOf([hide(false, true)]), [], new Set())).toEqual([]);
  });
});

describe('reading by keyboard', () => {
  const view = viewOf([judgedFrame([1, 9, 1, 1, 9, 9, 1], [0, 1, 0, 0, 1, 1, 0])]);
  const go = (key: string, at: number): number | null => nextIndex(key, view, at, 0, 6);

  it('goes from point to point and stops at the ends', () => {
    expect([
      go('ArrowRight', -1),
      go('ArrowRight', 2),
      go('ArrowRight', 6),
      go('ArrowLeft', -1),
      go('ArrowLeft', 0),
      go('Home', 3),
      go('End', 3),
    ]).toEqual([0, 3, 6, 6, 0, 0, 6]);
  });

  it('goes from anomaly to anomaly', () => {
    expect([go('PageDown', -1), go('PageDown', 1), go('PageDown', 5), go('PageUp', -1), go('PageUp', 4), go('PageUp', 1)]).toEqual([
      1,
      4,
      null,
      4,
      1,
      null,
    ]);
  });

  it('leaves other keys to the page', () => {
    expect(go('Tab', 1)).toBeNull();
  });

  it('has the chart in words', () => {
    const range = { from: dateTime(START), to: dateTime(START + 7 * MINUTE), raw: { from: 'now-7m', to: 'now' } };
    expect(chartSummary('Orders', view, range, 'utc')).toBe(
      'Orders: 1 series, from 2025-06-10 12:00:00 to 2025-06-10 12:07:00. 2 anomalies. Use the arrow keys to read the points, page up and page down to go from anomaly to anomaly.',
    );
  });
});
