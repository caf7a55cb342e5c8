// Watches: measures that are judged by a detector as their buckets close. What is wrong with one, and the query that it is.
// The query is in the query API's own form, so that a watch, a panel and an alert rule ask the same thing.

import { detectorOptions, type DetectorInput } from '../anomaly/detector-schema.js';
import { resolveOptions } from '../anomaly/options.js';
import { TidemarkError } from '../errors.js';
import type { Watch } from './model.js';
import { nearest, show, type Finding, type Path } from './problem.js';
import { durationMs, formatDuration, parseDurationMs } from './quantities.js';
import type { DefinitionInput } from './schema.js';
import { NAME_PATTERN } from './schema-values.js';

export type WatchInput = DefinitionInput['watches'][string];
type Report = (finding: Finding) => void;

const MAX_WATCHES = 200;
const SECOND_MS = 1_000;
const DAY_MS = 86_400_000;

export function checkWatches(input: DefinitionInput, isRemoved: (path: string) => boolean, report: Report): void {
  const names = Object.keys(input.watches);
  if (names.length > MAX_WATCHES)
    report({ path: ['watches'], at: 'key', found: `${names.length} watches`, expected: `at most ${MAX_WATCHES}` });
  for (const [name, watch] of Object.entries(input.watches)) {
    const path = ['watches', name];
    if (!NAME_PATTERN.test(name)) {
      const expected = 'lower-case letters, digits and _, not starting with a digit, at most 63 characters';
      report({ path, at: 'key', found: `the name ${show(name)}`, expected });
    }
    if (!isRemoved(`watches.${name}.measure`)) checkMeasure([...path], watch, input, isRemoved, report);
    checkDimensions(path, watch, input, isRemoved, report);
    checkTimes(path, watch, report);
  }
}

function checkMeasure(path: Path, watch: WatchInput, input: DefinitionInput, isRemoved: (path: string) => boolean, report: Report): void {
  if (isRemoved(`measures.${watch.measure}`)) return;
  const names = Object.keys(input.measures).filter((name) => input.measures[name].kind !== 'top');
  const measure = Object.hasOwn(input.measures, watch.measure) ? input.measures[watch.measure] : undefined;
  if (measure === undefined || measure.kind === 'top') {
    const found = measure === undefined ? show(watch.measure) : `${watch.measure}, a ranking and not a number`;
    const suggestion = measure === undefined ? nearest(watch.measure, names) : null;
    report({ path: [...path, 'measure'], at: 'value', found, expected: `the name of a measure: ${names.join(', ')}`, suggestion });
  } else if (measure.kind === 'quantiles') {
    const ready = measure.quantiles.map((q) => `p${Number((q * 100).toPrecision(6))}`);
    const many = watch.stat === undefined && ready.length > 1;
    if (many || (watch.stat !== undefined && !/^p\d{1,2}(\.\d{1,4})?$/.test(watch.stat))) {
      const found = watch.stat === undefined ? `no stat for ${watch.measure}, which has ${ready.join(', ')}` : show(watch.stat);
      report({ path: [...path, 'stat'], at: 'value', found, expected: 'one quantile, such as p95', suggestion: ready.at(-1) ?? 'p95' });
    }
  } else if (watch.stat !== undefined) {
    const expected = `no stat: ${watch.measure} is a ${measure.kind}`;
    report({ path: [...path, 'stat'], at: 'key', found: show(watch.stat), expected });
  }
}

function checkDimensions(
  path: Path,
  watch: WatchInput,
  input: DefinitionInput,
  isRemoved: (path: string) => boolean,
  report: Report,
): void {
  const known = Object.keys(input.dimensions);
  const check = (name: string, at: Path, side: 'key' | 'value'): void => {
    if (known.includes(name) || isRemoved(`dimensions.${name}`)) return;
    const expected = `the name of a dimension: ${known.join(', ') || 'there is none'}`;
    report({ path: at, at: side, found: show(name), expected, suggestion: nearest(name, known) });
  };
  watch.groupBy.forEach((name, at) => check(name, [...path, 'groupBy', at], 'value'));
  watch.explain?.forEach((name, at) => check(name, [...path, 'explain', at], 'value'));
  Object.keys(watch.filters).forEach((name) => check(name, [...path, 'filters', name], 'key'));
}

function checkTimes(path: Path, watch: WatchInput, report: Report): void {
  const bucketMs = parseDurationMs(watch.bucket);
  if (bucketMs === null || bucketMs < 10 * SECOND_MS || bucketMs > DAY_MS || DAY_MS % bucketMs !== 0 || bucketMs % SECOND_MS !== 0) {
    const expected = 'a bucket from 10s to 1d that divides a day, such as 1m, 5m or 1h';
    report({ path: [...path, 'bucket'], at: 'value', found: show(watch.bucket), expected, suggestion: '1m' });
  }
  if (watch.history !== undefined) {
    const historyMs = parseDurationMs(watch.history);
    if (historyMs === null || historyMs <= 0 || historyMs > 400 * DAY_MS) {
      report({ path: [...path, 'history'], at: 'value', found: show(watch.history), expected: 'a duration such as 7d, at most 400d' });
    }
  }
  const { window } = watch.detector;
  if (window !== undefined && parseDurationMs(window) === null) {
    report({ path: [...path, 'detector', 'window'], at: 'value', found: show(window), expected: 'a duration such as 10m' });
    return;
  }
  try {
    resolveOptions(optionsOf(watch.detector));
  } catch (error) {
    if (!(error instanceof TidemarkError)) throw error;
    report({ path: [...path, 'detector'], at: 'value', found: error.message, expected: error.remedy });
  }
}

function optionsOf(detector: DetectorInput): ReturnType<typeof detectorOptions> {
  return detectorOptions(detector, (text) => durationMs(text));
}

/** @param input checked */
export function compileWatches(input: DefinitionInput): readonly Watch[] {
  return Object.entries(input.watches).map(([name, watch]) => ({
    name,
    description: watch.description ?? '',
    bucketMs: durationMs(watch.bucket),
    explain: watch.explain ?? Object.keys(input.dimensions).filter((dimension) => !watch.groupBy.includes(dimension)),
    query: {
      kind: 'anomaly',
      measure: watch.measure,
      groupBy: watch.groupBy,
      filters: Object.entries(watch.filters).map(([dimension, value]) =>
        Array.isArray(value) ? { dimension, op: 'in', values: value } : { dimension, value },
      ),
      bucket: formatDuration(durationMs(watch.bucket)),
      detector: watch.detector,
      // A silent bucket of a count is a zero to every other detector.
      ...(watch.detector.name === 'missing' ? { fill: 'null' } : {}),
      ...(watch.stat === undefined ? {} : { stat: watch.stat }),
      ...(watch.history === undefined ? {} : { history: watch.history }),
    },
  }));
}
