// A message as bytes, made once for all that get it: whoever chose the same id over the same transport shares one buffer.
// Invariant: the bytes of one message never change.

import { type DeltaMessage, type DroppedMessage, type ErrorMessage, type HeartbeatMessage, type SnapshotMessage } from './protocol.js';

export type Transport = 'websocket' | 'sse';

/** A message whose id is that of each receiver. */
export type Shared = Omit<SnapshotMessage, 'id'> | Omit<DeltaMessage, 'id'> | Omit<ErrorMessage, 'id'>;

const MOST_KEPT = 64;

export class EncodedMessage {
  readonly type: Shared['type'];
  /** JSON without the opening brace: what follows the id. */
  readonly #rest: string;
  readonly #cursor: string;
  readonly #bytes = new Map<string, Buffer>();

  constructor(message: Shared) {
    this.type = message.type;
    this.#cursor = 'cursor' in message ? message.cursor : '';
    this.#rest = JSON.stringify(message).slice(1);
  }

  bytes(transport: Transport, id: string): Buffer {
    const key = `${transport}:${id}`;
    const known = this.#bytes.get(key);
    if (known !== undefined) return known;
    const json = `{"id":${JSON.stringify(id)},${this.#rest}`;
    const made = transport === 'sse' ? event(this.type, json, this.#cursor) : Buffer.from(json);
    // Clients with ids of their own get bytes of their own; those are not worth keeping.
    if (this.#bytes.size < MOST_KEPT) this.#bytes.set(key, made);
    return made;
  }
}

export function encodeHeartbeat(message: HeartbeatMessage, transport: Transport): Buffer {
  return plain(message, transport);
}

export function encodeDropped(message: DroppedMessage, transport: Transport): Buffer {
  return plain(message, transport);
}

/** An error about no subscription, or about one that does not exist. */
export function encodeError(message: ErrorMessage, transport: Transport): Buffer {
  return plain(message, transport);
}

function plain(message: HeartbeatMessage | DroppedMessage | ErrorMessage, transport: Transport): Buffer {
  const json = JSON.stringify(message);
  return transport === 'sse' ? event(message.type, json, '') : Buffer.from(json);
}

/** JSON has no line breaks of its own, so it is one data line. */
function event(name: string, json: string, cursor: string): Buffer {
  return Buffer.from(`event: ${name}\n${cursor === '' ? '' : `id: ${cursor}\n`}data: ${json}\n\n`);
}
