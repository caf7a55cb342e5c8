// Checks that no single key can fail: names against each other, measures against their targets, retentions against each other,
// access against the source. Reports everything it finds and changes nothing. Values of a wrong form were already reported and cut
// out (`removed`), so a rule that would look at such a value stays silent.

import { checkAccess } from './check-access.js';
import { checkGroupings } from './groupings.js';
import { formatDuration, parseDurationMs } from './quantities.js';
import { nearest, show, type Finding, type Path } from './problem.js';
import { NAME_PATTERN, type DefinitionInput, type MeasureInput } from './schema.js';
import { NO_INCIDENTS } from './schema-connections.js';
import { checkWatches } from './watches.js';

/** Taken by columns, frames and groupings. */
const RESERVED_NAMES = new Set(['time', 'tenant', 'topic', 'partition', 'offset', 'log_time', 'none', 'all']);
const MAX_DIMENSIONS = 32;
const MAX_MEASURES = 1_000;
const SECOND_MS = 1_000;
const DAY_MS = 86_400_000;

type Report = (finding: Finding) => void;

/** @param removed paths that were refused before and are missing from `input` */
export function checkDefinition(input: DefinitionInput, removed: readonly Path[], report: Report): void {
  const isRemoved = touches(removed);
  checkNames(input, report);
  checkDurations(input, report);
  for (const [name, measure] of Object.entries(input.measures)) {
    if (!isRemoved(`measures.${name}`)) checkMeasure(name, measure, input, isRemoved, report);
  }
  if (Object.keys(input.measures).length === 0 && !isRemoved('measures')) {
    report({ path: ['measures'], at: 'value', found: 'no measures', expected: 'at least one, such as events: {kind: count}' });
  }
  if (!isRemoved('groupings')) checkGroupings(input, isRemoved, report);
  checkWatches(input, isRemoved, report);
  checkRetention(input, isRemoved, report);
  checkAccess(input, isRemoved, report);
}

/** Whether something at, below or above a dotted path was cut out. */
export function touches(removed: readonly Path[]): (path: string) => boolean {
  const gone = removed.map((path) => path.join('.'));
  return (path) => gone.some((other) => other === path || other.startsWith(`${path}.`) || path.startsWith(`${other}.`));
}

function checkNames(input: DefinitionInput, report: Report): void {
  const dimensions = Object.keys(input.dimensions);
  const measures = Object.keys(input.measures);
  for (const [section, names, limit] of [
    ['dimensions', dimensions, MAX_DIMENSIONS],
    ['measures', measures, MAX_MEASURES],
  ] as const) {
    if (names.length > limit) report({ path: [section], at: 'key', found: `${names.length} ${section}`, expected: `at most ${limit}` });
    const seen = new Map<string, string>();
    for (const name of names) {
      const path = [section, name];
      const plain = normalised(name);
      if (!NAME_PATTERN.test(name)) {
        const suggestion = NAME_PATTERN.test(plain) && !names.includes(plain) ? plain : null;
        report({
          path,
          at: 'key',
          found: `the name ${show(name)}`,
          expected: 'lower-case letters, digits and _, not starting with a digit, at most 63 characters',
          suggestion,
        });
      } else if (RESERVED_NAMES.has(name)) {
        report({
          path,
          at: 'key',
          found: `the name ${name}`,
          expected: `another name: ${[...RESERVED_NAMES].join(', ')} are taken`,
          suggestion: `event_${name}`,
        });
      }
      const twin = seen.get(plain);
      if (twin !== undefined)
        report({
          path,
          at: 'key',
          found: `${show(name)}, the same as ${show(twin)} but for case and punctuation`,
          expected: 'names that differ in letters or digits',
        });
      seen.set(plain, name);
      if (section === 'measures' && dimensions.includes(name)) {
        report({
          path,
          at: 'key',
          found: `the name ${name}, which is a dimension too`,
          expected: 'different names for measures and dimensions',
          suggestion: `${name}_count`,
        });
      }
    }
  }
}

function normalised(name: string): string {
  return name
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '_')
    .replace(/^_+(?=.)|_+$/g, '');
}

function checkMeasure(
  name: string,
  measure: MeasureInput,
  input: DefinitionInput,
  isRemoved: (path: string) => boolean,
  report: Report,
): void {
  const path = ['measures', name];
  if (measure.window !== undefined) checkWindow([...path, 'window'], measure.window, report);
  if (measure.kind === 'quantiles') {
    const seen = new Set<number>();
    measure.quantiles.forEach((q, at) => {
      const place = [...path, 'quantiles', at];
      if (!(q > 0 && q < 1)) {
        const suggestion = q >= 1 && q < 100 ? String(Number((q / 100).toPrecision(12))) : null;
        report({
          path: place,
          at: 'value',
          found: show(q),
          expected: 'a number between 0 and 1 (both excluded); for 0 and 1 use kind min and max',
          suggestion,
        });
      } else if (seen.has(q)) report({ path: place, at: 'value', found: `${q} a second time`, expected: 'each quantile once' });
      seen.add(q);
    });
  }
  if (measure.kind === 'top') {
    if (measure.keep !== undefined && measure.keep < measure.limit) {
      report({ path: [...path, 'keep'], at: 'value', found: show(measure.keep), expected: `at least the limit, ${measure.limit}` });
    }
    if (measure.decimals !== undefined && measure.weight === undefined) {
      report({
        path: [...path, 'decimals'],
        at: 'key',
        found: 'decimals without a weight',
        expected: 'a weight, or no decimals: events are whole',
      });
    }
  }
  if (measure.kind !== 'ratio') return;
  for (const side of ['of', 'to'] as const) {
    const target = measure[side];
    if (isRemoved(`measures.${target}`)) continue;
    const found = Object.hasOwn(input.measures, target) ? input.measures[target] : undefined;
    const candidates = Object.entries(input.measures)
      .filter(([, other]) => isRatioTarget(other))
      .map(([other]) => other);
    if (found === undefined) {
      const suggestion = nearest(target, candidates);
      report({
        path: [...path, side],
        at: 'value',
        found: show(target),
        expected: `the name of a count, sum or unique measure: ${candidates.join(', ') || 'there is none'}`,
        suggestion,
      });
    } else if (!isRatioTarget(found)) {
      report({
        path: [...path, side],
        at: 'value',
        found: `${target}, a measure of kind ${found.kind}`,
        expected: 'a measure of kind count, sum or unique',
      });
    } else if (found.window !== undefined && !sameWindow(found.window, measure.window)) {
      report({
        path: [...path, side],
        at: 'value',
        found: `${target}, which slides over ${found.window.size} every ${found.window.slide}`,
        expected: `the same window on the ratio, window: {size: ${found.window.size}, slide: ${found.window.slide}}; or a target without one`,
      });
    }
  }
}

function isRatioTarget(measure: MeasureInput): boolean {
  return measure.kind === 'count' || measure.kind === 'sum' || measure.kind === 'unique';
}

type Window = NonNullable<MeasureInput['window']>;

function sameWindow(a: Window, b: Window | undefined): boolean {
  return b !== undefined && parseDurationMs(a.size) === parseDurationMs(b.size) && parseDurationMs(a.slide) === parseDurationMs(b.slide);
}

function checkWindow(path: Path, window: Window, report: Report): void {
  const sizeMs = parseDurationMs(window.size);
  const slideMs = parseDurationMs(window.slide);
  if (sizeMs === null || slideMs === null) return; // reported by checkDurations
  if (slideMs === 0 || slideMs % SECOND_MS !== 0) {
    report({ path: [...path, 'slide'], at: 'value', found: show(window.slide), expected: 'a whole number of seconds, at least 1s' });
  } else if (sizeMs > DAY_MS) {
    report({ path: [...path, 'size'], at: 'value', found: show(window.size), expected: 'at most 1d' });
  } else if (sizeMs === 0 || sizeMs % slideMs !== 0) {
    const rounded = Math.max(1, Math.round(sizeMs / slideMs)) * slideMs;
    report({
      path: [...path, 'size'],
      at: 'value',
      found: `${window.size} with a slide of ${window.slide}`,
      expected: 'a multiple of the slide',
      suggestion: formatDuration(rounded),
    });
  }
}

/** Durations that have the right form but are beyond all use (a year with a typing mistake), and lower bounds. */
function checkDurations(input: DefinitionInput, report: Report): void {
  const bounds: readonly (readonly [Path, string, number, number])[] = [
    [['lateness'], input.lateness, 0, DAY_MS],
    [['maxFuture'], input.maxFuture, 0, 365 * DAY_MS],
    [['duplicates', 'window'], input.duplicates.window, 0, DAY_MS],
    [['query', 'deadline'], input.query.deadline, 10, 600_000],
    [['query', 'cacheTtl'], input.query.cacheTtl, 0, DAY_MS],
    [['flush', 'interval'], input.flush.interval, 100, 60_000],
    [['cold', 'requestTimeout'], input.cold.requestTimeout, 1_000, 600_000],
    ...(input.source.kafka === undefined
      ? []
      : [[['source', 'kafka', 'sessionTimeout'], input.source.kafka.sessionTimeout, 6_000, 600_000] as const]),
    ...(input.source.demo ? [[['source', 'demo', 'history'], input.source.demo.history, 0, 7 * DAY_MS] as const] : []),
    ...(input.source.demo && input.source.demo.incidents !== NO_INCIDENTS
      ? [[['source', 'demo', 'incidents'], input.source.demo.incidents, 15 * 60_000, 7 * DAY_MS] as const]
      : []),
    ...Object.entries(input.measures).flatMap(([name, { window }]) =>
      window === undefined
        ? []
        : (['size', 'slide'] as const).map((key) => [['measures', name, 'window', key], window[key], 0, 200 * 365 * DAY_MS] as const),
    ),
  ];
  for (const [path, text, leastMs, mostMs] of bounds) {
    const durationMs = parseDurationMs(text);
    if (durationMs === null || durationMs < leastMs || durationMs > mostMs) {
      report({ path, at: 'value', found: show(text), expected: `a duration from ${formatDuration(leastMs)} to ${formatDuration(mostMs)}` });
    }
  }
}

const RETENTION_ORDER = [
  ['hot1s', 'hot10s'],
  ['hot10s', 'hot1m'],
  ['hot1m', 'raw'],
  ['rollup1m', 'rollup1h'],
  ['rollup1h', 'rollup1d'],
] as const;
const RETENTION_LEAST_MS = {
  hot1s: 60_000,
  hot10s: 60_000,
  hot1m: 600_000,
  raw: 3_600_000,
  rollup1m: 3_600_000,
  rollup1h: DAY_MS,
  rollup1d: DAY_MS,
};

function checkRetention(input: DefinitionInput, isRemoved: (path: string) => boolean, report: Report): void {
  const retention = input.retention;
  const known = (key: keyof typeof retention): boolean => !isRemoved(`retention.${key}`);
  const toMs = (key: keyof typeof retention): number | null => (retention[key] === 'forever' ? Infinity : parseDurationMs(retention[key]));
  for (const key of ['hot1s', 'hot10s', 'hot1m', 'raw', 'rollup1m', 'rollup1h', 'rollup1d'] as const) {
    const durationMs = toMs(key);
    if (durationMs === null || durationMs < RETENTION_LEAST_MS[key]) {
      report({
        path: ['retention', key],
        at: 'value',
        found: show(retention[key]),
        expected: `a duration of at least ${formatDuration(RETENTION_LEAST_MS[key])}`,
      });
    }
  }
  for (const [shorter, longer] of RETENTION_ORDER) {
    const [a, b] = [toMs(shorter), toMs(longer)];
    if (!known(shorter) || !known(longer) || a === null || b === null || a <= b) continue;
    const path = ['retention', longer];
    report({
      path,
      at: 'value',
      found: `${longer} ${retention[longer]}, shorter than ${shorter} ${retention[shorter]}`,
      expected: `at least as long as ${shorter}`,
      suggestion: retention[shorter],
    });
  }
  const latenessMs = parseDurationMs(input.lateness);
  const hot1m = toMs('hot1m');
  if (latenessMs !== null && hot1m !== null && known('hot1m') && latenessMs > hot1m) {
    report({ path: ['lateness'], at: 'value', found: show(input.lateness), expected: `at most retention.hot1m, ${retention.hot1m}` });
  }
}
