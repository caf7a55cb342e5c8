// What a flush tells every process when its numbers can be asked for: which stretch of each partition it applied, and which
// seconds of event time that changed. Goes through the hot tier's announcements, which may lose messages: see change-log.ts.

import { z } from 'zod';
import type { SecondRange } from '../flush/changed-seconds.js';
import type { FlushReport } from '../flush/flusher.js';
import type { PartitionId } from '../source/log.js';

export interface Announcement {
  /** When the flush was in both tiers, epoch ms. */
  readonly atMs: number;
  /** Records [from, to) of each partition. */
  readonly moves: readonly (readonly [partition: PartitionId, from: number, to: number])[];
  readonly changed: readonly SecondRange[];
}

const announcementSchema = z.object({
  atMs: z.number(),
  moves: z.array(z.tuple([z.string(), z.number(), z.number()])),
  changed: z.array(z.tuple([z.number(), z.number()])),
});

export function encodeAnnouncement(report: Pick<FlushReport, 'moves' | 'changed' | 'queryableAtMs'>): string {
  const announcement: Announcement = {
    atMs: report.queryableAtMs,
    moves: report.moves.map(({ partition, from, state }) => [partition, from, state.offset]),
    changed: report.changed,
  };
  return JSON.stringify(announcement);
}

/** @returns null for what is not an announcement of this version: its flush is then noticed by its positions alone */
export function decodeAnnouncement(text: string): Announcement | null {
  try {
    const parsed = announcementSchema.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}
