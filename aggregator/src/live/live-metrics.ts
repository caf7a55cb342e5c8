// What an operator sees of the live API. Names follow the Prometheus conventions.

import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { DropCode } from './protocol.js';

/** What the gauges look at when they are scraped. */
export interface LiveCounts {
  readonly connections: number;
  readonly subscriptions: number;
  readonly queries: number;
}

export class LiveMetrics {
  readonly #registry: Registry;
  readonly #messages: Counter;
  readonly #coalesced: Counter;
  readonly #dropped: Counter;
  readonly #evaluationSeconds: Histogram;
  readonly #deliverySeconds: Histogram;

  constructor(registry: Registry) {
    const registers = [registry];
    this.#registry = registry;
    this.#messages = new Counter({
      name: 'tidemark_live_messages_total',
      help: 'Snapshots, deltas and errors sent to live subscribers.',
      labelNames: ['type'],
      registers,
    });
    this.#coalesced = new Counter({
      name: 'tidemark_live_coalesced_total',
      help: 'Messages that a live client was too slow for; it gets one for all of them later.',
      registers,
    });
    this.#dropped = new Counter({
      name: 'tidemark_live_dropped_total',
      help: 'Live connections that the server ended, by reason.',
      labelNames: ['reason'],
      registers,
    });
    this.#evaluationSeconds = new Histogram({
      name: 'tidemark_live_evaluation_seconds',
      help: 'Duration of one evaluation of a live query, by outcome.',
      labelNames: ['outcome'],
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
      registers,
    });
    this.#deliverySeconds = new Histogram({
      name: 'tidemark_live_delivery_seconds',
      help: 'From the end of a flush until its delta was handed to every subscriber of a query.',
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers,
    });
  }

  watch(counts: () => LiveCounts): void {
    const gauge = (name: string, help: string, read: (counts: LiveCounts) => number): Gauge =>
      new Gauge({
        name,
        help,
        registers: [this.#registry],
        collect() {
          this.set(read(counts()));
        },
      });
    gauge('tidemark_live_connections', 'Live connections that stand.', (now) => now.connections);
    gauge('tidemark_live_subscriptions', 'Live subscriptions.', (now) => now.subscriptions);
    gauge('tidemark_live_queries', 'Distinct live queries, each evaluated once for all of its subscribers.', (now) => now.queries);
  }

  sent(type: 'snapshot' | 'delta' | 'error', count: number): void {
    if (count > 0) this.#messages.inc({ type }, count);
  }

  coalesced(): void {
    this.#coalesced.inc();
  }

  dropped(reason: DropCode): void {
    this.#dropped.inc({ reason });
  }

  evaluated(outcome: string, durationMs: number): void {
    this.#evaluationSeconds.observe({ outcome }, durationMs / 1_000);
  }

  delivered(sinceFlushMs: number): void {
    this.#deliverySeconds.observe(Math.max(0, sinceFlushMs) / 1_000);
  }
}
