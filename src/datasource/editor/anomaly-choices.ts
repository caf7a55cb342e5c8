// What the lists of the anomaly row offer, in plain words, and how its fields stand in the stored detector. Pure.

import type { SelectableValue } from '@grafana/data';
import type { ComboboxOption } from '@grafana/ui';
import type { DetectorFields, DetectorName, Direction, Hold, Sensitivity } from '../query/detector';
import type { Format, Returned } from '../query/model';

export const DETECTOR_OPTIONS: Array<ComboboxOption<DetectorName>> = [
  { value: 'auto', label: 'Automatic', description: 'Chooses and tunes by the history of each series, and says what it chose' },
  { value: 'seasonal', label: 'Seasonal', description: 'Against the same hour of other days and weeks, with the trend' },
  { value: 'robust', label: 'Robust', description: 'Against the median of the last while; single spikes do not shift it' },
  { value: 'zscore', label: 'Z-score', description: 'More than k standard deviations from the mean of the last 10 minutes' },
  { value: 'ewma', label: 'Moving average', description: 'Against a mean in which newer values weigh more' },
  { value: 'shift', label: 'Level shift', description: 'The level has changed and stays changed; lines that went flat too' },
  { value: 'missing', label: 'Missing data', description: 'Nothing arrives where something used to' },
];

export const SENSITIVITY_OPTIONS: Array<SelectableValue<Sensitivity>> = [
  { value: 'low', label: 'Low', description: 'Only what is far out of line: a band half as wide again' },
  { value: 'medium', label: 'Medium', description: 'What most would call unusual' },
  { value: 'high', label: 'High', description: 'A band a quarter narrower: finds more, and is wrong more often' },
];

export const DIRECTION_OPTIONS: Array<SelectableValue<Direction>> = [
  { value: 'both', label: 'Both', description: 'Too high and too low' },
  { value: 'up', label: 'Too high', description: 'Only values above the band' },
  { value: 'down', label: 'Too low', description: 'Only values below the band' },
];

export const HOLD_OPTIONS: Array<ComboboxOption<Hold>> = [
  { value: 'episode', label: 'While out of line', description: 'Each bucket until it is over: keeps an alert up' },
  { value: 'fade', label: 'When it begins', description: 'At the onset, and again when it gets worse' },
];

export const RETURN_OPTIONS: Array<ComboboxOption<Returned>> = [
  { value: 'all', label: 'Everything', description: 'Value, expected, band, score, verdict and reason: for panels' },
  { value: 'score', label: 'Score', description: '0 to 1 per series, from 0.5 anomalous: for alert rules' },
  { value: 'anomalous', label: 'Anomalous', description: '0 or 1 per series: for alert rules' },
];

export const ANOMALY_FORMAT_OPTIONS: Array<ComboboxOption<Format>> = [
  { value: 'timeseries', label: 'Time series', description: 'A verdict per bucket and series' },
  { value: 'total', label: 'Newest bucket', description: 'The newest finished bucket of each series: for alert rules' },
  { value: 'table', label: 'Episodes', description: 'A row per anomaly, from begin to end, newest first' },
];

export const HISTORY_OPTIONS: ComboboxOption[] = ['6h', '1d', '2d', '7d', '28d'].map((value) => ({ value, label: value }));

export const DETECTOR_WINDOW_OPTIONS: ComboboxOption[] = ['10m', '30m', '1h', '6h', '1d'].map((value) => ({ value, label: value }));

/** What a detector does where nothing is chosen. */
export function defaultHold({ name = 'auto' }: DetectorFields): Hold {
  return name === 'auto' ? 'fade' : 'episode';
}

/** The others find their own width, or have none. */
export function takesWidth({ name = 'auto' }: DetectorFields): boolean {
  return name !== 'auto' && name !== 'missing';
}

export function takesWindow({ name = 'auto' }: DetectorFields): boolean {
  return name === 'zscore' || name === 'robust' || name === 'ewma' || name === 'shift';
}

/** @returns what is stored: options that are the default are left out, and all of it where nothing remains */
export function withOptions(detector: DetectorFields | undefined, chosen: Partial<DetectorFields>): DetectorFields | undefined {
  const next: DetectorFields = { ...detector, ...chosen };
  if (next.name === 'auto') delete next.name;
  if (next.sensitivity === 'medium') delete next.sensitivity;
  if (next.direction === 'both') delete next.direction;
  if (next.hold === defaultHold(next)) delete next.hold;
  // Of another detector: it would be refused or mean something else.
  if (!takesWidth(next)) delete next.k;
  if (!takesWindow(next)) delete next.window;
  const given = Object.entries(next).filter(([, value]) => value !== undefined);
  return given.length === 0 ? undefined : Object.fromEntries(given);
}
