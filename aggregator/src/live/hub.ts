// The live API's core, whatever the transport: who is connected, which questions are asked, what a flush wakes. Every subscription
// belongs to one connection and one feed, and is counted once. State: connections and feeds; only this class changes them.

import { apiError, refusalOf } from '../api/api-error.js';
import type { Clock } from '../clock.js';
import type { Definition, Tenant } from '../definition/model.js';
import type { HotTier } from '../hot/hot-tier.js';
import type { QueryEngine } from '../query/engine.js';
import { invalid } from '../query/problem.js';
import { decodeAnnouncement } from './announcement.js';
import { ChangeLog } from './change-log.js';
import { idOf, readClientMessage } from './client-message.js';
import { LiveConnection, type Wire } from './connection.js';
import { Evaluation } from './evaluation.js';
import { Feed } from './feed.js';
import type { LiveMetrics } from './live-metrics.js';
import { Moments } from './moments.js';
import type { DropCode } from './protocol.js';
import { definitionDigest, readQuestion, type LiveQuestion } from './question.js';
import { LiveQuotas } from './quota.js';
import { NOTHING, Subscription } from './subscription.js';
import { WorkQueue } from './work-queue.js';

export interface HubOptions {
  readonly def: Definition;
  readonly clock: Clock;
  readonly engine: Pick<QueryEngine, 'check' | 'situation' | 'evaluate'>;
  readonly announcements: Pick<HotTier, 'onAnnounce'>;
  readonly metrics: LiveMetrics;
  /** Told of every failure that is not the asker's fault. */
  readonly onError: (error: unknown) => void;
  /** Between the beginnings of two evaluations of one question. @default 250 */
  readonly pauseMs?: number;
  /** How long a client may be behind. @default 20,000 */
  readonly patienceMs?: number;
}

/** What one subscription asks for. */
export interface Wish {
  readonly id: string;
  readonly query: unknown;
  readonly spanMs: number;
  readonly resume?: string | undefined;
}

const MOST_SUBSCRIPTIONS = 100;
const MOST_BAD_MESSAGES = 20;
const HEARTBEAT_MS = 10_000;
const PROBE_MS = 30_000;
/** Without a flush answers still move on: buckets begin, empty ones become zeros. */
const IDLE_MS = 2_000;
const SWEEP_MS = 200;
const EVALUATIONS_AT_ONCE = 8;
/** From the last word to the end of the connection, when the process stops. */
const GOODBYE_MS = 1_000;

export class LiveHub {
  readonly #options: HubOptions;
  readonly #definition: string;
  readonly #changes: ChangeLog;
  readonly #moments: Moments;
  readonly #queue = new WorkQueue(EVALUATIONS_AT_ONCE);
  readonly #quotas = new LiveQuotas();
  readonly #feeds = new Map<string, Feed>();
  readonly #connections = new Set<LiveConnection>();
  /** Clients that have not taken what they were sent. */
  readonly #behind = new Set<LiveConnection>();
  #timers: NodeJS.Timeout[] = [];
  #silence: () => void = () => undefined;
  #isStopping = false;

  constructor(options: HubOptions) {
    this.#options = options;
    const { def, clock, engine } = options;
    this.#definition = definitionDigest(def);
    this.#changes = new ChangeLog(clock, def.latenessMs);
    const never = new AbortController().signal;
    this.#moments = new Moments(clock, () => engine.situation(never));
    options.metrics.watch(() => ({
      connections: this.#connections.size,
      subscriptions: [...this.#feeds.values()].reduce((sum, feed) => sum + feed.subscribers, 0),
      queries: this.#feeds.size,
    }));
  }

  start(): void {
    this.#silence = this.#options.announcements.onAnnounce((text) => this.#heard(text));
    this.#timers = [setInterval(() => this.#sweep(), SWEEP_MS), setInterval(() => this.#beat(), 1_000)];
  }

  /** Tells every client that this process ends, and ends its connections. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#silence();
    for (const timer of this.#timers) clearInterval(timer);
    const open = [...this.#connections];
    const reason = 'This process is stopping. Come back: another one, or the same after its restart, goes on from your cursor.';
    for (const connection of open) this.#drop(connection, 'stopping', reason, 1_000);
    if (open.length > 0) await new Promise((resolve) => setTimeout(resolve, GOODBYE_MS));
    for (const { wire } of open) wire.terminate();
  }

  /**
   * A client has come. Call `disconnected` when it has gone.
   * @throws ApiError 429, 503
   */
  connected(tenant: Tenant, wire: Wire): LiveConnection {
    this.admit(tenant);
    this.#quotas.connect(tenant);
    const connection = new LiveConnection(tenant, wire, this.#options.clock);
    this.#connections.add(connection);
    return connection;
  }

  /** Whether one more client of a tenant may come: asked before a connection is taken. @throws ApiError 429, 503 */
  admit(tenant: Tenant): void {
    if (this.#isStopping) {
      throw apiError(503, 'STOPPING', 'This process is stopping.', 'Come back in a moment, or ask another process.', {
        'retry-after': '1',
      });
    }
    this.#quotas.admit(tenant);
  }

  disconnected(connection: LiveConnection): void {
    connection.closed = true;
    if (!this.#connections.delete(connection)) return;
    this.#behind.delete(connection);
    this.#quotas.disconnect(connection.tenant);
    for (const subscription of connection.subscriptions.values()) this.#remove(subscription);
    connection.subscriptions.clear();
  }

  /** A text message of a WebSocket client. Whatever is wrong with it is told to the client. */
  received(connection: LiveConnection, text: string): void {
    if (connection.closed) return;
    if (connection.isFlooding()) {
      this.#drop(connection, 'misbehaving', 'This client sends more messages than anybody can read. Send fewer.', 60_000);
      return;
    }
    const id = idOf(text);
    try {
      const message = readClientMessage(text);
      if (message.type === 'subscribe') this.subscribe(connection, message);
      else this.#unsubscribe(connection, message.id);
      connection.badMessages = 0;
    } catch (error) {
      const { error: problem } = refusalOf(error).body;
      connection.sendError({ type: 'error', id, error: problem, ended: id !== null && !connection.subscriptions.has(id) });
      connection.badMessages++;
      if (connection.badMessages >= MOST_BAD_MESSAGES) {
        this.#drop(connection, 'misbehaving', `The last ${MOST_BAD_MESSAGES} messages could not be used. ${problem.message}`, 60_000);
      }
    }
  }

  /** @throws QueryProblem or ApiError: nothing has changed then */
  subscribe(connection: LiveConnection, wish: Wish): void {
    const { def, engine, clock } = this.#options;
    const question = readQuestion(def, this.#definition, connection.tenant, wish.query, wish.spanMs);
    const nowMs = clock.now();
    engine.check({ tenant: connection.tenant, ask: question.ask, fromMs: nowMs - wish.spanMs, toMs: nowMs, groups: [] });
    const earlier = connection.subscriptions.get(wish.id);
    if (earlier === undefined && connection.subscriptions.size >= MOST_SUBSCRIPTIONS) {
      throw invalid(
        'LIVE_TOO_MANY',
        `This connection has ${connection.subscriptions.size} subscriptions, at most ${MOST_SUBSCRIPTIONS} are served.`,
        'Unsubscribe what is not shown, or open another connection.',
        { path: 'id' },
      );
    }
    if (earlier !== undefined) this.#forget(earlier);
    this.#quotas.subscribe(connection.tenant, !this.#feeds.has(question.digest));
    const feed = this.#feeds.get(question.digest) ?? this.#open(question);
    const held = wish.resume === undefined ? NOTHING : ({ kind: 'cursor', text: wish.resume } as const);
    const subscription = new Subscription(connection, feed, wish.id, held);
    connection.subscriptions.set(wish.id, subscription);
    feed.join(subscription);
  }

  #unsubscribe(connection: LiveConnection, id: string): void {
    const subscription = connection.subscriptions.get(id);
    if (subscription === undefined) {
      const known = [...connection.subscriptions.keys()].slice(0, 10).join(', ');
      throw invalid(
        'LIVE_UNKNOWN_ID',
        `id: there is no subscription ${JSON.stringify(id)}.`,
        `This connection has ${known === '' ? 'none' : known}.`,
        {
          path: 'id',
        },
      );
    }
    this.#forget(subscription);
  }

  #open(question: LiveQuestion): Feed {
    const { def, clock, engine, metrics, onError, pauseMs = 250 } = this.#options;
    const feed = new Feed(question, new Evaluation(def, engine, this.#changes, question), {
      clock,
      moments: this.#moments,
      queue: this.#queue,
      metrics,
      onError,
      onEnded: (subscription) => this.#forget(subscription),
      onBehind: (connection) => this.#behind.add(connection),
      pauseMs,
    });
    this.#feeds.set(question.digest, feed);
    return feed;
  }

  #forget(subscription: Subscription): void {
    if (subscription.connection.subscriptions.delete(subscription.id)) this.#remove(subscription);
  }

  #remove(subscription: Subscription): void {
    const { connection, feed } = subscription;
    feed.leave(subscription);
    this.#quotas.unsubscribe(connection.tenant, feed.subscribers === 0);
    if (feed.subscribers > 0) return;
    feed.stop();
    this.#feeds.delete(feed.question.digest);
  }

  #heard(text: string): void {
    const announcement = decodeAnnouncement(text);
    if (announcement !== null) this.#changes.hear(announcement);
    this.#moments.flushed(announcement?.atMs ?? this.#options.clock.now());
    for (const feed of this.#feeds.values()) feed.wake();
  }

  /** Clients that were behind: those that caught up get what they missed, those that did not in time are ended. */
  #sweep(): void {
    const { clock, patienceMs = 20_000 } = this.#options;
    for (const connection of this.#behind) {
      if (connection.caughtUp()) {
        this.#behind.delete(connection);
        for (const subscription of connection.subscriptions.values()) subscription.feed.rejoin(subscription);
      } else if (connection.behindSinceMs !== null && clock.monotonic() - connection.behindSinceMs > patienceMs) {
        const reason = `This client has not taken what it was sent for ${patienceMs / 1_000} s.`;
        this.#drop(connection, 'slow', `${reason} Ask for fewer or shorter series, and come back with your cursor.`, 5_000);
      }
    }
  }

  #beat(): void {
    const { clock } = this.#options;
    const nowMs = clock.monotonic();
    for (const feed of this.#feeds.values()) {
      if (feed.idleMs >= IDLE_MS) feed.wake();
    }
    for (const connection of this.#connections) {
      if (nowMs - connection.lastSentMs >= HEARTBEAT_MS) connection.sendHeartbeat(clock.now());
      if (nowMs - connection.probedMs >= PROBE_MS) {
        connection.probedMs = nowMs;
        if (!connection.wire.probe()) connection.wire.terminate();
      }
    }
  }

  #drop(connection: LiveConnection, code: DropCode, reason: string, retryAfterMs: number): void {
    this.#options.metrics.dropped(code);
    connection.end(code, reason, retryAfterMs);
    this.disconnected(connection);
  }
}
