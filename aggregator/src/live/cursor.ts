// Where a subscription stands: what of the log its last message contained, and up to where its rows were final. Goes to the
// client as an opaque text and comes back on a resume, perhaps to another process. Invariant: a cursor of another question
// (query, span, definition or schema) is never taken for one of this.

import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { PartitionId } from '../source/log.js';

/** What of one partition an answer contains. See PartitionState. */
export interface PartitionPoint {
  readonly offset: number;
  readonly maxEventTimeMs: number;
  readonly late: number;
}

export type LogPosition = ReadonlyMap<PartitionId, PartitionPoint>;

export interface Standing {
  /** null: the hot tier did not say; what changed since cannot be told. */
  readonly position: LogPosition | null;
  /** Rows from here on may change without an event: nothing was complete beyond. Epoch ms. */
  readonly settledMs: number;
  /** No row at or after this was sent. Epoch ms. */
  readonly endMs: number;
}

/** Beyond this a cursor would be larger than most messages. */
const MOST_PARTITIONS = 256;

const count = z.number().int().nonnegative();
const cursorSchema = z.tuple([z.literal(1), z.string(), z.string(), z.number(), z.number(), z.array(z.tuple([count, count, count]))]);

/** @param question names what was asked, see `digest` */
export function encodeCursor(standing: Standing, question: string): string {
  const position = standing.position ?? new Map<PartitionId, PartitionPoint>();
  const ids = position.size > MOST_PARTITIONS ? [] : [...position.keys()].sort();
  const points = ids.flatMap((id) => {
    const point = position.get(id);
    return point === undefined ? [] : [[point.offset, point.maxEventTimeMs, point.late]];
  });
  return Buffer.from(JSON.stringify([1, question, namesOf(ids), standing.settledMs, standing.endMs, points])).toString('base64url');
}

/**
 * @param partitions those of the log now: the cursor names its own by a digest alone
 * @returns null when the text is no cursor of this question, or one whose position cannot be told
 */
export function decodeCursor(text: string, question: string, partitions: Iterable<PartitionId>): Standing | null {
  const parsed = cursorSchema.safeParse(parseJson(Buffer.from(text, 'base64url').toString('utf8')));
  if (!parsed.success) return null;
  const [, asked, names, settledMs, endMs, points] = parsed.data;
  const ids = [...partitions].sort();
  if (asked !== question || points.length === 0 || points.length !== ids.length || names !== namesOf(ids)) return null;
  const position = new Map(
    ids.map((id, index) => {
      const [offset, maxEventTimeMs, late] = points[index];
      return [id, { offset, maxEventTimeMs, late }];
    }),
  );
  return { position, settledMs, endMs };
}

/** Short and stable: equal values have equal digests on every process. */
export function digest(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('base64url').slice(0, 12);
}

function namesOf(ids: readonly PartitionId[]): string {
  return digest(ids);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
