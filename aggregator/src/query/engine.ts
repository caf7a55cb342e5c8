// The query API's core, whoever asks: HTTP, the command line, later the live push. Checks, plans, runs, finishes, frames.
// Each refId stands alone: one that fails has its status and its reason, the others have their data.
// State: only what Executor holds.

import type { Clock } from '../clock.js';
import type { Definition, Tenant } from '../definition/model.js';
import { TidemarkError } from '../errors.js';
import { Turns } from '../hot/abort.js';
import { answerAnomaly, judgedQuery, type AnomalyAnswer, type JudgedQuery } from './anomaly.js';
import type { AnomalyAsk, Ask, ContributorsAsk, MetricAsk } from './ask.js';
import { contributorsFrame, findContributions } from './contributors.js';
import { frame, type DataFrame } from './data-frame.js';
import { Executor, HotFailed, type ColdSource, type Executed, type HotSource } from './execute.js';
import { finishSeries, firstSeenMs, partialFromMs, type Known } from './finish.js';
import { histogramFrame, itemsFrame, metricFrame, type HistogramBins } from './frames.js';
import type { FreshnessProvider } from './freshness.js';
import { listAnnotations, listEvents, listValues } from './lists.js';
import type { LiveAnswer, LiveQuestion } from './live-question.js';
import { metricMeta, rangeMeta, type MetricDetails } from './meta.js';
import type { Plan } from './plan.js';
import { planQuery } from './planner.js';
import { invalid, problemOf, QueryProblem, statusOf, type Problem } from './problem.js';
import { checkQuery, checkRequest, type CheckedQuery } from './request.js';
import { resolveQuery } from './resolve.js';
import { completeUntilMs, finishedUntilMs, readSituation, type Situation } from './situation.js';

export type { JudgedQuery } from './anomaly.js';

/** Grafana's form: its reader knows exactly these fields. On an error the problem stands in a frame's `meta.custom.error`. */
export interface QueryResult {
  readonly status: number;
  readonly error?: string;
  readonly frames: readonly DataFrame[];
}

export interface QueryResponse {
  readonly results: Readonly<Record<string, QueryResult>>;
}

/** A single query that could not be answered. */
export class FailedQuery extends Error {
  constructor(
    readonly status: number,
    readonly problem: Problem,
  ) {
    super(problem.message);
    this.name = 'FailedQuery';
  }
}

/** One query's end, for metrics and the log of slow queries. */
export interface QueryOutcome {
  readonly tenant: string;
  readonly refId: string;
  readonly kind: string;
  readonly measure: string;
  readonly status: number;
  readonly durationMs: number;
  /** hot, cold, both, or none (refused before it was read). */
  readonly tiers: 'hot' | 'cold' | 'both' | 'none';
  readonly cacheHits: number;
  readonly cacheMisses: number;
  readonly problem: Problem | null;
}

export interface QueryEngineOptions {
  readonly def: Definition;
  readonly hot: HotSource;
  readonly cold: ColdSource;
  readonly freshness: FreshnessProvider;
  readonly bins: HistogramBins;
  readonly clock: Clock;
  /** Told of every error that is not the asker's fault, with its cause. */
  readonly onError: (error: unknown) => void;
  readonly onOutcome?: (outcome: QueryOutcome) => void;
  readonly hotPatienceMs?: number;
}

interface Ended {
  readonly refId: string;
  readonly result: QueryResult;
  readonly problem: Problem | null;
}

interface Answer {
  readonly frames: readonly DataFrame[];
  readonly tiers: QueryOutcome['tiers'];
  readonly cacheHits: number;
  readonly cacheMisses: number;
  readonly bucketMs: number;
  readonly partialFromMs: number | null;
}

/** Lists come from the cold tier, uncached. */
const LISTED = { tiers: 'cold', cacheHits: 0, cacheMisses: 0, bucketMs: 0, partialFromMs: null } as const;

export class QueryEngine {
  readonly #options: QueryEngineOptions;
  readonly #executor: Executor;
  /** Where the cold tier said last that data begins; a busy one may not say it in time. null: it never did. */
  #dataFromMs: number | null = null;

  constructor(options: QueryEngineOptions) {
    this.#options = options;
    this.#executor = new Executor(options);
  }

  /**
   * @param body the parsed JSON of a request, unchecked
   * @param signal aborts when nobody waits for the answer any more
   * @throws QueryProblem when the body as a whole is unusable; anything else is in its refId's result
   */
  async run(tenant: Tenant, body: unknown, signal: AbortSignal): Promise<QueryResponse> {
    const ended = await this.#all(tenant, body, signal);
    return { results: Object.fromEntries(ended.map(({ refId, result }) => [refId, result])) };
  }

  /**
   * The same for a request of one query, whose failure is thrown.
   * @throws FailedQuery with the status and the problem
   */
  async runOne(tenant: Tenant, body: unknown, signal: AbortSignal): Promise<DataFrame> {
    const [{ result, problem }] = await this.#all(tenant, body, signal);
    if (problem !== null) throw new FailedQuery(result.status, problem);
    return result.frames[0];
  }

  async #all(tenant: Tenant, body: unknown, signal: AbortSignal): Promise<Ended[]> {
    const nowMs = this.#options.clock.now();
    const request = checkRequest(body, nowMs);
    return this.#withDeadline(signal, async (either) => {
      const situation = await readSituation(this.#options, this.#executor, nowMs, either);
      const range = { fromMs: request.fromMs, toMs: request.toMs };
      return Promise.all(request.queries.map((checked) => this.#one(tenant, checked, range, request.maxDataPoints, situation, either)));
    });
  }

  /** What the tiers hold now, for evaluations that are to share it. */
  async situation(signal: AbortSignal): Promise<Situation> {
    return this.#withDeadline(signal, (either) => readSituation(this.#options, this.#executor, this.#options.clock.now(), either));
  }

  /** Whether a question can be answered at all, from the definition alone. @throws QueryProblem */
  check(question: LiveQuestion): void {
    const { tenant, ask, fromMs, toMs } = question;
    if (ask.kind !== 'metric' && ask.kind !== 'anomaly') return;
    const nowMs = this.#options.clock.now();
    const metric = ask.kind === 'anomaly' ? ask.metric : ask;
    planQuery({ def: this.#options.def, tenant: tenant.name, ask: metric, fromMs, toMs, nowMs, coverage: null, hotReason: '' });
  }

  /**
   * Answers one question at a moment that is known already; the same answer as `run` gives.
   * @throws QueryProblem or TidemarkError: see statusOf
   */
  async evaluate(question: LiveQuestion, situation: Situation, signal: AbortSignal): Promise<LiveAnswer> {
    const { tenant, ask, fromMs, toMs, groups } = question;
    const { frames, bucketMs, partialFromMs } = await this.#withDeadline(signal, (either) =>
      this.#answer(tenant, ask, { fromMs, toMs }, situation, either, groups),
    );
    return { frame: frames[0], bucketMs, partialFromMs };
  }

  /**
   * Judges a query of kind anomaly, for watches: the same verdicts as `run` gives.
   * @param raw the query in the API's form
   * @throws QueryProblem or TidemarkError
   */
  async judge(tenant: Tenant, raw: unknown, range: { fromMs: number; toMs: number }, signal: AbortSignal): Promise<JudgedQuery> {
    const { def } = this.#options;
    const checked = checkQuery(raw, 'watch', 0);
    if (checked.query === null) throw checked.problem;
    const ask = resolveQuery(def, checked.query, 'watch', def.query.maxBuckets);
    if (ask.kind !== 'anomaly') throw invalid('NOT_JUDGED', 'watch.kind: only queries of kind anomaly are judged.', 'Use kind: anomaly.');
    return this.#withDeadline(signal, async (either) => {
      const situation = await readSituation(this.#options, this.#executor, this.#options.clock.now(), either);
      const { judged } = await this.#judged(tenant, ask, range, situation, either, []);
      return judgedQuery(def, ask, judged);
    });
  }

  async #withDeadline<T>(signal: AbortSignal, run: (either: AbortSignal) => Promise<T>): Promise<T> {
    const { deadlineMs } = this.#options.def.query;
    const deadline = new AbortController();
    const timer = setTimeout(() => deadline.abort(deadlineError(deadlineMs)), deadlineMs);
    try {
      return await run(AbortSignal.any([signal, deadline.signal]));
    } finally {
      clearTimeout(timer);
    }
  }

  async settled(): Promise<void> {
    await this.#executor.settled();
  }

  async #one(
    tenant: Tenant,
    checked: CheckedQuery,
    range: { fromMs: number; toMs: number },
    maxDataPoints: number,
    situation: Situation,
    signal: AbortSignal,
  ): Promise<Ended> {
    const { def, clock, onError, onOutcome } = this.#options;
    const startedMs = clock.monotonic();
    const named = checked.query !== null && 'measure' in checked.query ? checked.query.measure : '';
    // A name that is not the definition's must not become a label of a metric.
    const measure = def.measures.find((candidate) => candidate.name === named)?.name ?? '';
    const base = { tenant: tenant.name, refId: checked.refId, kind: checked.query?.kind ?? 'unknown', measure };
    try {
      if (checked.query === null) throw checked.problem;
      const ask = resolveQuery(def, checked.query, checked.at, maxDataPoints);
      const answer = await this.#answer(tenant, ask, range, situation, signal);
      onOutcome?.({ ...base, ...answer, status: 200, durationMs: clock.monotonic() - startedMs, problem: null });
      return { refId: checked.refId, result: { status: 200, frames: answer.frames }, problem: null };
    } catch (error) {
      const status = statusOf(error);
      if (status >= 500 && status !== 504) onError(error);
      const problem = problemOf(error, { refId: checked.refId });
      onOutcome?.({ ...base, tiers: 'none', cacheHits: 0, cacheMisses: 0, status, durationMs: clock.monotonic() - startedMs, problem });
      return { refId: checked.refId, result: failed(checked.refId, status, problem), problem };
    }
  }

  async #answer(
    tenant: Tenant,
    ask: Ask,
    range: { fromMs: number; toMs: number },
    situation: Situation,
    signal: AbortSignal,
    groups: LiveQuestion['groups'] = [],
  ): Promise<Answer> {
    switch (ask.kind) {
      case 'metric':
        return this.#metric(tenant, ask, range, situation, signal, groups);
      case 'anomaly':
        return this.#anomaly(tenant, ask, range, situation, signal, groups);
      case 'events':
        return { ...LISTED, frames: [await listEvents(this.#options.cold, tenant, ask, range, situation.freshness, signal)] };
      case 'values':
        return { ...LISTED, frames: [await listValues(this.#options, tenant, ask, range, situation.freshness, signal)] };
      case 'contributors':
        return this.#contributors(tenant, ask, range, situation, signal);
      case 'annotations':
        return { ...LISTED, frames: [await listAnnotations(this.#options, tenant, ask, range, situation.freshness, signal)] };
    }
  }

  async #metric(
    tenant: Tenant,
    ask: MetricAsk,
    range: { fromMs: number; toMs: number },
    situation: Situation,
    signal: AbortSignal,
    groups: LiveQuestion['groups'],
  ): Promise<Answer> {
    const { def, bins } = this.#options;
    const { details, known } = await this.#read(tenant, ask, range, situation, signal);
    const { plan, executed } = details;
    const counted = countedOf(details);
    if (ask.items >= 0) return { frames: [itemsFrame(def, ask, executed.main, metricMeta(details, []))], ...counted };
    if (ask.histogram >= 0)
      return { frames: [histogramFrame(def, ask, executed.main, bins, plan.bucketMs, known, metricMeta(details, []))], ...counted };
    const finished = finishSeries(def, ask, plan, executed.main, executed.compare, known, groups);
    checkQuota(tenant, ask, finished.series.length);
    return { frames: [metricFrame(def, ask, plan.bucketMs, finished, metricMeta(details, finished.notices))], ...counted };
  }

  /** Reads a metric from the tiers, with what an answer says about itself. */
  async #read(
    tenant: Tenant,
    ask: MetricAsk,
    range: { fromMs: number; toMs: number },
    situation: Situation,
    signal: AbortSignal,
  ): Promise<{ readonly details: MetricDetails; readonly known: Known }> {
    const { plan, executed } = await this.#execute(tenant, ask, range, situation, signal);
    const told = situation.state?.dataFromMs ?? null;
    if (told !== null && Number.isFinite(told)) this.#dataFromMs = told;
    const known: Known = {
      nowMs: situation.nowMs,
      // A cold tier that never said where its data begins: what the hot tier holds is taken as known, then.
      dataFromMs: told ?? this.#dataFromMs ?? 0,
      completeUntilMs: completeUntilMs(situation),
    };
    const partialFrom = partialFromMs(plan, finishedUntilMs(situation));
    return { details: { plan, executed, freshness: situation.freshness, partialFrom }, known };
  }

  async #anomaly(
    tenant: Tenant,
    ask: AnomalyAsk,
    range: { fromMs: number; toMs: number },
    situation: Situation,
    signal: AbortSignal,
    groups: LiveQuestion['groups'],
  ): Promise<Answer> {
    const { frame, judged, read } = await this.#judged(tenant, ask, range, situation, signal, groups);
    checkQuota(tenant, ask, judged.series.length);
    return { frames: [frame], ...countedOf(read.details) };
  }

  async #contributors(
    tenant: Tenant,
    ask: ContributorsAsk,
    range: { fromMs: number; toMs: number },
    situation: Situation,
    signal: AbortSignal,
  ): Promise<Answer> {
    const { def } = this.#options;
    const reads: MetricDetails[] = [];
    const { found, skipped } = await findContributions({
      def,
      ask,
      range,
      read: async (metric, asked) => {
        const { details, known } = await this.#read(tenant, metric, asked, situation, signal);
        const { plan, executed } = details;
        reads.push(details);
        const { series } = finishSeries(def, metric, plan, executed.main, executed.compare, known);
        return { series, covered: { fromMs: plan.main.fromMs, toMs: plan.main.toMs } };
      },
    });
    const notices = skipped.map(({ name, error }) => ({ severity: 'info', text: `${name} was left out: ${error.message}` }) as const);
    const counts = reads.map(countedOf);
    const tiers = new Set(counts.map((one) => one.tiers));
    return {
      ...LISTED,
      frames: [contributorsFrame(ask, found, rangeMeta(range, situation.freshness, notices))],
      tiers: tiers.size > 1 ? 'both' : (counts[0]?.tiers ?? 'none'),
      cacheHits: counts.reduce((sum, one) => sum + one.cacheHits, 0),
      cacheMisses: counts.reduce((sum, one) => sum + one.cacheMisses, 0),
    };
  }

  #judged(
    tenant: Tenant,
    ask: AnomalyAsk,
    range: { fromMs: number; toMs: number },
    situation: Situation,
    signal: AbortSignal,
    groups: LiveQuestion['groups'],
  ): Promise<AnomalyAnswer> {
    const { def, clock } = this.#options;
    const { nowMs, coverage, hotReason } = situation;
    return answerAnomaly({
      def,
      ask,
      ...range,
      nowMs,
      turns: new Turns(() => clock.monotonic(), signal),
      bucketMsOf: (metric) => planQuery({ def, tenant: tenant.name, ask: metric, ...range, nowMs, coverage, hotReason }).bucketMs,
      read: async (metric, wider) => {
        const { details, known } = await this.#read(tenant, metric, wider, situation, signal);
        const { plan, executed } = details;
        // A detector must not learn from zeros that nobody has seen: its history begins with the first event, at the earliest.
        const seen = known.dataFromMs > 0 ? known : { ...known, dataFromMs: firstSeenMs(executed.main) };
        const finished = finishSeries(def, metric, plan, executed.main, executed.compare, seen, groups);
        return { details, finished, finishedUntilMs: finishedUntilMs(situation) };
      },
    });
  }

  /** A hot tier that fails costs a second plan, without it; never a wrong or missing number. */
  async #execute(
    tenant: Tenant,
    ask: MetricAsk,
    range: { fromMs: number; toMs: number },
    situation: Situation,
    signal: AbortSignal,
  ): Promise<{ plan: Plan; executed: Executed }> {
    const { def } = this.#options;
    const { nowMs, coverage, hotReason } = situation;
    const planned = planQuery({ def, tenant: tenant.name, ask, ...range, nowMs, coverage, hotReason });
    try {
      return { plan: planned, executed: await this.#executor.run(ask, planned, situation, signal) };
    } catch (error) {
      if (!(error instanceof HotFailed)) throw error;
      const plan = planQuery({ def, tenant: tenant.name, ask, ...range, nowMs, coverage: null, hotReason: error.reason });
      return { plan, executed: await this.#executor.run(ask, plan, { ...situation, coverage: null }, signal) };
    }
  }
}

/** One request from start to end, for callers without a server: `tidemark query`. Same checks, same answer as over HTTP. */
export async function runQuery(options: QueryEngineOptions, tenant: Tenant, body: unknown, signal: AbortSignal): Promise<QueryResponse> {
  const engine = new QueryEngine(options);
  try {
    return await engine.run(tenant, body, signal);
  } finally {
    await engine.settled();
  }
}

function failed(refId: string, status: number, problem: Problem): QueryResult {
  const error = problem.remedy === '' ? problem.message : `${problem.message} ${problem.remedy}`;
  return { status, error, frames: [frame(refId, { custom: { error: problem }, notices: [{ severity: 'error', text: error }] }, [])] };
}

/** @throws QueryProblem limit */
function checkQuota(tenant: Tenant, { refId, at }: { readonly refId: string; readonly at: string }, series: number): void {
  const most = tenant.quotas.seriesPerQuery;
  if (most === 0 || series <= most) return;
  throw new QueryProblem(
    'limit',
    'QUOTA_SERIES',
    `${at}: the answer has ${series} series, the tenant's quota is ${most}.`,
    'Give a limit, use filters, or group by fewer dimensions.',
    { refId, path: at },
  );
}

function countedOf({ plan, executed, partialFrom }: MetricDetails): Omit<Answer, 'frames'> {
  const { hits: cacheHits, misses: cacheMisses } = executed.cache;
  return { tiers: tiersOf(plan), cacheHits, cacheMisses, bucketMs: plan.bucketMs, partialFromMs: partialFrom };
}

function tiersOf(plan: Plan): QueryOutcome['tiers'] {
  const tiers = new Set([...plan.main.parts, ...(plan.compare?.range.parts ?? [])].map((part) => part.tier));
  if (tiers.size === 2) return 'both';
  return tiers.has('hot') ? 'hot' : tiers.has('cold') ? 'cold' : 'none';
}

function deadlineError(deadlineMs: number): TidemarkError {
  return new TidemarkError(
    'deadline',
    'QUERY_DEADLINE',
    `The query took longer than ${deadlineMs} ms.`,
    'Use a shorter range, a longer bucket or fewer groups; an operator can raise query.deadline.',
  );
}
