// Single events that are waited for: all go to one partition, so that they are seen in the order in which they were produced.

import { setTimeout as delay } from 'node:timers/promises';
import type { TopicProducer } from '../harness/topic-producer.js';

export class Probes {
  readonly agesMs: number[] = [];
  readonly #producer: TopicProducer;
  readonly #country: string;
  readonly #producedMs: number[] = [];

  constructor(producer: TopicProducer, country: string) {
    this.#producer = producer;
    this.#country = country;
  }

  /** Resolves when the broker has it. */
  async produce(): Promise<void> {
    const nowMs = Date.now();
    const number = this.#producedMs.push(nowMs);
    const value = JSON.stringify({
      event_id: `${this.#country}-${number}`,
      ts: new Date(nowMs).toISOString(),
      user_id: 'probe',
      type: 'page_view',
      geo: { country: this.#country },
      device: 'mobile',
      page: '/probe',
    });
    const waiting = this.#producer.add(0, 'probe', value, nowMs);
    if (waiting !== null) await waiting;
    await this.#producer.flush();
  }

  /** @param total how many of them a frame has now */
  seen(total: number, nowMs: number): void {
    if (total > this.#producedMs.length) throw new Error(`${total} events are shown, ${this.#producedMs.length} were produced`);
    for (const producedMs of this.#producedMs.slice(this.agesMs.length, total)) this.agesMs.push(nowMs - producedMs);
  }

  /** @throws Error when some are not seen in time */
  async allSeen(withinMs: number): Promise<void> {
    const deadline = Date.now() + withinMs;
    while (this.agesMs.length < this.#producedMs.length) {
      if (Date.now() > deadline) throw new Error(`${this.agesMs.length} of ${this.#producedMs.length} events were seen`);
      await delay(20);
    }
  }
}
