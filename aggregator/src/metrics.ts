// Prometheus metrics of one process. Names follow the Prometheus conventions (base units, `_total`); counters of the ledger
// are set from the partitions' states, so that they survive a restart as the ledger does.

import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import type { Definition } from './definition/model.js';
import type { FlushReport } from './flush/flusher.js';
import type { PartitionProcessor } from './window/partition-processor.js';

/** What the gauges look at when they are scraped. */
export interface MetricSources {
  readonly definition: Definition;
  partitions(): readonly PartitionProcessor[];
  foldedEvents(): Float64Array;
  watermarkDelayMs(): number;
}

export class Metrics {
  readonly registry = new Registry();
  readonly #flushSeconds: Histogram;
  readonly #flushRows: Counter;
  readonly #deadLetters: Counter;
  readonly #eventToQueryable: Histogram;
  readonly #retries: Counter;
  readonly #recoveries: Counter;
  readonly #compactionSeconds: Histogram;
  readonly #compactedUntil: Gauge;
  readonly #rebuiltRows: Counter;
  readonly querySeconds: Histogram;
  readonly refusals: Counter;

  constructor() {
    const registers = [this.registry];
    collectDefaultMetrics({ register: this.registry });
    this.#flushSeconds = new Histogram({
      name: 'tidemark_flush_duration_seconds',
      help: 'Duration of each step of a flush.',
      labelNames: ['step'],
      buckets: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers,
    });
    this.#flushRows = new Counter({ name: 'tidemark_flushed_rows_total', help: 'Raw rows written by flushes.', registers });
    this.#deadLetters = new Counter({
      name: 'tidemark_dead_letters_total',
      help: 'Dead letters written (one per record or undecodable batch).',
      registers,
    });
    this.#eventToQueryable = new Histogram({
      name: 'tidemark_event_to_queryable_seconds',
      help: 'From the log timestamp of the oldest record of a flush to the moment it could be asked for.',
      buckets: [0.1, 0.25, 0.5, 1, 1.5, 2, 3, 5, 10, 30, 60, 300],
      registers,
    });
    this.#retries = new Counter({
      name: 'tidemark_retries_total',
      help: 'Steps that a store refused or did not answer, and that were repeated.',
      labelNames: ['step', 'code'],
      registers,
    });
    this.#recoveries = new Counter({
      name: 'tidemark_recoveries_total',
      help: 'Times that positions were read anew, by cause.',
      labelNames: ['cause'],
      registers,
    });
    this.#compactionSeconds = new Histogram({
      name: 'tidemark_compaction_duration_seconds',
      help: 'Duration of a compaction round.',
      buckets: [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300],
      registers,
    });
    this.#compactedUntil = new Gauge({
      name: 'tidemark_compacted_until_timestamp_seconds',
      help: 'Minutes before this are in the rollups.',
      registers,
    });
    this.#rebuiltRows = new Counter({
      name: 'tidemark_hot_rebuilt_rows_total',
      help: 'Raw rows that were given back to a hot tier that had lost them.',
      registers,
    });
    this.querySeconds = new Histogram({
      name: 'tidemark_query_duration_seconds',
      help: 'Duration of a query, by kind and outcome.',
      labelNames: ['kind', 'outcome'],
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
      registers,
    });
    this.refusals = new Counter({
      name: 'tidemark_refused_requests_total',
      help: 'Requests refused, by code.',
      labelNames: ['code'],
      registers,
    });
  }

  /** Gauges that are worked out when they are scraped. */
  watch(sources: MetricSources): void {
    const registers = [this.registry];
    new Gauge({
      name: 'tidemark_partition_lag_records',
      help: 'Records in the log that are not applied yet, by partition.',
      labelNames: ['partition'],
      registers,
      collect() {
        this.reset();
        for (const p of sources.partitions()) {
          this.set({ partition: p.id }, Math.max(0, p.logEnd - p.state().offset));
        }
      },
    });
    new Gauge({
      name: 'tidemark_ledger_records',
      help: 'Conservation ledger by partition: consumed = applied + duplicate + dead_lettered; late are part of the applied, lost were never seen.',
      labelNames: ['partition', 'outcome'],
      registers,
      collect() {
        this.reset();
        for (const p of sources.partitions()) {
          const state = p.state();
          this.set({ partition: p.id, outcome: 'consumed' }, state.consumed);
          this.set({ partition: p.id, outcome: 'applied' }, state.applied);
          this.set({ partition: p.id, outcome: 'duplicate' }, state.duplicates);
          this.set({ partition: p.id, outcome: 'dead_lettered' }, state.deadLettered);
          this.set({ partition: p.id, outcome: 'late' }, state.late);
          this.set({ partition: p.id, outcome: 'lost' }, state.lost);
        }
      },
    });
    new Gauge({
      name: 'tidemark_watermark_delay_seconds',
      help: 'How far the group watermark is behind the clock.',
      registers,
      collect() {
        this.set(sources.watermarkDelayMs() / 1000);
      },
    });
    new Gauge({
      name: 'tidemark_dimension_other_events',
      help: 'Events counted under __other__ because their value was beyond the cap, since the start of this process.',
      labelNames: ['dimension'],
      registers,
      collect() {
        sources.definition.dimensions.forEach((d) => this.set({ dimension: d.name }, sources.foldedEvents()[d.index]));
      },
    });
  }

  flushed(report: FlushReport): void {
    for (const [step, durationMs] of Object.entries(report.durationMs)) {
      this.#flushSeconds.observe({ step }, durationMs / 1000);
    }
    this.#flushRows.inc(report.rows);
    this.#deadLetters.inc(report.deadLetters);
    if (!Number.isNaN(report.eventToQueryableMs)) {
      this.#eventToQueryable.observe(report.eventToQueryableMs / 1000);
    }
  }

  retried(step: string, code: string): void {
    this.#retries.inc({ step, code });
  }

  recovered(cause: 'assignment' | 'fenced'): void {
    this.#recoveries.inc({ cause });
  }

  compacted(untilMs: number, durationMs: number): void {
    this.#compactionSeconds.observe(durationMs / 1000);
    this.#compactedUntil.set(untilMs / 1000);
  }

  rebuilt(rows: number): void {
    this.#rebuiltRows.inc(rows);
  }
}
