// What judging a stretch anew changes in what is kept: pure. An episode's identity is its series and its begin.

import type { AnomalyRecord } from '../cold/anomaly-store.js';
import { seriesKey } from '../cold/anomaly-store.js';
import type { Episode } from '../query/judge.js';

/** An episode of one series as judged now. */
export interface FoundEpisode {
  readonly labels: Readonly<Record<string, string>>;
  readonly episode: Episode;
}

export interface EpisodeChanges {
  /** To be written; `before` is what was kept of it. */
  readonly changed: readonly { readonly found: FoundEpisode; readonly before: AnomalyRecord | null }[];
  /** Kept, but not found any more: late data took them back. */
  readonly gone: readonly AnomalyRecord[];
}

/**
 * @param kept of this watch, overlapping the judged stretch
 * @param judgedFromMs begin of the stretch: what began before it cannot be taken back by it
 */
export function episodeChanges(found: readonly FoundEpisode[], kept: readonly AnomalyRecord[], judgedFromMs: number): EpisodeChanges {
  const key = (labels: Readonly<Record<string, string>>, fromMs: number): string => `${fromMs}|${seriesKey(labels)}`;
  const before = new Map(kept.map((record) => [key(record.labels, record.fromMs), record]));
  const now = new Set(found.map(({ labels, episode }) => key(labels, episode.fromMs)));
  const changed = found.flatMap((one) => {
    const known = before.get(key(one.labels, one.episode.fromMs)) ?? null;
    return known !== null && isSame(known, one.episode) ? [] : [{ found: one, before: known }];
  });
  const gone = kept.filter((record) => record.fromMs >= judgedFromMs && !now.has(key(record.labels, record.fromMs)));
  return { changed, gone };
}

function isSame(record: AnomalyRecord, episode: Episode): boolean {
  return record.toMs === episode.toMs && record.peakMs === episode.peakMs && record.open === episode.open && record.score === episode.score;
}
