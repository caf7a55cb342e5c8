// What watches see, as Prometheus metrics, for those who alert elsewhere: the newest finished bucket of each series.

import { Counter, Gauge, type Registry } from 'prom-client';
import type { AnomalyRecord } from '../cold/anomaly-store.js';
import type { Tenant, Watch } from '../definition/model.js';
import type { JudgedQuery } from '../query/engine.js';

/** Series of one watch that get metrics: a label of unbounded values would hurt whoever scrapes. The most anomalous first. */
const MAX_SERIES = 200;
const LABELS = ['tenant', 'watch', 'series'] as const;

export class WatchMetrics {
  readonly #score: Gauge<(typeof LABELS)[number]>;
  readonly #anomalous: Gauge<(typeof LABELS)[number]>;
  readonly #value: Gauge<(typeof LABELS)[number]>;
  readonly #expected: Gauge<(typeof LABELS)[number]>;
  readonly #judgedUntil: Gauge<'tenant' | 'watch'>;
  readonly #episodes: Counter<'tenant' | 'watch'>;
  readonly #failures: Counter<'watch'>;
  /** Series with gauges, so that those that are gone can be taken away. */
  readonly #shown = new Map<string, readonly string[]>();

  constructor(registry: Registry) {
    const registers = [registry];
    const gauge = (name: string, help: string): Gauge<(typeof LABELS)[number]> => new Gauge({ name, help, labelNames: LABELS, registers });
    this.#score = gauge('tidemark_watch_score', 'Anomaly score of the newest finished bucket, 0 to 1; 0.5 is the alarm line.');
    this.#anomalous = gauge('tidemark_watch_anomalous', '1 while the series is out of line.');
    this.#value = gauge('tidemark_watch_value', 'Value of the newest finished bucket.');
    this.#expected = gauge('tidemark_watch_expected', 'Value that the detector expected there.');
    this.#judgedUntil = new Gauge({
      name: 'tidemark_watch_judged_until_timestamp_seconds',
      help: 'End of the newest judged bucket.',
      labelNames: ['tenant', 'watch'],
      registers,
    });
    this.#episodes = new Counter({
      name: 'tidemark_watch_anomalies_total',
      help: 'Episodes that began.',
      labelNames: ['tenant', 'watch'],
      registers,
    });
    this.#failures = new Counter({
      name: 'tidemark_watch_failures_total',
      help: 'Judgings that failed and are repeated.',
      labelNames: ['watch'],
      registers,
    });
  }

  judged(tenant: Tenant, watch: Watch, { series, judgedUntilMs }: JudgedQuery): void {
    const key = `${tenant.name}/${watch.name}`;
    const newest = series
      .map((one) => ({ ...one, score: one.newest?.score ?? 0 }))
      .sort((a, b) => b.score - a.score)
      .slice(0, MAX_SERIES);
    const shown: string[] = [];
    for (const { name, newest: bucket, score, episodes } of newest) {
      if (bucket === null) continue;
      const labels = { tenant: tenant.name, watch: watch.name, series: name };
      shown.push(name);
      this.#score.set(labels, score);
      this.#anomalous.set(labels, episodes.some((episode) => episode.open) ? 1 : 0);
      this.#value.set(labels, bucket.value ?? Number.NaN);
      this.#expected.set(labels, bucket.expected ?? Number.NaN);
    }
    for (const name of this.#shown.get(key) ?? []) {
      if (shown.includes(name)) continue;
      for (const gauge of [this.#score, this.#anomalous, this.#value, this.#expected])
        gauge.remove({ tenant: tenant.name, watch: watch.name, series: name });
    }
    this.#shown.set(key, shown);
    if (Number.isFinite(judgedUntilMs)) this.#judgedUntil.set({ tenant: tenant.name, watch: watch.name }, judgedUntilMs / 1000);
  }

  began(record: AnomalyRecord): void {
    this.#episodes.inc({ tenant: record.tenant, watch: record.watch });
  }

  failed(watch: Watch): void {
    this.#failures.inc({ watch: watch.name });
  }
}
