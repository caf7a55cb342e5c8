// Closed history, kept for some minutes: a refreshed dashboard asks cold storage only for what is new. A series is cut into
// aligned segments of some dozens of buckets; a segment is cached when all of it (windows included) is compacted and clean.
// Invariant: a cached segment is what a read would answer now: its key carries the revision of every day it depends on,
// and a segment with a minute that awaits recompaction is neither read from the cache nor written to it.

import type { CompactionState } from '../cold/cold-tier.js';
import type { Definition } from '../definition/model.js';
import { TidemarkError } from '../errors.js';
import type { HotTier } from '../hot/hot-tier.js';
import { alignDown } from './bucket.js';
import { sliceResult } from './combine.js';
import { within } from './patience.js';
import type { ReadSpec } from './plan.js';
import { digest, questionKey } from './read-key.js';
import { decodeResult, encodeResult } from './result-codec.js';
import type { TierResult } from './tier-read.js';
import { DAY_MS, HOUR_MS, MINUTE_MS } from './time-expression.js';

export interface CacheReport {
  /** Segments answered from the cache. */
  readonly hits: number;
  /** Segments read and then kept. */
  readonly misses: number;
  /** Segments that are still open or await recompaction: read each time. */
  readonly open: number;
}

export const NO_CACHE: CacheReport = { hits: 0, misses: 0, open: 0 };

interface Segment {
  readonly fromMs: number;
  readonly toMs: number;
  /** '' : not cacheable now. */
  readonly key: string;
  readonly hit: TierResult | null;
}

export type CacheStore = Pick<HotTier, 'cacheGet' | 'cacheSet'>;

const LARGEST_ENTRY_BYTES = 4 * 1024 * 1024;

export class SegmentCache {
  readonly #def: Definition;
  readonly #store: CacheStore;
  readonly #onError: (error: unknown) => void;
  readonly #storeTimeoutMs: number;
  readonly #writing = new Set<Promise<void>>();

  /** @param onError told of every failure of the store; the query goes on without it */
  constructor(def: Definition, store: CacheStore, onError: (error: unknown) => void, storeTimeoutMs = 300) {
    this.#def = def;
    this.#store = store;
    this.#onError = onError;
    this.#storeTimeoutMs = storeTimeoutMs;
  }

  /**
   * Answers a cold time series from cached segments and as few reads as there are gaps between them.
   * @param run reads cold; may be asked for whole segments, a little beyond the spec
   * @returns results in ascending order that together cover exactly the spec's range
   */
  async read(
    spec: ReadSpec,
    state: CompactionState,
    run: (spec: ReadSpec) => Promise<TierResult>,
  ): Promise<{ readonly results: readonly TierResult[]; readonly report: CacheReport }> {
    if (spec.bucketMs === 0 || this.#def.query.cacheTtlMs === 0) return { results: [await run(spec)], report: NO_CACHE };
    const segments = await this.#lookUp(spec, state);
    const runs = gaps(segments, spec);
    const fetched = await Promise.all(runs.map((gap) => this.#fetch(spec, gap, run)));
    const results = [...segments.flatMap((segment) => (segment.hit === null ? [] : [segment.hit])), ...fetched]
      .map((result) => sliceResult(result, spec.fromMs, spec.toMs))
      .filter((result) => result.timesMs.length > 0);
    results.sort((a, b) => a.timesMs[0] - b.timesMs[0]);
    const hits = segments.filter((segment) => segment.hit !== null).length;
    const misses = segments.filter((segment) => segment.hit === null && segment.key !== '').length;
    return { results, report: { hits, misses, open: segments.length - hits - misses } };
  }

  /** Resolves when everything that was to be stored is stored or has failed. */
  async settled(): Promise<void> {
    await Promise.all(this.#writing);
  }

  async #lookUp(spec: ReadSpec, state: CompactionState): Promise<Segment[]> {
    const lengthMs = segmentBuckets(spec.bucketMs) * spec.bucketMs;
    const question = digest(questionKey(this.#def, spec));
    const reachMs = Math.max(0, (spec.windowSizeMs ?? 0) - spec.bucketMs);
    const places: { fromMs: number; toMs: number; key: string }[] = [];
    for (let fromMs = alignDown(spec.fromMs, lengthMs); fromMs < spec.toMs; fromMs += lengthMs) {
      const toMs = fromMs + lengthMs;
      const closed = toMs <= state.closedUntilMs && !isDirty(state, fromMs - reachMs, toMs);
      places.push({ fromMs, toMs, key: closed ? `${spec.tenant}:${question}:${fromMs}:${revisions(state, fromMs - reachMs, toMs)}` : '' });
    }
    const keys = places.filter((place) => place.key !== '').map((place) => place.key);
    const found = keys.length === 0 ? [] : await this.#get(keys);
    const byKey = new Map(keys.map((key, index) => [key, found[index] ?? null]));
    return places.map((place) => ({ ...place, hit: this.#decode(byKey.get(place.key) ?? null, place.fromMs, place.toMs, spec.bucketMs) }));
  }

  async #fetch(spec: ReadSpec, gap: Gap, run: (spec: ReadSpec) => Promise<TierResult>): Promise<TierResult> {
    let result: TierResult;
    try {
      result = await run({ ...spec, fromMs: gap.fromMs, toMs: gap.toMs });
    } catch (error) {
      const fromMs = Math.max(gap.fromMs, spec.fromMs);
      const toMs = Math.min(gap.toMs, spec.toMs);
      const widened = fromMs !== gap.fromMs || toMs !== gap.toMs;
      // Whole segments are more rows than were asked: the limit must not hit whoever asked for less.
      if (!widened || !(error instanceof TidemarkError) || error.errorClass !== 'limit') throw error;
      return run({ ...spec, fromMs, toMs });
    }
    for (const segment of gap.segments) {
      if (segment.key !== '') this.#put(segment.key, sliceResult(result, segment.fromMs, segment.toMs));
    }
    return result;
  }

  async #get(keys: readonly string[]): Promise<readonly (Uint8Array | null)[]> {
    try {
      const waited = await within(this.#store.cacheGet(keys), this.#storeTimeoutMs);
      if (!waited.late) return waited.value;
    } catch (error) {
      this.#onError(error);
    }
    return keys.map(() => null);
  }

  #put(key: string, result: TierResult): void {
    const bytes = encodeResult(result);
    if (bytes.length > LARGEST_ENTRY_BYTES) return;
    const write = this.#store
      .cacheSet(key, bytes, this.#def.query.cacheTtlMs)
      .catch(this.#onError)
      .finally(() => this.#writing.delete(write));
    this.#writing.add(write);
  }

  /** Anything but the segment itself is a miss. */
  #decode(bytes: Uint8Array | null, fromMs: number, toMs: number, bucketMs: number): TierResult | null {
    if (bytes === null) return null;
    try {
      const result = decodeResult(bytes);
      const whole = result.timesMs.length === (toMs - fromMs) / bucketMs && result.timesMs[0] === fromMs;
      if (whole) return result;
      throw new RangeError('a cached segment covers another range than its key says');
    } catch (error) {
      this.#onError(error);
      return null;
    }
  }
}

/** An hour of minutes, a day of hours, some weeks of days. */
export function segmentBuckets(bucketMs: number): number {
  if (bucketMs < HOUR_MS) return 60;
  return bucketMs < DAY_MS ? 24 : 8;
}

interface Gap {
  readonly fromMs: number;
  readonly toMs: number;
  readonly segments: readonly Segment[];
}

/** Consecutive segments without a hit become one read: whole segments where they will be cached, the asked range elsewhere. */
function gaps(segments: readonly Segment[], spec: ReadSpec): Gap[] {
  const found: Gap[] = [];
  let run: Segment[] = [];
  const close = (): void => {
    if (run.length === 0) return;
    const first = run[0];
    const last = run[run.length - 1];
    found.push({
      fromMs: first.key === '' ? Math.max(first.fromMs, spec.fromMs) : first.fromMs,
      toMs: last.key === '' ? Math.min(last.toMs, spec.toMs) : last.toMs,
      segments: run,
    });
    run = [];
  };
  for (const segment of segments) {
    if (segment.hit === null) run.push(segment);
    else close();
  }
  close();
  return found;
}

function isDirty(state: CompactionState, fromMs: number, toMs: number): boolean {
  return state.dirtyMinutes.some((minute) => (minute + 1) * MINUTE_MS > fromMs && minute * MINUTE_MS < toMs);
}

function revisions(state: CompactionState, fromMs: number, toMs: number): string {
  const list: number[] = [];
  for (let day = Math.floor(fromMs / DAY_MS); day * DAY_MS < toMs; day++) list.push(state.revisionByDay.get(day) ?? 0);
  return list.every((revision) => revision === list[0]) ? `${list[0]}x${list.length}` : digest(list.join(','));
}
