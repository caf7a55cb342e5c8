// What the last answer says about itself, in one line and in detail: from `meta.custom` of its frame. Pure.

import type { DataFrame } from '@grafana/data';
import { numberOf, recordOf } from '../live-frame';
import { formatDuration } from '../query/duration';

export interface AnswerWords {
  /** Short parts, most important first. */
  readonly parts: readonly string[];
  /** True: newest data may be missing, `warning` says why. */
  readonly behind: boolean;
  readonly warning: string;
  /** The plan, line by line; empty where the answer has none. */
  readonly detail: string;
}

/** Data older than this is worth a look. */
const STALE_MS = 60_000;

/** @param clock formats a time of day for people, in the dashboard's time zone */
export function answerWords(frame: DataFrame, clock: (timeMs: number) => string): AnswerWords | null {
  const custom = recordOf(frame.meta?.custom);
  const plan = recordOf(custom['plan']);
  const freshness = recordOf(custom['freshness']);
  if (custom['plan'] === undefined && custom['freshness'] === undefined) return null;
  const ageMs = numberOf(freshness['ageMs']);
  const complete = freshness['complete'] !== false;
  const live = recordOf(custom['live']);
  const parts = [
    tiers(plan['reads']),
    bucketWords(numberOf(plan['bucketMs']), numberOf(plan['windowMs'])),
    rowWords(frame),
    durationWords(plan['reads']),
    ageMs === null ? '' : `newest event ${ageWords(ageMs)} old`,
    unfinished(numberOf(custom['partialFrom']), clock),
    custom['live'] === undefined ? '' : live['connected'] === true ? 'live' : 'live, connecting',
    cacheWords(recordOf(custom['cache'])),
  ];
  const reason = typeof freshness['reason'] === 'string' ? freshness['reason'] : '';
  return {
    parts: parts.filter((part) => part !== ''),
    behind: !complete || (ageMs ?? 0) > STALE_MS,
    warning: complete ? '' : reason,
    detail: frame.meta?.executedQueryString ?? '',
  };
}

function reads(value: unknown): readonly Readonly<Record<string, unknown>>[] {
  return Array.isArray(value) ? value.map(recordOf) : [];
}

function tiers(value: unknown): string {
  const names = [...new Set(reads(value).map((read) => read['tier']))].filter((name) => typeof name === 'string');
  return names.join(' + ');
}

function bucketWords(bucketMs: number | null, windowMs: number | null): string {
  if (bucketMs === null) return '';
  const buckets = bucketMs === 0 ? 'one total' : `${formatDuration(bucketMs)} buckets`;
  return windowMs === null ? buckets : `${buckets} over ${formatDuration(windowMs)}`;
}

function rowWords(frame: DataFrame): string {
  return frame.length === 0 ? 'no rows' : `${frame.length.toLocaleString('en-US')} ${frame.length === 1 ? 'row' : 'rows'}`;
}

function durationWords(value: unknown): string {
  const all = reads(value).map((read) => numberOf(read['durationMs']) ?? 0);
  const slowest = Math.max(0, ...all);
  return all.length === 0 ? '' : `${slowest < 10 ? slowest.toFixed(1) : Math.round(slowest)} ms`;
}

/** 900 ms, 4.2 s, 3 min */
export function ageWords(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  if (ms < 3_600_000) return `${Math.round(ms / 60_000)} min`;
  return `${Math.round(ms / 3_600_000)} h`;
}

function unfinished(partialFrom: number | null, clock: (timeMs: number) => string): string {
  return partialFrom === null ? '' : `unfinished from ${clock(partialFrom)}`;
}

function cacheWords(cache: Readonly<Record<string, unknown>>): string {
  const hits = numberOf(cache['hits']) ?? 0;
  return hits === 0 ? '' : `${hits} from cache`;
}
