// One client's connection, whatever the transport. Knows how much of what was sent the client has not taken yet; a client that is
// behind gets nothing more until it has caught up. State: its subscriptions; changed by the hub alone.

import type { Clock } from '../clock.js';
import type { Tenant } from '../definition/model.js';
import { encodeDropped, encodeError, encodeHeartbeat, type Transport } from './encoded-message.js';
import type { DropCode, ErrorMessage } from './protocol.js';
import type { Subscription } from './subscription.js';

/** What a transport does. */
export interface Wire {
  readonly transport: Transport;
  /** Handed over and not yet taken by the network. */
  readonly bufferedBytes: number;
  write(bytes: Buffer): void;
  /** Ends the connection after what was written. */
  close(code: DropCode, reason: string): void;
  /** Ends it now. */
  terminate(): void;
  /** Asks the other end whether it is there. @returns false when it has not answered the last time */
  probe(): boolean;
}

/** Above this a client is behind, below the other it has caught up. */
const BEHIND_BYTES = 256 * 1024;
const CAUGHT_UP_BYTES = 64 * 1024;
/** Messages from a client: a dashboard that opens sends as many as it has panels. */
const MOST_MESSAGES = 500;
const COUNTED_MS = 10_000;

export class LiveConnection {
  readonly tenant: Tenant;
  readonly wire: Wire;
  readonly subscriptions = new Map<string, Subscription>();
  readonly #clock: Clock;
  /** Monotonic ms. */
  lastSentMs: number;
  probedMs: number;
  behindSinceMs: number | null = null;
  /** In a row. */
  badMessages = 0;
  closed = false;
  #messages = 0;
  #countingSinceMs: number;

  constructor(tenant: Tenant, wire: Wire, clock: Clock) {
    this.tenant = tenant;
    this.wire = wire;
    this.#clock = clock;
    this.lastSentMs = clock.monotonic();
    this.probedMs = this.lastSentMs;
    this.#countingSinceMs = this.lastSentMs;
  }

  /** @returns false when nothing was sent, since the client is behind */
  send(bytes: Buffer): boolean {
    if (this.closed || this.isBehind()) return false;
    this.wire.write(bytes);
    this.lastSentMs = this.#clock.monotonic();
    return true;
  }

  /** Answers are small and few: they are sent in any case. */
  sendError(message: ErrorMessage): void {
    if (!this.closed) this.wire.write(encodeError(message, this.wire.transport));
  }

  sendHeartbeat(atMs: number): void {
    this.send(encodeHeartbeat({ type: 'heartbeat', at: atMs }, this.wire.transport));
  }

  /** Counts one more message from the client. */
  isFlooding(): boolean {
    const nowMs = this.#clock.monotonic();
    if (nowMs - this.#countingSinceMs > COUNTED_MS) {
      this.#countingSinceMs = nowMs;
      this.#messages = 0;
    }
    return ++this.#messages > MOST_MESSAGES;
  }

  isBehind(): boolean {
    if (this.behindSinceMs !== null) return true;
    if (this.wire.bufferedBytes <= BEHIND_BYTES) return false;
    this.behindSinceMs = this.#clock.monotonic();
    return true;
  }

  /** @returns true when a client that was behind has taken nearly everything */
  caughtUp(): boolean {
    if (this.behindSinceMs === null || this.wire.bufferedBytes > CAUGHT_UP_BYTES) return false;
    this.behindSinceMs = null;
    return true;
  }

  /** Tells the client why, and closes. The hub removes it. */
  end(code: DropCode, reason: string, retryAfterMs: number): void {
    if (this.closed) return;
    this.closed = true;
    this.wire.write(encodeDropped({ type: 'dropped', code, reason, retryAfterMs }, this.wire.transport));
    this.wire.close(code, reason);
  }
}
