// Rewrites sketch blobs that have grown, behind the flushes: read, compact, put back if nobody has changed them meanwhile.
// Invariant: the entries of a blob mean the same before and after; a lost race only postpones it.

import { createHash } from 'node:crypto';
import type { Definition } from '../definition/model.js';
import { isSketch, SKETCH_STRETCH_SLOTS } from './layout.js';
import type { RedisConnection } from './redis-connect.js';
import { classifyRedisError } from './redis-errors.js';
import { COMPACT } from './redis-scripts.js';
import { COMPACT_AT_BYTES, compactBlob, type CompactDelta } from './sketch-blob.js';
import type { TidemarkError } from '../errors.js';

/** How many blobs' last sizes are remembered, to wait until they have doubled. */
const REMEMBERED = 20_000;
/** A rewriting that leaves more than this share was hardly worth its cost … */
const POOR_GAIN = 0.7;
/** … and one that leaves less than this paid well. */
const GOOD_GAIN = 0.4;
/** Blobs of a kind that hardly shrink are let grow up to this many times as long before they are looked at. */
const MOST_PATIENCE = 16;
/** Items of an unfinished `top` bucket kept, as a multiple of what stays in the end. */
const TOP_HEADROOM = 4;

interface Grown {
  readonly key: string;
  readonly component: number;
  readonly resolution: 1 | 10;
}

export class BlobCompactor {
  readonly #definition: Definition;
  readonly #compact: CompactDelta;
  readonly #failed: (error: TidemarkError) => void;
  readonly #waiting = new Map<string, Grown>();
  /** Length after the last rewriting, by key; oldest first. */
  readonly #lengths = new Map<string, number>();
  /**
   * By component and resolution: how many times longer than usual a blob may get. Learned from what rewriting gained: a flush of
   * a minute leaves one frame per bucket and nothing to merge, sixty flushes of a second leave sixty.
   */
  readonly #patience = new Map<string, number>();
  #running: Promise<void> | null = null;

  /** @param failed told of errors: the blob stays as it is, which is right but longer */
  constructor(definition: Definition, compact: CompactDelta, failed: (error: TidemarkError) => void) {
    this.#definition = definition;
    this.#compact = compact;
    this.#failed = failed;
  }

  /** Notes that a blob is `length` bytes long now and rewrites it when it is due. */
  offer(connection: RedisConnection, grown: Grown, length: number): void {
    const patience = this.#patience.get(kindOf(grown)) ?? 1;
    if (length < Math.max(COMPACT_AT_BYTES * patience, 2 * (this.#lengths.get(grown.key) ?? 0))) {
      return;
    }
    this.#waiting.set(grown.key, grown);
    this.#running ??= this.#work(connection).finally(() => {
      this.#running = null;
    });
  }

  /** Resolves when nothing is being rewritten. */
  async idle(): Promise<void> {
    while (this.#running !== null) {
      await this.#running;
    }
  }

  async #work(connection: RedisConnection): Promise<void> {
    for (const [key, grown] of this.#waiting) {
      this.#waiting.delete(key);
      try {
        await this.#rewrite(connection, grown);
      } catch (error) {
        this.#waiting.clear();
        this.#failed(classifyRedisError(error, 'compacting a sketch', false));
      }
    }
  }

  async #rewrite(connection: RedisConnection, grown: Grown): Promise<void> {
    const { key, component, resolution } = grown;
    const definition = this.#definition.components[component];
    const blob = await connection.command('get', [key]);
    if (!Buffer.isBuffer(blob) || !isSketch(definition)) {
      return;
    }
    const compacted = compactBlob(blob, SKETCH_STRETCH_SLOTS[resolution], (entries) =>
      this.#compact(definition.kind, entries, definition.keep * TOP_HEADROOM),
    );
    const left = compacted.length / blob.length;
    const patience = this.#patience.get(kindOf(grown)) ?? 1;
    this.#patience.set(
      kindOf(grown),
      left > POOR_GAIN ? Math.min(MOST_PATIENCE, patience * 2) : left < GOOD_GAIN ? Math.max(1, patience / 2) : patience,
    );
    if (left <= POOR_GAIN) {
      await connection.script(
        COMPACT,
        [key],
        [createHash('sha1').update(blob).digest('hex'), Buffer.from(compacted.buffer, compacted.byteOffset, compacted.length)],
      );
    }
    this.#lengths.delete(key);
    this.#lengths.set(key, Math.min(compacted.length, blob.length));
    if (this.#lengths.size > REMEMBERED) {
      for (const oldest of this.#lengths.keys()) {
        this.#lengths.delete(oldest);
        break;
      }
    }
  }
}

function kindOf({ component, resolution }: Grown): string {
  return `${component}/${resolution}`;
}
