// A detector's options as a query stores them: the names and values of the aggregator's `detector`. What has no field in the editor
// (seasons, holidays, maintenance) is kept as it is written. Only the form is judged here; an option that is absent has the detector's
// own default. Pure.

import { nearest } from './nearest';

export const DETECTORS = ['auto', 'zscore', 'robust', 'ewma', 'seasonal', 'shift', 'missing'] as const;
export type DetectorName = (typeof DETECTORS)[number];

export const SENSITIVITIES = ['low', 'medium', 'high'] as const;
export type Sensitivity = (typeof SENSITIVITIES)[number];

export const DIRECTIONS = ['both', 'up', 'down'] as const;
export type Direction = (typeof DIRECTIONS)[number];

export const HOLDS = ['episode', 'fade'] as const;
export type Hold = (typeof HOLDS)[number];

export const SEASONS = ['auto', 'none', 'day', 'daytype', 'week'] as const;

export interface DetectorFields {
  /** Absent: auto. */
  name?: DetectorName;
  direction?: Direction;
  sensitivity?: Sensitivity;
  /** Half the band's width in standard deviations. */
  k?: number;
  /** A duration. */
  window?: string;
  /** In the measure's unit. */
  minDeviation?: number;
  /** 0.2 is 20 % of the expected value. */
  minRelative?: number;
  minSamples?: number;
  minCount?: number;
  /** Buckets in a row. */
  consecutive?: number;
  recovery?: number;
  season?: (typeof SEASONS)[number];
  timeZone?: string;
  /** Local dates. */
  holidays?: readonly string[];
  maintenance?: ReadonlyArray<Readonly<Record<string, unknown>>>;
  hold?: Hold;
  relearnAfter?: number;
  missingAfter?: number;
}

/** What is wrong with a value, as `expected …`; null: nothing. */
type Form = (value: unknown) => string | null;

const oneOf =
  (allowed: readonly string[]): Form =>
  (value) =>
    allowed.some((candidate) => candidate === value) ? null : `one of ${allowed.join(', ')}`;
const numberFrom =
  (least: number, words: string): Form =>
  (value) =>
    typeof value === 'number' && Number.isFinite(value) && value >= least ? null : words;
const wholeFrom =
  (least: number): Form =>
  (value) =>
    typeof value === 'number' && Number.isInteger(value) && value >= least ? null : `a whole number from ${least}`;
const isText: Form = (value) => (typeof value === 'string' && value !== '' ? null : 'a text');
const listOf =
  (part: (value: unknown) => boolean, words: string): Form =>
  (value) =>
    Array.isArray(value) && value.every(part) ? null : words;

/** Every option that there is. */
export const DETECTOR_FORMS: Readonly<Record<keyof DetectorFields, Form>> = {
  name: oneOf(DETECTORS),
  direction: oneOf(DIRECTIONS),
  sensitivity: oneOf(SENSITIVITIES),
  k: (value) => (typeof value === 'number' && value > 0 && Number.isFinite(value) ? null : 'a number above 0'),
  window: isText,
  minDeviation: numberFrom(0, 'a number from 0'),
  minRelative: numberFrom(0, 'a number from 0, such as 0.2 for 20 %'),
  minSamples: wholeFrom(1),
  minCount: numberFrom(0, 'a number from 0'),
  consecutive: wholeFrom(1),
  recovery: (value) => (typeof value === 'number' && value > 0 && value <= 1 ? null : 'a number above 0, at most 1'),
  season: oneOf(SEASONS),
  timeZone: isText,
  holidays: listOf((value) => typeof value === 'string' && /^\d{4}-\d\d-\d\d$/.test(value), 'a list of dates such as 2026-12-25'),
  maintenance: listOf(
    (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
    'a list of {"days": ["sat"], "from": "22:00", "to": "24:00"}, or of times from and to',
  ),
  hold: oneOf(HOLDS),
  relearnAfter: wholeFrom(2),
  missingAfter: wholeFrom(1),
};

/** @returns what is wrong, with the option's name in front; null: its form is right */
export function detectorFormProblem(value: unknown): string | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'detector: expected an object such as {"name": "auto"}.';
  for (const [name, given] of Object.entries(value)) {
    if (!isOption(name)) {
      const near = nearest(name, Object.keys(DETECTOR_FORMS));
      return `detector.${name}: there is no such option.${near === null ? '' : ` Did you mean ${near}?`}`;
    }
    const expected = DETECTOR_FORMS[name](given);
    if (expected !== null) return `detector.${name}: found ${(JSON.stringify(given) ?? 'nothing').slice(0, 80)}, expected ${expected}.`;
  }
  return null;
}

/** Of something stored: the options that there are and that have the right form. */
export function readDetector(value: unknown): DetectorFields | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const kept = Object.entries(value).filter(([name, given]) => isOption(name) && DETECTOR_FORMS[name](given) === null);
  return kept.length === 0 ? undefined : Object.fromEntries(kept);
}

function isOption(name: string): name is keyof DetectorFields {
  return Object.hasOwn(DETECTOR_FORMS, name);
}
