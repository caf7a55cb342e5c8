// One process of Tidemark, put together by the definition's roles: log → pipeline → tiers → queries. Wires only; every decision is
// in a room. Life: starting (stores are waited for, HTTP already answers) → running → stopping → stopped.

import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { createCollect } from '../api/collect.js';
import { createServer } from '../api/server.js';
import { slowQueryLog } from '../api/slow-queries.js';
import type { Clock } from '../clock.js';
import type { ColdTier } from '../cold/cold-tier.js';
import { createJsonDecoder } from '../decode/json-decoder.js';
import { catalogOf } from '../definition/describe.js';
import { memoryReport, estimateHotMemory } from '../definition/memory-estimate.js';
import type { Definition } from '../definition/model.js';
import { TidemarkError } from '../errors.js';
import { NO_FAILPOINTS, type Failpoints } from '../failpoints.js';
import { CompactionLoop } from '../flush/compaction-loop.js';
import { GroupFreshness } from '../flush/freshness.js';
import { Pipeline } from '../flush/pipeline.js';
import type { RebuildLoop } from '../flush/rebuild-loop.js';
import { untilDone } from '../flush/retry.js';
import type { HotTier } from '../hot/hot-tier.js';
import { noCoverage } from '../hot/shard-state.js';
import { encodeAnnouncement } from '../live/announcement.js';
import { Metrics } from '../metrics.js';
import type { QueryEngine, QueryOutcome } from '../query/engine.js';
import type { HotSource } from '../query/execute.js';
import { createDemoRunner, type DemoRunner } from '../source/demo/demo-runner.js';
import type { LogSource, LogWriter } from '../source/log.js';
import { startLiveHub } from './live-hub.js';
import type { LogParts } from './log-source.js';
import { createLogParts } from './log-source.js';
import { sourceLog, type Logger } from './logger.js';
import { createHotSource, createQueryEngine } from './query-engine.js';
import { readStatus } from './status.js';
import { createRebuild } from './rebuild.js';
import { createCold, createHotTier } from './stores.js';
import { VERSION } from './version.js';
import { createWatches } from './watches.js';
import type { WatchLoop } from '../watch/watch-loop.js';
import type { FreshnessProvider } from '../query/freshness.js';

export interface RuntimeOptions {
  readonly definition: Definition;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Directory of the preview page; '' for none. */
  readonly previewDir: string;
  /** @default none */
  readonly failpoints?: Failpoints;
}

const COMPACT_EVERY_MS = 5_000;
const REBUILD_EVERY_MS = 2_000;
const WATCH_EVERY_MS = 2_000;
const SLOW_QUERY_MS = 1_000;
/** Between two words about the same step being repeated. */
const RETRY_LOG_MS = 5_000;

export class Runtime {
  readonly #options: RuntimeOptions;
  readonly #metrics = new Metrics();
  readonly #hot: HotTier;
  readonly #cold: ColdTier;
  readonly #abort = new AbortController();
  readonly #startedAtMs: number;
  #phase = 'waiting for the stores';
  /** While starting: the problem that is being waited out, in words. */
  #waitingFor = '';
  #log: LogParts | null = null;
  #source: LogSource | null = null;
  #pipeline: Pipeline | null = null;
  #freshness: GroupFreshness;
  #compaction: CompactionLoop | null = null;
  #rebuild: RebuildLoop | null = null;
  #watches: WatchLoop | null = null;
  #demo: DemoRunner | null = null;
  #server: FastifyInstance | null = null;
  #writer: LogWriter | null = null;
  #retryLoggedAtMs = 0;
  /** It is known how far the hot tier stood before this process was started. */
  #hotBelieved = false;
  #superseded = false;
  #fail: (error: unknown) => void = () => undefined;
  /** Settles when the process must end by itself. */
  readonly failed = new Promise<unknown>((resolve) => {
    this.#fail = resolve;
  });

  constructor(options: RuntimeOptions) {
    this.#options = options;
    const { definition, clock, logger } = options;
    this.#startedAtMs = clock.now();
    this.#hot = createHotTier(definition, clock, (problem) => logger.warn({ code: problem.code, remedy: problem.remedy }, problem.message));
    this.#cold = createCold(definition, clock, options.failpoints);
    this.#freshness = new GroupFreshness(definition, clock, this.#hot, null);
  }

  /** Resolves when everything runs. Waits for stores that do not answer yet; HTTP says so meanwhile. */
  async start(): Promise<void> {
    const { definition, clock, logger } = this.#options;
    const signal = this.#abort.signal;
    memoryReport(estimateHotMemory(definition)).forEach((line) => logger.debug(line));
    this.#log = await createLogParts(
      definition,
      clock,
      sourceLog(logger.child({ part: 'source' })),
      (error) => this.#fail(error),
      (problem, attempt) => this.#retrying('connect to Kafka', problem, attempt),
    );
    this.#writer = this.#log.writer;
    this.#source = this.#log.source;
    if (definition.roles.ingest && this.#source !== null && this.#log.deadLetters !== null) {
      this.#pipeline = new Pipeline(
        definition,
        clock,
        this.#hot,
        this.#cold,
        this.#source,
        this.#log.deadLetters,
        this.#pipelineEvents(),
        this.#options.failpoints ?? NO_FAILPOINTS,
      );
    }
    this.#freshness = new GroupFreshness(definition, clock, this.#hot, this.#pipeline);
    this.#watch();
    this.#server = this.#createServer();
    await this.#listen(this.#server);

    await this.#waitFor('start the hot tier', () => this.#hot.start());
    await this.#waitFor('start the cold tier', () => this.#cold.start());
    await this.#waitFor('migrate the cold tier', () =>
      this.#cold.migrate((step) => logger.info({ version: step.version }, `migration ${step.name}: ${step.state}`)),
    );
    await this.#waitFor('ask how far the rows reach', async () => this.#hot.stoodAt(await this.#cold.newestOffsets()));
    this.#hotBelieved = true;
    this.#freshness.start();
    if (this.#pipeline !== null && this.#source !== null) {
      this.#phase = 'joining the group';
      this.#pipeline.start();
      await this.#source.start(this.#pipeline);
    }
    signal.throwIfAborted();
    this.#phase = 'running';
    if (definition.roles.compact) {
      this.#compaction = new CompactionLoop(this.#cold, this.#hot, clock, randomUUID(), () => this.#freshness.watermarkMs(), {
        compacted: (untilMs, durationMs) => this.#metrics.compacted(untilMs, durationMs),
        failed: (error) => this.#compactionFailed(error),
      });
      this.#compaction.start(COMPACT_EVERY_MS);
    }
    this.#rebuild = createRebuild({
      definition,
      hot: this.#hot,
      cold: this.#cold,
      clock,
      logger,
      metrics: this.#metrics,
      ...(this.#options.failpoints === undefined ? {} : { failpoints: this.#options.failpoints }),
    });
    this.#rebuild?.start(REBUILD_EVERY_MS);
    this.#startWatches();
    this.#startDemo();
    logger.info({ ms: clock.now() - this.#startedAtMs }, 'running');
  }

  async #listen(server: FastifyInstance): Promise<void> {
    const { host, port } = this.#options.definition.server;
    try {
      await server.listen({ host, port, listenTextResolver: (address) => `listening on ${address}` });
    } catch (cause) {
      const why =
        cause instanceof Error && 'code' in cause && cause.code === 'EADDRINUSE' ? 'another process listens there' : String(cause);
      throw new TidemarkError(
        'fatal',
        'CANNOT_LISTEN',
        `The HTTP server cannot listen on ${host}:${port}: ${why}.`,
        'Stop the other process, or set server.host and server.port (TIDEMARK_SERVER_PORT).',
        { cause },
      );
    }
  }

  /** Repeats a step of the start until it is done; what it waits for can be asked meanwhile. */
  async #waitFor(step: string, run: () => Promise<unknown>): Promise<void> {
    await untilDone(step, this.#abort.signal, { failed: (name, error, attempt) => this.#retrying(name, error, attempt) }, run);
    this.#waitingFor = '';
  }

  /** May be called while `start` still waits for something: `start` then rejects. */
  async stop(): Promise<void> {
    this.#phase = 'stopping';
    this.#abort.abort();
    await this.#demo?.stop();
    // Nothing new comes in. What queries and collect are doing may end, but a slow one must not take the flush's time.
    const answered = this.#server?.close();
    const compacted = this.#compaction?.stop();
    const rebuilt = this.#rebuild?.stop();
    const watched = this.#watches?.stop();
    await this.#pipeline?.drain();
    await this.#source?.stop();
    await answered;
    await compacted;
    await rebuilt;
    await watched;
    await this.#log?.close();
    this.#freshness.stop();
    await Promise.allSettled([this.#hot.stop(), this.#cold.stop()]);
    this.#phase = 'stopped';
  }

  #pipelineEvents(): ConstructorParameters<typeof Pipeline>[6] {
    const { logger } = this.#options;
    return {
      flushed: (report) => {
        this.#metrics.flushed(report);
        for (const move of report.moves) {
          this.#freshness.flushed(move.partition, move.state);
          this.#log
            ?.forgetBelow(move.state.warmFrom)
            .catch((error: unknown) => logger.warn({ err: error }, 'the embedded log could not be trimmed'));
        }
        this.#hot.announce(encodeAnnouncement(report));
        logger.debug({ rows: report.rows, deltas: report.deltas, deadLetters: report.deadLetters, ms: report.durationMs }, 'flushed');
      },
      retrying: (step, error, attempt) => this.#retrying(step, error, attempt),
      recovering: (plans) => {
        this.#metrics.recovered('assignment');
        for (const plan of plans) {
          const { partition, applyFrom, readFrom, coldFrom, shards, lost } = plan;
          logger.info({ partition, applyFrom, readFrom, coldFrom, shards }, 'partition assigned');
          if (lost > 0) {
            logger.error({ partition, lost }, 'records were dropped by the log before they were read: raise the topic’s retention');
          }
        }
      },
      fenced: (reason) => {
        this.#metrics.recovered('fenced');
        logger.warn({ reason }, 'fenced: reading the positions anew');
      },
      fatal: (error) => this.#fail(error),
    };
  }

  #retrying(step: string, error: TidemarkError, attempt: number): void {
    this.#metrics.retried(step, error.code);
    this.#waitingFor = [error.message, error.remedy].filter((text) => text !== '').join(' ');
    const nowMs = this.#options.clock.now();
    if (attempt === 1 || nowMs - this.#retryLoggedAtMs > RETRY_LOG_MS) {
      this.#retryLoggedAtMs = nowMs;
      this.#options.logger.warn({ step, code: error.code, attempt, remedy: error.remedy }, error.message);
    }
  }

  #watch(): void {
    const { definition } = this.#options;
    this.#metrics.watch({
      definition,
      partitions: () => this.#pipeline?.partitions ?? [],
      foldedEvents: () => this.#pipeline?.processor.admission.foldedEvents ?? new Float64Array(definition.dimensions.length),
      watermarkDelayMs: () => {
        const freshness = this.#freshness.freshness(null);
        return freshness.watermarkMs === 0 ? Number.NaN : freshness.nowMs - freshness.watermarkMs;
      },
    });
  }

  #createServer(): FastifyInstance {
    const { definition, clock, logger, previewDir } = this.#options;
    const slow = slowQueryLog(logger, SLOW_QUERY_MS);
    const onOutcome = (outcome: QueryOutcome): void => {
      this.#metrics.querySeconds.observe(
        { kind: outcome.kind, outcome: outcome.status < 400 ? 'ok' : String(outcome.status) },
        outcome.durationMs / 1000,
      );
      slow(outcome);
    };
    const engine = definition.roles.query ? this.#createEngine(onOutcome) : null;
    const live = engine === null ? null : startLiveHub(definition, clock, logger, engine, this.#hot, this.#metrics.registry);
    return createServer({
      def: definition,
      clock,
      log: logger,
      version: VERSION,
      engine,
      live,
      anomalies: definition.roles.query ? this.#cold : null,
      collect: this.#writer === null ? null : createCollect(definition, createJsonDecoder(definition), this.#writer, clock),
      staticDir: previewDir,
      onRefusal: (code) => this.#metrics.refusals.inc({ code }),
      operations: {
        ready: async () => [
          await this.#ready('hot tier', () => this.#hot.health()),
          await this.#ready('cold tier', () => this.#cold.health()),
          {
            name: 'ingest',
            ok: this.#phase === 'running' && (this.#pipeline === null || this.#pipeline.state === 'running'),
            detail: this.#waitingFor === '' || this.#phase === 'running' ? this.#state() : `${this.#state()}: ${this.#waitingFor}`,
          },
        ],
        status: () =>
          readStatus({
            definition,
            hot: this.#hot,
            cold: this.#cold,
            freshness: this.#freshnessNow(),
            startedAtMs: this.#startedAtMs,
            pipelineState: () => this.#state(),
          }),
        catalog: () => catalogOf(definition),
        metrics: async () => ({ text: await this.#metrics.registry.metrics(), contentType: this.#metrics.registry.contentType }),
      },
    });
  }

  #createEngine(onOutcome: (outcome: QueryOutcome) => void): QueryEngine {
    const { definition, clock, logger } = this.#options;
    return createQueryEngine({
      definition,
      clock,
      hot: this.#hotSource(),
      cold: this.#cold,
      freshness: this.#freshnessNow(),
      onError: (error) => logger.warn({ err: error }, 'a store failed while answering'),
      onOutcome,
    });
  }

  /** Follows the freshness of now: it is exchanged for another when the pipeline is known. */
  #freshnessNow(): FreshnessProvider {
    return { freshness: (coverage) => this.#freshness.freshness(coverage) };
  }

  /** A hot tier that went back while nobody looked must not answer before it is known that it did. */
  #hotSource(): HotSource {
    const source = createHotSource(this.#options.definition, this.#hot, this.#options.clock);
    const unknown = noCoverage('It is not known yet how far the hot tier stood before this process was started.');
    return { ...source, coverage: () => (this.#hotBelieved ? source.coverage() : Promise.resolve(unknown)) };
  }

  #compactionFailed(error: unknown): void {
    const { logger } = this.#options;
    if (error instanceof TidemarkError && error.code === 'COLD_DEFINITION_SUPERSEDED') {
      // True until this process is started anew; once is enough.
      if (!this.#superseded) logger.warn({ code: error.code, remedy: error.remedy }, error.message);
      this.#superseded = true;
      return;
    }
    logger.warn({ err: error }, 'compaction failed; the next round tries again');
  }

  #state(): string {
    return this.#phase !== 'running' ? this.#phase : (this.#pipeline?.state ?? 'running without ingest');
  }

  async #ready(
    name: string,
    health: () => Promise<{ readonly ok: boolean; readonly detail: string }>,
  ): Promise<{ name: string; ok: boolean; detail: string }> {
    try {
      const { ok, detail } = await health();
      return { name, ok, detail };
    } catch (error) {
      return { name, ok: false, detail: error instanceof Error ? error.message : String(error) };
    }
  }

  #startWatches(): void {
    const { definition, clock, logger } = this.#options;
    this.#watches = createWatches({
      definition,
      clock,
      logger,
      engine: this.#createEngine(() => undefined),
      cold: this.#cold,
      hot: this.#hot,
      watermarkMs: () => this.#freshness.watermarkMs(),
      registry: this.#metrics.registry,
    });
    this.#watches?.start(WATCH_EVERY_MS);
  }

  #startDemo(): void {
    const { definition, clock, logger } = this.#options;
    const { demo } = definition.source;
    if (demo === null || this.#writer === null || !definition.roles.ingest) {
      return;
    }
    let told = 0;
    this.#demo = createDemoRunner({
      demo,
      writer: this.#writer,
      clock,
      statePath: join(definition.dataDir, 'demo.json'),
      log: sourceLog(logger.child({ part: 'demo' })),
      onHistory: (share) => {
        if (share >= told + 0.25 || (share === 1 && told < 1)) {
          told = share;
          logger.info(`demo history: ${Math.round(share * 100)} %`);
        }
      },
    });
    void sleep(0).then(() => this.#demo?.start());
  }
}
