// Options with their defaults, checked. The only place that knows a default; detectors read `ResolvedOptions`.

import { TidemarkError } from '../errors.js';
import type { DetectorName, DetectorOptions, Direction, MaintenanceWindow, SeasonName, Sensitivity } from './detector.js';

export interface ResolvedOptions {
  readonly detector: DetectorName;
  readonly direction: Direction;
  readonly sensitivity: Sensitivity;
  /** Already multiplied by the sensitivity's factor. */
  readonly k: number;
  readonly windowMs: number;
  readonly minDeviation: number;
  readonly minRelative: number;
  /** 0: the detector's own. */
  readonly minSamples: number;
  readonly minCount: number;
  readonly consecutive: number;
  readonly recovery: number;
  readonly season: SeasonName;
  readonly timeZone: string;
  readonly holidays: readonly string[];
  readonly maintenance: readonly MaintenanceWindow[];
  readonly hold: 'episode' | 'fade';
  readonly relearnAfter: number;
  readonly missingAfter: number;
}

export const DETECTORS: readonly DetectorName[] = ['auto', 'zscore', 'robust', 'ewma', 'seasonal', 'shift', 'missing'];
const DIRECTIONS: readonly Direction[] = ['both', 'up', 'down'];
const SEASONS: readonly SeasonName[] = ['auto', 'none', 'day', 'daytype', 'week'];
const WIDTH: Readonly<Record<Sensitivity, number>> = { low: 1.5, medium: 1, high: 0.75 };
const K: Readonly<Record<DetectorName, number>> = { auto: 1, zscore: 3, robust: 3.5, ewma: 3, seasonal: 4, shift: 4, missing: 1 };

function invalid(option: string, expected: string, got: unknown): TidemarkError {
  return new TidemarkError(
    'invalid',
    'ANOMALY_OPTION',
    `anomaly option ${option}: expected ${expected}, got ${JSON.stringify(got)}`,
    `Set ${option} to ${expected}.`,
  );
}

function oneOf<T extends string>(option: string, value: T | undefined, allowed: readonly T[], fallback: T): T {
  if (value === undefined) return fallback;
  if (!allowed.includes(value)) throw invalid(option, `one of ${allowed.join(', ')}`, value);
  return value;
}

function within(option: string, value: number | undefined, min: number, max: number, fallback: number, whole = false): number {
  if (value === undefined) return fallback;
  if (!(value >= min && value <= max) || (whole && !Number.isInteger(value))) {
    throw invalid(option, `${whole ? 'a whole number' : 'a number'} from ${min} to ${max}`, value);
  }
  return value;
}

/** @throws TidemarkError ANOMALY_OPTION naming the option and what is allowed */
export function resolveOptions(options: DetectorOptions): ResolvedOptions {
  const detector = oneOf('detector', options.detector, DETECTORS, 'auto');
  const sensitivity = oneOf('sensitivity', options.sensitivity, ['low', 'medium', 'high'], 'medium');
  const timeZone = options.timeZone ?? 'UTC';
  try {
    if (timeZone !== 'UTC') new Intl.DateTimeFormat('en', { timeZone });
  } catch (cause) {
    throw new TidemarkError(
      'invalid',
      'ANOMALY_OPTION',
      `anomaly option timeZone: ${JSON.stringify(timeZone)} is not a time zone`,
      'Use an IANA name such as Europe/Berlin.',
      { cause },
    );
  }
  const holidays = options.holidays ?? [];
  for (const day of holidays) {
    if (!/^\d{4}-\d\d-\d\d$/.test(day) || Number.isNaN(Date.parse(day))) throw invalid('holidays', 'dates as YYYY-MM-DD', day);
  }
  const maintenance = options.maintenance ?? [];
  for (const window of maintenance) {
    if ('days' in window) {
      within('maintenance.fromMinute', window.fromMinute, 0, 1440, 0);
      within('maintenance.toMinute', window.toMinute, window.fromMinute, 2880, 0);
      for (const day of window.days) within('maintenance.days', day, 0, 6, 0, true);
    } else if (!(window.fromMs < window.toMs)) throw invalid('maintenance', 'fromMs before toMs', window);
  }
  return {
    detector,
    direction: oneOf('direction', options.direction, DIRECTIONS, 'both'),
    sensitivity,
    k: within('k', options.k, 0.1, 1e6, K[detector]) * WIDTH[sensitivity],
    windowMs: within('windowMs', options.windowMs, 1000, 90 * 86_400_000, 600_000),
    minDeviation: within('minDeviation', options.minDeviation, 0, Number.MAX_VALUE, 0),
    minRelative: within('minRelative', options.minRelative, 0, 1e9, 0),
    minSamples: within('minSamples', options.minSamples, 1, 100_000, 0, true),
    minCount: within('minCount', options.minCount, 0, Number.MAX_VALUE, 0),
    consecutive: within('consecutive', options.consecutive, 1, 10_000, 1, true),
    recovery: within('recovery', options.recovery, 0.01, 1, 0.7),
    season: oneOf('season', options.season, SEASONS, 'auto'),
    timeZone,
    holidays,
    maintenance,
    // What must last to be flagged would have faded before it is.
    hold: oneOf('hold', options.hold, ['episode', 'fade'], detector === 'auto' && (options.consecutive ?? 1) === 1 ? 'fade' : 'episode'),
    relearnAfter: within('relearnAfter', options.relearnAfter, 2, 100_000, detector === 'auto' ? 24 : 60, true),
    missingAfter: within('missingAfter', options.missingAfter, 1, 100_000, 2, true),
  };
}
