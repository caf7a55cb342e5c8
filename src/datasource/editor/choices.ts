// What the editor's lists offer, and how a sliding window is written in one field. Pure.

import type { SelectableValue } from '@grafana/data';
import type { ComboboxOption } from '@grafana/ui';
import type { Catalog, CatalogMeasure } from '../catalog';
import { FILTER_OPS, type Fill, type FilterOp, type Format, type QueryFields, type QueryKind } from '../query/model';

export const KIND_OPTIONS: Array<SelectableValue<QueryKind>> = [
  { value: 'metric', label: 'Metric', description: 'Numbers over time, totals, tables and heat maps' },
  { value: 'anomaly', label: 'Anomaly', description: 'A metric with what was to be expected of it, and what is out of line' },
  { value: 'top', label: 'Top list', description: 'The heaviest items, or values of a dimension' },
  { value: 'events', label: 'Events', description: 'Raw events, newest first' },
  { value: 'values', label: 'Values', description: 'Values of a dimension, most frequent first' },
  { value: 'contributors', label: 'Contributors', description: 'Which values of which dimensions made a change' },
  { value: 'annotations', label: 'Watches', description: 'What the watches of the definition found, newest first' },
];

export const FORMAT_OPTIONS: Array<ComboboxOption<Format>> = [
  { value: 'timeseries', label: 'Time series', description: 'A value per bucket and series' },
  { value: 'total', label: 'Total', description: 'One number per series over the whole range' },
  { value: 'table', label: 'Table', description: 'A row per group' },
  { value: 'heatmap', label: 'Heat map', description: 'Rows by dimension, or the distribution of quantiles' },
];

export const FILL_OPTIONS: Array<ComboboxOption<Fill>> = [
  { value: 'auto', label: 'Automatic', description: 'Zero where nothing happened, gaps where nothing is known' },
  { value: 'null', label: 'Gap' },
  { value: 'zero', label: 'Zero' },
  { value: 'previous', label: 'Previous value' },
  { value: 'none', label: 'Leave out' },
];

export const ORDER_OPTIONS: Array<SelectableValue<'desc' | 'asc'>> = [
  { value: 'desc', label: 'Highest' },
  { value: 'asc', label: 'Lowest' },
];

const OP_WORDS: Readonly<Record<FilterOp, string>> = {
  '=': 'equals',
  '!=': 'differs from',
  in: 'is one of',
  'not in': 'is none of',
  '=~': 'matches a pattern',
  '!~': 'does not match a pattern',
};
export const OP_OPTIONS: Array<ComboboxOption<FilterOp>> = FILTER_OPS.map((op) => ({ value: op, label: op, description: OP_WORDS[op] }));

export const BUCKET_OPTIONS: ComboboxOption[] = [
  { value: 'auto', label: 'Automatic', description: 'By range and width of the panel' },
  { value: '$__interval', label: '$__interval', description: "Grafana's own interval" },
  ...['1s', '10s', '1m', '5m', '1h', '1d'].map((value) => ({ value, label: value })),
];

export const COMPARE_OPTIONS: ComboboxOption[] = [
  { value: '1h', label: '1 hour earlier' },
  { value: '1d', label: '1 day earlier' },
  { value: '1w', label: '1 week earlier' },
];

/** The value of the window field that stands for the measure's own. */
export const OWN_WINDOW = 'own';

export function windowOptions(measure: CatalogMeasure | undefined): ComboboxOption[] {
  const own = measure?.window ?? null;
  return [
    { value: OWN_WINDOW, label: own === null ? 'None' : `The measure's (${own.size} / ${own.slide})` },
    ...(own === null ? [] : [{ value: 'none', label: 'None', description: 'Each bucket by itself' }]),
    { value: '1m / 1s', label: '1m / 1s' },
    { value: '5m / 30s', label: '5m / 30s', description: '5 minutes, moved on by 30 seconds' },
    { value: '1h / 1m', label: '1h / 1m' },
  ];
}

export function windowText(window: QueryFields['window']): string {
  if (window === undefined) return OWN_WINDOW;
  if (window === 'none') return 'none';
  return window.slide === undefined ? window.size : `${window.size} / ${window.slide}`;
}

/** `5m` or `5m / 30s`; what is no window is kept as its size, and the check says so. */
export function readWindow(text: string): QueryFields['window'] {
  const written = text.trim();
  if (written === OWN_WINDOW || written === '') return undefined;
  if (written === 'none') return 'none';
  const [size = '', slide] = written.split('/').map((part) => part.trim());
  return { size, ...(slide === undefined || slide === '' ? {} : { slide }) };
}

/** Rankings come first for top lists; nowhere else can they be asked. */
export function measureOptions(catalog: Catalog | null, kind: QueryKind): ComboboxOption[] {
  const rank = (measure: CatalogMeasure): number => ((measure.kind === 'top') === (kind === 'top') ? 0 : 1);
  return [...(catalog?.measures ?? [])]
    .filter((measure) => kind === 'top' || measure.kind !== 'top')
    .sort((a, b) => rank(a) - rank(b))
    .map(measureOption);
}

/** Every measure is made of events, a ranking too. */
export function allMeasureOptions(catalog: Catalog | null): ComboboxOption[] {
  return (catalog?.measures ?? []).map(measureOption);
}

function measureOption({ name, kind, description }: CatalogMeasure): ComboboxOption {
  return { value: name, label: name, description: [kind, description].filter(Boolean).join(' · ') };
}

export function dimensionOptions(catalog: Catalog | null): ComboboxOption[] {
  return (catalog?.dimensions ?? []).map(({ name, path }) => ({
    value: name,
    label: name,
    ...(path === name ? {} : { description: path }),
  }));
}

const QUANTILES = ['p50', 'p75', 'p90', 'p95', 'p99', 'p99.9'];

/** Any quantile can be asked of a quantiles measure; the defined ones stand first. */
export function statOptions(measure: CatalogMeasure | undefined): ComboboxOption[] {
  const defined = measure?.stats ?? [];
  if (measure?.kind !== 'quantiles') return defined.map((value) => ({ value, label: value }));
  const others = QUANTILES.filter((name) => !defined.includes(name));
  return [
    ...defined.map((value) => ({ value, label: value, description: 'kept ready' })),
    ...others.map((value) => ({ value, label: value })),
  ];
}

/** What is worth knowing of the chosen measure. */
export function measureHint(measure: CatalogMeasure | undefined): string {
  if (measure === undefined) return '';
  const window = measure.window === null ? '' : `windows of ${measure.window.size}`;
  return [measure.description, measure.unit, window, measure.accuracy].filter((part) => part !== '').join(' · ');
}

/** Variables of the dashboard stand behind the names that the catalogue knows. */
export function withVariables(options: ComboboxOption[], variables: readonly string[]): ComboboxOption[] {
  return [...options, ...variables.map((name) => ({ value: `$${name}`, label: `$${name}`, description: 'variable' }))];
}
