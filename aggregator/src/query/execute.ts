// Runs a plan against the tiers. Reads that are the same share one execution, closed cold segments come from the cache,
// and whatever the hot tier does wrong ends in HotFailed, upon which the engine plans again without it.
// State: the reads in flight and the cache; nothing that outlives the process.

import type { ColdTier, CompactionState } from '../cold/cold-tier.js';
import type { Definition } from '../definition/model.js';
import { TidemarkError } from '../errors.js';
import type { HotTier } from '../hot/hot-tier.js';
import type { MetricAsk } from './ask.js';
import { NO_CACHE, SegmentCache, type CacheReport } from './cache.js';
import { Coalescer, untilAborted } from './coalesce.js';
import { addTotals, stitch } from './combine.js';
import type { Plan, PlannedPart, PlannedRange, ReadSpec } from './plan.js';
import { QueryProblem } from './problem.js';
import { readKey } from './read-key.js';
import type { Coverage, TierRead, TierResult } from './tier-read.js';

/** The hot tier as queries see it. */
export interface HotSource extends Pick<HotTier, 'coverage' | 'cacheGet' | 'cacheSet'> {
  /**
   * @param coverage what the read was planned with
   * @throws TidemarkError when what was planned with is not there any more, before or after the reading
   */
  read(read: TierRead, coverage: Coverage): Promise<TierResult>;
}

export type ColdSource = Pick<ColdTier, 'state' | 'read' | 'readEvents' | 'readValues' | 'readAnomalies'>;

/** What a request knows of the tiers before it reads. */
export interface Knowledge {
  /** null: the hot tier cannot be asked. */
  readonly coverage: Coverage | null;
  /** null: cold has not said what is compacted; nothing is cached then. */
  readonly state: CompactionState | null;
  /** Differs when more of the log is applied: an answer claims as much, so it must not share a read that began with less. */
  readonly asOf: string;
}

/** One read, for the plan in the answer's meta. */
export interface ReadReport {
  readonly tier: 'hot' | 'cold';
  readonly fromMs: number;
  readonly toMs: number;
  readonly why: string;
  readonly source: string;
  readonly rows: number;
  readonly durationMs: number;
  /** Another query had already asked the same. */
  readonly shared: boolean;
}

export interface Executed {
  readonly main: TierResult;
  readonly compare: TierResult | null;
  readonly reads: readonly ReadReport[];
  readonly cache: CacheReport;
}

/** The hot tier did not do what the plan needed of it. Cold can. */
export class HotFailed extends Error {
  constructor(
    readonly reason: string,
    options?: { cause?: unknown },
  ) {
    super(reason, options);
    this.name = 'HotFailed';
  }
}

export interface ExecutorOptions {
  readonly def: Definition;
  readonly hot: HotSource;
  readonly cold: ColdSource;
  /** Told of failures that cost the query nothing but time. */
  readonly onError: (error: unknown) => void;
  /** How long the hot tier may take before cold is asked instead. @default a third of the deadline, 2 s at most */
  readonly hotPatienceMs?: number;
}

export class Executor {
  readonly #def: Definition;
  readonly #hot: HotSource;
  readonly #cold: ColdSource;
  readonly #onError: (error: unknown) => void;
  readonly #hotPatienceMs: number;
  readonly #flights = new Coalescer<TierResult>();
  readonly #cache: SegmentCache;

  constructor(options: ExecutorOptions) {
    this.#def = options.def;
    this.#hot = options.hot;
    this.#cold = options.cold;
    this.#onError = options.onError;
    this.#hotPatienceMs = options.hotPatienceMs ?? Math.min(2_000, options.def.query.deadlineMs / 3);
    this.#cache = new SegmentCache(options.def, options.hot, options.onError);
  }

  /** What is in flight and being written: for a clean stop and for tests. */
  async settled(): Promise<void> {
    await this.#cache.settled();
  }

  /** The hot tier's coverage. @throws HotFailed when it does not answer in time */
  async coverage(signal: AbortSignal): Promise<Coverage> {
    return this.#patiently(signal, () => this.#hot.coverage());
  }

  /**
   * @param known what the plan was made with
   * @throws HotFailed when the hot tier erred, took too long, or lost what the plan counted on meanwhile
   */
  async run(ask: MetricAsk, plan: Plan, known: Knowledge, signal: AbortSignal): Promise<Executed> {
    const reads: ReadReport[] = [];
    const caches: CacheReport[] = [];
    const read = (range: PlannedRange): Promise<TierResult> => this.#range(ask, plan, range, known, signal, reads, caches);
    const [main, compare] = await Promise.all([read(plan.main), plan.compare === null ? null : read(plan.compare.range)]);
    reads.sort((a, b) => a.fromMs - b.fromMs);
    return { main, compare, reads, cache: caches.reduce(addReports, NO_CACHE) };
  }

  async #range(
    ask: MetricAsk,
    plan: Plan,
    range: PlannedRange,
    known: Knowledge,
    signal: AbortSignal,
    reads: ReadReport[],
    caches: CacheReport[],
  ): Promise<TierResult> {
    if (range.parts.length === 0)
      return { timesMs: new Float64Array(0), groups: [], topError: 0, detail: { source: '', rows: 0, durationMs: 0 } };
    const parts = await Promise.all(range.parts.map((part) => this.#part(part, known, signal, reads, caches)));
    const results = parts.flat();
    const components = ask.outputs.map((output) => this.#def.components[output.component]);
    const result = plan.bucketMs === 0 ? addTotals(results, components) : stitch(results, plan.bucketMs);
    const rows = result.groups.length * result.timesMs.length;
    if (rows > this.#def.query.maxRows) {
      throw new QueryProblem(
        'limit',
        'ROW_LIMIT',
        `The answer has ${rows} rows (${result.groups.length} groups × ${result.timesMs.length} buckets), at most ${this.#def.query.maxRows} are answered.`,
        'Use a longer bucket, a shorter range, fewer dimensions in groupBy, or more filters.',
        { refId: ask.refId, path: ask.at },
      );
    }
    return result;
  }

  async #part(
    part: PlannedPart,
    known: Knowledge,
    signal: AbortSignal,
    reads: ReadReport[],
    caches: CacheReport[],
  ): Promise<readonly TierResult[]> {
    const { coverage, state } = known;
    if (part.tier === 'hot') {
      if (coverage === null) throw new HotFailed('its coverage is not known');
      return [
        await this.#patiently(signal, (patient) =>
          this.#read(part, part.spec, known, patient, reads, (read) => this.#hot.read(read, coverage)),
        ),
      ];
    }
    const run = (spec: ReadSpec): Promise<TierResult> => this.#read(part, spec, known, signal, reads, (read) => this.#cold.read(read));
    if (state === null) return [await run(part.spec)];
    const { results, report } = await this.#cache.read(part.spec, state, run);
    caches.push(report);
    return results;
  }

  async #read(
    part: PlannedPart,
    spec: ReadSpec,
    known: Knowledge,
    signal: AbortSignal,
    reads: ReadReport[],
    start: (read: TierRead) => Promise<TierResult>,
  ): Promise<TierResult> {
    const asOf = spec.toMs <= (known.state?.closedUntilMs ?? 0) ? '' : known.asOf;
    const { value, shared } = await this.#flights.run(`${readKey(this.#def, part.tier, spec)}|${asOf}`, signal, (own) =>
      start({ ...spec, signal: own }),
    );
    const { source, rows, durationMs } = value.detail;
    reads.push({ tier: part.tier, fromMs: spec.fromMs, toMs: spec.toMs, why: part.why, source, rows, durationMs, shared });
    return value;
  }

  /** Runs something on the hot tier: its failures and its slowness become HotFailed, the caller's own abort stays what it is. */
  async #patiently<T>(signal: AbortSignal, start: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const patience = new AbortController();
    const timer = setTimeout(
      () => patience.abort(new HotFailed(`it did not answer within ${this.#hotPatienceMs} ms`)),
      this.#hotPatienceMs,
    );
    const either = AbortSignal.any([signal, patience.signal]);
    try {
      return await untilAborted(start(either), either);
    } catch (error) {
      if (signal.aborted) throw error;
      // Too many rows are too many from cold as well, and an invalid read is a defect to be seen.
      if (error instanceof TidemarkError && (error.errorClass === 'limit' || error.errorClass === 'invalid')) throw error;
      if (patience.signal.aborted) throw new HotFailed(`it did not answer within ${this.#hotPatienceMs} ms`, { cause: error });
      this.#onError(error);
      throw new HotFailed(error instanceof TidemarkError ? error.message : 'it failed', { cause: error });
    } finally {
      clearTimeout(timer);
    }
  }
}

function addReports(a: CacheReport, b: CacheReport): CacheReport {
  return { hits: a.hits + b.hits, misses: a.misses + b.misses, open: a.open + b.open };
}
