// One client's interest in one feed, and what the client holds of it. State: changed by its feed alone.

import type { LiveConnection } from './connection.js';
import type { EncodedMessage } from './encoded-message.js';
import type { Feed } from './feed.js';
import type { Standing } from './cursor.js';

/** What a client holds before its first message of this process, or since it fell behind. */
export type Held =
  /** Nothing: it gets a snapshot. */
  | { readonly kind: 'nothing' }
  /** What a cursor says, unchecked. */
  | { readonly kind: 'cursor'; readonly text: string }
  /** What it was sent here last, under the feed's schema of that number. */
  | { readonly kind: 'standing'; readonly standing: Standing; readonly schema: number };

export const NOTHING: Held = { kind: 'nothing' };

export class Subscription {
  readonly connection: LiveConnection;
  readonly feed: Feed;
  readonly id: string;
  held: Held;
  /** An error of this code was told and nothing since. */
  toldError = '';

  constructor(connection: LiveConnection, feed: Feed, id: string, held: Held) {
    this.connection = connection;
    this.feed = feed;
    this.id = id;
    this.held = held;
  }

  /** @returns false when the client is behind and got nothing */
  deliver(message: EncodedMessage): boolean {
    return this.connection.send(message.bytes(this.connection.wire.transport, this.id));
  }
}
