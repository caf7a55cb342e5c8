// The labelled corpus: each background once clean and several times with injected anomalies, labelled by windows around them.
// It compares detectors under the same rule. A few of `auto`'s constants were chosen with it in view (docs/anomaly-score.md), so its
// figures are no estimate for unseen series.

import { type Background, BACKGROUNDS } from './backgrounds.js';
import { Random } from './random.js';
import type { LabelledSeries } from './window-score.js';

export interface CorpusSeries extends LabelledSeries {
  readonly background: string;
  readonly bucketMs: number;
  readonly timeZone: string;
  /** Row at which each window's anomaly begins, and its kind. */
  readonly onsets: readonly number[];
  readonly kinds: readonly string[];
}

/** 2026-02-16, a Monday: daylight saving begins in the sixth week. */
const START_MS = Date.UTC(2026, 1, 16);
const VARIANTS = 5;
const KINDS = ['spike', 'burst', 'dip', 'outage', 'level-up', 'level-down', 'drift', 'noisy', 'stuck', 'missing'] as const;
type Kind = (typeof KINDS)[number];

/** 2nd to 98th percentile: what a person sees as the height of the plot. */
function height(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.floor(0.98 * (sorted.length - 1))] - sorted[Math.floor(0.02 * (sorted.length - 1))] || 1;
}

function inject(
  values: (number | null)[],
  kind: Kind,
  at: number,
  longest: number,
  size: number,
  random: Random,
  background: Background,
): void {
  const rows = random.whole(Math.max(3, Math.floor(longest / 3)), Math.max(4, longest));
  const set = (i: number, value: number): void => {
    if (i >= values.length) return;
    const whole = background.whole ? Math.round(value) : value;
    values[i] = Math.max(background.least, whole);
  };
  const was = (i: number): number => values[Math.min(i, values.length - 1)] ?? 0;
  const held = was(at);
  const strength = random.between(0.8, 2) * size;
  switch (kind) {
    case 'spike':
      for (let i = 0; i < random.whole(1, 3); i++) set(at + i, was(at + i) + 1.2 * strength);
      break;
    case 'burst':
      for (let i = 0; i < rows / 2; i++) set(at + i, was(at + i) + strength * (0.8 + 0.4 * random.uniform()));
      break;
    case 'dip':
      for (let i = 0; i < random.whole(2, 6); i++) set(at + i, was(at + i) - 1.2 * strength);
      break;
    case 'outage':
      for (let i = 0; i < rows; i++) set(at + i, background.least < 0 ? 0 : background.least);
      break;
    case 'level-up':
      for (let i = 0; i < rows; i++) set(at + i, was(at + i) + 0.8 * strength);
      break;
    case 'level-down':
      for (let i = 0; i < rows; i++) set(at + i, was(at + i) - 0.8 * strength);
      break;
    case 'drift':
      for (let i = 0; i < rows; i++) set(at + i, was(at + i) + (1.2 * strength * i) / rows);
      break;
    case 'noisy':
      for (let i = 0; i < rows; i++) set(at + i, was(at + i) + 0.6 * strength * random.normal());
      break;
    case 'stuck':
      for (let i = 1; i < rows; i++) set(at + i, held);
      break;
    case 'missing':
      for (let i = 0; i < Math.max(8, rows); i++) if (at + i < values.length) values[at + i] = null;
      break;
  }
}

function makeSeries(background: Background, variant: number): CorpusSeries {
  const random = new Random(1000 * BACKGROUNDS.indexOf(background) + variant);
  const timesMs = Array.from({ length: background.rows }, (_, i) => START_MS + i * background.bucketMs);
  const values: (number | null)[] = background.make(random, timesMs);
  const windows: [number, number][] = [];
  const onsets: number[] = [];
  const kinds: string[] = [];
  if (variant > 0) {
    const size = height(values.map((v) => v ?? 0));
    const count = random.whole(1, 3);
    const length = Math.floor((0.1 * background.rows) / count);
    const room = Math.floor((0.8 * background.rows) / count);
    for (let i = 0; i < count; i++) {
      const kind = KINDS[random.whole(0, KINDS.length - 1)];
      const from = Math.floor(0.2 * background.rows) + i * room + random.whole(0, room - length - 2);
      const at = from + Math.floor(length / 2);
      inject(values, kind, at, Math.floor(length / 3), size, random, background);
      windows.push([from, from + length]);
      onsets.push(at);
      kinds.push(kind);
    }
  }
  return {
    name: `${background.name}-${variant === 0 ? 'clean' : variant}`,
    background: background.name,
    bucketMs: background.bucketMs,
    timeZone: background.timeZone ?? 'UTC',
    timesMs,
    values,
    windows,
    onsets,
    kinds,
  };
}

/** Per background one clean series and five with one to three anomalies each. */
export function corpus(): CorpusSeries[] {
  return BACKGROUNDS.flatMap((background) => Array.from({ length: VARIANTS + 1 }, (_, variant) => makeSeries(background, variant)));
}
