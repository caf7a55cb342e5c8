// Everybody who asks the same: one evaluation and one encoded message for all of them. Invariant: evaluations of a feed follow one
// another, and each subscriber gets either every message since its last, or one that stands for all that it missed.
// State: who holds what; only this class changes it.

import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../clock.js';
import { problemOf, statusOf } from '../query/problem.js';
import type { LiveConnection } from './connection.js';
import { EncodedMessage } from './encoded-message.js';
import type { Evaluation } from './evaluation.js';
import type { LiveMetrics } from './live-metrics.js';
import type { Moments } from './moments.js';
import type { LiveQuestion } from './question.js';
import type { Held, Subscription } from './subscription.js';
import type { WorkQueue } from './work-queue.js';

export interface FeedParts {
  readonly clock: Clock;
  readonly moments: Moments;
  readonly queue: WorkQueue;
  readonly metrics: LiveMetrics;
  /** Told of every failure that is not the asker's fault. */
  readonly onError: (error: unknown) => void;
  /** The feed ended a subscription by itself: its question cannot be answered. */
  readonly onEnded: (subscription: Subscription) => void;
  /** A client did not take what it was sent: the hub watches it, and lets its subscriptions rejoin. */
  readonly onBehind: (connection: LiveConnection) => void;
  /** Between the beginnings of two evaluations, ms. */
  readonly pauseMs: number;
}

/** Sends between two looks at the event loop. */
const SLICE_SENDS = 256;
const LONGEST_BACKOFF_MS = 30_000;

export class Feed {
  readonly question: LiveQuestion;
  readonly #evaluation: Evaluation;
  readonly #parts: FeedParts;
  /** All of them. Those that are neither current nor waiting are behind. */
  readonly #members = new Set<Subscription>();
  readonly #current = new Set<Subscription>();
  /** Need what only the whole span can tell them. */
  readonly #waiting = new Set<Subscription>();
  readonly #abort = new AbortController();
  #isDue = false;
  #isRunning = false;
  #timer: NodeJS.Timeout | null = null;
  #failures = 0;
  /** Monotonic ms. */
  #notBeforeMs = 0;
  #evaluatedAtMs: number;

  constructor(question: LiveQuestion, evaluation: Evaluation, parts: FeedParts) {
    this.question = question;
    this.#evaluation = evaluation;
    this.#parts = parts;
    this.#evaluatedAtMs = parts.clock.monotonic();
  }

  get subscribers(): number {
    return this.#members.size;
  }

  /** Since its last evaluation began, ms. */
  get idleMs(): number {
    return this.#parts.clock.monotonic() - this.#evaluatedAtMs;
  }

  /** Gives it what it lacks with the next evaluation; from then on it gets everything. */
  join(subscription: Subscription): void {
    this.#members.add(subscription);
    this.#waiting.add(subscription);
    this.wake();
  }

  /** It has caught up: what it missed comes with the next evaluation. */
  rejoin(subscription: Subscription): void {
    if (this.#members.has(subscription) && !this.#current.has(subscription)) this.join(subscription);
  }

  leave(subscription: Subscription): void {
    this.#members.delete(subscription);
    this.#current.delete(subscription);
    this.#waiting.delete(subscription);
  }

  /** Nobody asks any more. */
  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#abort.abort();
  }

  /** Something may have changed: evaluates as soon as that is allowed. Calls meanwhile are one. */
  wake(): void {
    this.#isDue = true;
    if (this.#isRunning || this.#timer !== null || this.#abort.signal.aborted) return;
    const waitMs = this.#notBeforeMs - this.#parts.clock.monotonic();
    if (waitMs > 0) {
      this.#timer = setTimeout(() => {
        this.#timer = null;
        this.wake();
      }, waitMs);
      return;
    }
    this.#isRunning = true;
    this.#parts.queue
      .run(() => this.#evaluate())
      .catch((error: unknown) => this.#parts.onError(error))
      .finally(() => {
        this.#isRunning = false;
        if (this.#isDue) this.wake();
      });
  }

  async #evaluate(): Promise<void> {
    const { clock, moments, metrics, pauseMs } = this.#parts;
    this.#isDue = false;
    if (this.#abort.signal.aborted || this.subscribers === 0) return;
    const startedMs = clock.monotonic();
    this.#notBeforeMs = startedMs + pauseMs;
    this.#evaluatedAtMs = startedMs;
    const joining = [...this.#waiting];
    try {
      const moment = await moments.get();
      const advance = await this.#evaluation.advance(moment, joining.length > 0, this.#abort.signal);
      this.#failures = 0;
      metrics.evaluated('ok', clock.monotonic() - startedMs);
      await this.#tellCurrent(advance.current, advance.before);
      if (advance.messageFor !== null) await this.#tellJoining(joining, advance.messageFor);
      if (moment.flushedAtMs !== null && advance.current !== null) metrics.delivered(clock.now() - moment.flushedAtMs);
    } catch (error) {
      if (this.#abort.signal.aborted) return;
      this.#failed(error, joining, clock.monotonic() - startedMs);
    }
  }

  /** Those who are behind are left with what they hold. */
  async #tellCurrent(message: EncodedMessage | null, before: Held): Promise<void> {
    if (message === null) return;
    await this.#tell([...this.#current], message, (subscription) => {
      subscription.held = before;
      this.#current.delete(subscription);
      this.#parts.metrics.coalesced();
    });
  }

  async #tellJoining(joining: readonly Subscription[], messageFor: (held: Held) => EncodedMessage): Promise<void> {
    const here = joining.filter((subscription) => this.#waiting.delete(subscription));
    const byMessage = new Map<EncodedMessage, Subscription[]>();
    for (const subscription of here) {
      const message = messageFor(subscription.held);
      const list = byMessage.get(message);
      if (list === undefined) byMessage.set(message, [subscription]);
      else list.push(subscription);
      this.#current.add(subscription);
    }
    for (const [message, list] of byMessage) {
      // What it holds is still what it held: it comes back when it has caught up.
      await this.#tell(list, message, (subscription) => this.#current.delete(subscription));
    }
  }

  async #tell(list: readonly Subscription[], message: EncodedMessage, missed: (subscription: Subscription) => void): Promise<void> {
    let sent = 0;
    for (const [index, subscription] of list.entries()) {
      if (!this.#current.has(subscription)) continue;
      if (subscription.deliver(message)) {
        sent++;
        subscription.toldError = '';
      } else {
        missed(subscription);
        this.#parts.onBehind(subscription.connection);
      }
      if (index % SLICE_SENDS === SLICE_SENDS - 1) await nextTurn();
    }
    this.#parts.metrics.sent(message.type, sent);
  }

  /** Nothing is lost by a failure: the next evaluation tells what happened since the last one that did not fail. */
  #failed(error: unknown, joining: readonly Subscription[], durationMs: number): void {
    const { clock, metrics, onError, onEnded } = this.#parts;
    const status = statusOf(error);
    const problem = problemOf(error);
    metrics.evaluated(String(status), durationMs);
    if (status >= 500 && status !== 504) onError(error);
    const backoffMs = Math.min(LONGEST_BACKOFF_MS, 500 * 2 ** this.#failures++);
    this.#notBeforeMs = clock.monotonic() + backoffMs;
    const isWrong = status < 500;
    for (const subscription of joining) {
      if (!this.#waiting.has(subscription)) continue;
      if (!isWrong || subscription.held.kind === 'standing') continue;
      this.#waiting.delete(subscription);
      subscription.connection.sendError({ type: 'error', id: subscription.id, error: problem, ended: true });
      onEnded(subscription);
    }
    const message = new EncodedMessage({ type: 'error', error: problem, ended: false });
    for (const subscription of [...this.#current, ...this.#waiting]) {
      if (subscription.toldError === problem.code) continue;
      if (subscription.deliver(message)) subscription.toldError = problem.code;
    }
    this.#isDue = true;
  }
}
