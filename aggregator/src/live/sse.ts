// A live connection as server-sent events: one subscription per stream, the same messages. What a slow client has not taken waits
// in the stream, where it can be counted.

import { Readable } from 'node:stream';
import type { Tenant } from '../definition/model.js';
import type { Wire } from './connection.js';
import type { LiveHub, Wish } from './hub.js';

/** A browser's EventSource waits this long before it comes back. */
const OPENING = 'retry: 2000\n\n';

/**
 * @returns the body of the answer; ends when the server drops the client
 * @throws QueryProblem or ApiError when the subscription is refused: nothing is open then
 */
export function openEventStream(hub: LiveHub, tenant: Tenant, wish: Wish): Readable {
  const stream = new EventStream();
  const connection = hub.connected(tenant, stream);
  stream.once('close', () => hub.disconnected(connection));
  try {
    hub.subscribe(connection, wish);
  } catch (error) {
    stream.destroy();
    throw error;
  }
  return stream;
}

class EventStream extends Readable implements Wire {
  readonly transport = 'sse';

  constructor() {
    super({ read: () => undefined });
    this.push(OPENING);
  }

  get bufferedBytes(): number {
    return this.readableLength;
  }

  write(bytes: Buffer): void {
    if (!this.readableEnded && !this.destroyed) this.push(bytes);
  }

  close(): void {
    if (!this.destroyed) this.push(null);
  }

  terminate(): void {
    this.destroy();
  }

  /** Nothing can be asked over this transport; a dead client is known by what it does not take. */
  probe(): boolean {
    return true;
  }
}
