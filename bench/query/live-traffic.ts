// Keeps events coming at a rate, each with the time at which it is written: a trickle while the stack counts as idle, a flood while
// it is loaded.

import { setTimeout as delay } from 'node:timers/promises';
import type { TopicProducer } from '../harness/topic-producer.js';
import type { Traffic } from './traffic.js';

const STEP_MS = 100;

export class LiveTraffic {
  readonly #traffic: Traffic;
  readonly #producer: TopicProducer;
  #cursorMs: number;
  #perSecond: number;
  #running: Promise<void> | null = null;
  #stopped = false;
  #failure: Error | null = null;

  /** @param fromMs what came before is written already */
  constructor(traffic: Traffic, producer: TopicProducer, fromMs: number, perSecond: number) {
    this.#traffic = traffic;
    this.#producer = producer;
    this.#cursorMs = fromMs;
    this.#perSecond = perSecond;
  }

  start(): void {
    this.#running = this.#run().catch((error: unknown) => {
      this.#failure = error instanceof Error ? error : new Error(String(error));
    });
  }

  set perSecond(rate: number) {
    this.#perSecond = rate;
  }

  /** Events written so far, for seeing that the rate is kept. @throws what writing failed with: the load has ended then */
  get count(): number {
    if (this.#failure !== null) throw this.#failure;
    return this.#traffic.count;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const nowMs = Date.now();
      await this.#traffic.flow(this.#cursorMs, nowMs, this.#perSecond);
      this.#cursorMs = nowMs;
      await this.#producer.flush();
      await delay(STEP_MS);
    }
  }
}
