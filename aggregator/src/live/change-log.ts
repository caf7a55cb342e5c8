// What changed between two positions of the log, told from announced flushes, or, where an announcement was lost or came before
// this process, from the positions alone: an event that is not late is never older than its partition's watermark.
// Invariant: every bucket that differs between the two positions lies in the ranges told. State: the announcements heard.

import type { Clock } from '../clock.js';
import { joinRanges, type SecondRange } from '../flush/changed-seconds.js';
import type { PartitionId } from '../source/log.js';
import type { Announcement } from './announcement.js';
import type { LogPosition } from './cursor.js';

/** How long a client may be away and still be told of late events one by one. */
const KEPT_MS = 10 * 60_000;
const MOST_KEPT = 20_000;
/** Of one answer: each costs a read. */
const MOST_RANGES = 4;

interface Heard {
  readonly atMs: number;
  /** Records [from, to) by partition. */
  readonly moves: ReadonlyMap<PartitionId, readonly [from: number, to: number]>;
  readonly changed: readonly SecondRange[];
}

export class ChangeLog {
  readonly #clock: Clock;
  readonly #latenessMs: number;
  #heard: Heard[] = [];
  #newestAtMs: number | null = null;

  constructor(clock: Clock, latenessMs: number) {
    this.#clock = clock;
    this.#latenessMs = latenessMs;
  }

  hear(announcement: Announcement): void {
    const { atMs, moves, changed } = announcement;
    this.#heard.push({ atMs, changed, moves: new Map(moves.map(([partition, from, to]) => [partition, [from, to]])) });
    this.#newestAtMs = Math.max(this.#newestAtMs ?? 0, atMs);
    // In halves, so that forgetting costs nothing per announcement.
    if (this.#heard.length > MOST_KEPT) this.#heard = this.#heard.slice(MOST_KEPT / 2);
    const forgetMs = this.#clock.now() - KEPT_MS;
    if (this.#heard[0].atMs < forgetMs - KEPT_MS) this.#heard = this.#heard.filter(({ atMs }) => atMs >= forgetMs);
  }

  /** When the newest flush heard of was done, epoch ms; null: none was. */
  get newestAtMs(): number | null {
    return this.#newestAtMs;
  }

  /**
   * @returns ranges of event time in epoch seconds (the last may be endless), ascending; null when it cannot be told: a late event may
   * be anywhere, a partition came or went, or the log went back
   */
  changedBetween(before: LogPosition, now: LogPosition): readonly SecondRange[] | null {
    if (before.size !== now.size) return null;
    const ranges: SecondRange[] = [];
    for (const [partition, point] of now) {
      const earlier = before.get(partition);
      if (earlier === undefined || point.offset < earlier.offset) return null;
      if (point.offset === earlier.offset) continue;
      const announced = this.#announced(partition, earlier.offset, point.offset);
      if (announced !== null) ranges.push(...announced);
      else if (point.late === earlier.late && earlier.maxEventTimeMs > 0) {
        ranges.push([Math.floor((earlier.maxEventTimeMs - this.#latenessMs) / 1_000), Number.POSITIVE_INFINITY]);
      } else return null;
    }
    return joinRanges(ranges, MOST_RANGES);
  }

  /** What the flushes of records [from, to) changed; null: not all of them were heard of. */
  #announced(partition: PartitionId, from: number, to: number): SecondRange[] | null {
    const ranges: SecondRange[] = [];
    const stretches: (readonly [number, number])[] = [];
    for (let index = this.#heard.length - 1; index >= 0; index--) {
      const { moves, changed } = this.#heard[index];
      const move = moves.get(partition);
      if (move === undefined || move[1] <= from || move[0] >= to) continue;
      ranges.push(...changed);
      stretches.push(move);
      if (move[0] <= from && coveredFrom(stretches, from) >= to) return ranges;
    }
    return null;
  }
}

/** How far the stretches reach from a point without a gap. */
function coveredFrom(stretches: readonly (readonly [number, number])[], from: number): number {
  let reached = from;
  for (const [start, end] of [...stretches].sort((a, b) => a[0] - b[0])) {
    if (start > reached) break;
    reached = Math.max(reached, end);
  }
  return reached;
}
