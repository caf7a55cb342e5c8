// Which of its states a panel is in, and in which words. Pure.

import { LoadingState, type DataQueryError, type PanelData } from '@grafana/data';
import { durationWords } from '../frames/duration-words';
import { freshnessOf } from '../frames/frame-meta';

export type PanelState =
  | { readonly kind: 'loading' }
  | { readonly kind: 'error'; readonly message: string }
  | { readonly kind: 'problem'; readonly message: string }
  | { readonly kind: 'empty'; readonly message: string }
  /** Data is there, and there is nothing to show for a good reason. */
  | { readonly kind: 'calm'; readonly message: string }
  /** `partialError`: some queries were answered, these were not. */
  | { readonly kind: 'ready'; readonly partialError: string | null };

/** What a panel has made of its answer. */
export interface Content {
  readonly drawable: boolean;
  /** Why an answer that is there cannot be drawn, in words; null: nothing is wrong. */
  readonly problem: string | null;
}

export function panelState(data: Pick<PanelData, 'state' | 'error' | 'errors'>, content: Content, noValue: string | undefined): PanelState {
  const errors = errorsOf(data);
  if (content.drawable) return { kind: 'ready', partialError: errors.length === 0 ? null : errors.map(wordsOf).join(' ') };
  if (errors.length > 0) return { kind: 'error', message: errors.map(wordsOf).join('\n') };
  if (data.state === LoadingState.Loading || data.state === LoadingState.NotStarted) return { kind: 'loading' };
  if (content.problem !== null) return { kind: 'problem', message: content.problem };
  return { kind: 'empty', message: noValue ?? 'No data in this time range' };
}

function errorsOf(data: Pick<PanelData, 'error' | 'errors'>): DataQueryError[] {
  if (data.errors !== undefined && data.errors.length > 0) return data.errors;
  return data.error === undefined ? [] : [data.error];
}

function wordsOf(error: DataQueryError): string {
  const message = error.message ?? error.data?.message ?? error.data?.error ?? error.statusText ?? '';
  const words = message === '' ? 'The query failed, and no reason was given. Look into the query inspector.' : message;
  const named = [`${error.refId}:`, `Query ${error.refId}:`].some((name) => words.startsWith(name));
  return error.refId === undefined || named ? words : `${error.refId}: ${words}`;
}

export interface FreshnessNote {
  /** `behind`: data is waiting somewhere. `quiet`: nothing is waiting, nothing came. */
  readonly kind: 'behind' | 'quiet';
  readonly text: string;
  readonly detail: string;
}

/** Silence shorter than this is nothing to mention. */
const QUIET_AT_LEAST_MS = 30_000;

/** Null: fresh enough, not known, or the range ends before the part that is missing. */
export function freshnessNote(data: Pick<PanelData, 'series'>, rangeToMs: number, stepMs: number): FreshnessNote | null {
  const freshness = freshnessOf(data.series);
  if (freshness === null) return null;
  const { ageMs, nowMs, complete, reason, lag } = freshness;
  if (nowMs !== null && ageMs !== null && rangeToMs < nowMs - ageMs) return null;
  if (!complete) {
    const waiting = lag !== null && lag > 0 ? ` ${lag.toLocaleString('en-US')} records are waiting.` : '';
    return {
      kind: 'behind',
      text: ageMs === null || ageMs < 1_000 ? 'newest data may be missing' : `data is ${durationWords(ageMs)} behind`,
      detail: `${reason === '' ? 'The newest data may still be missing.' : reason}${waiting}`,
    };
  }
  if (ageMs === null || ageMs < Math.max(QUIET_AT_LEAST_MS, 2 * stepMs)) return null;
  return {
    kind: 'quiet',
    text: `last event ${durationWords(ageMs)} ago`,
    detail: 'Everything that came in is shown; no newer event has arrived.',
  };
}
