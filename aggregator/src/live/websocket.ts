// A live connection over WebSocket, by `ws`: the reference implementation for Node, without dependencies, which tells how much of what
// was sent is not yet taken. Messages are not compressed: each client would cost the compression of the same bytes again.

import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type RawData, type WebSocket } from 'ws';
import type { Tenant } from '../definition/model.js';
import type { Wire } from './connection.js';
import type { LiveHub } from './hub.js';
import { CLOSE_CODES, MAX_CLIENT_MESSAGE_BYTES, type DropCode } from './protocol.js';

/** A client that does not read does not read the farewell either. */
const FAREWELL_MS = 5_000;
const LONGEST_REASON_BYTES = 120;

export class LiveSockets {
  readonly #hub: LiveHub;
  readonly #server = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_CLIENT_MESSAGE_BYTES,
    perMessageDeflate: false,
    clientTracking: false,
  });

  constructor(hub: LiveHub) {
    this.#hub = hub;
  }

  /** Takes over a connection whose request was found good. Answers a broken handshake itself. */
  accept(tenant: Tenant, request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.#server.handleUpgrade(request, socket, head, (client) => {
      const wire = new SocketWire(client);
      const connection = this.#hub.connected(tenant, wire);
      client.on('message', (data, isBinary) => {
        wire.heard();
        this.#hub.received(connection, isBinary ? '' : textOf(data));
      });
      client.on('pong', () => wire.heard());
      // Broken frames and messages that are too long: `ws` closes with the code for it.
      client.on('error', () => undefined);
      client.on('close', () => this.#hub.disconnected(connection));
    });
  }
}

function textOf(data: RawData): string {
  if (Buffer.isBuffer(data)) return data.toString('utf8');
  return Array.isArray(data) ? Buffer.concat(data).toString('utf8') : Buffer.from(data).toString('utf8');
}

class SocketWire implements Wire {
  readonly transport = 'websocket';
  readonly #client: WebSocket;
  #answered = true;

  constructor(client: WebSocket) {
    this.#client = client;
  }

  get bufferedBytes(): number {
    return this.#client.bufferedAmount;
  }

  write(bytes: Buffer): void {
    this.#client.send(bytes, { binary: false });
  }

  close(code: DropCode, reason: string): void {
    this.#client.close(CLOSE_CODES[code], Buffer.from(reason).subarray(0, LONGEST_REASON_BYTES).toString('ascii'));
    setTimeout(() => this.#client.terminate(), FAREWELL_MS).unref();
  }

  terminate(): void {
    this.#client.terminate();
  }

  heard(): void {
    this.#answered = true;
  }

  probe(): boolean {
    const answered = this.#answered;
    this.#answered = false;
    this.#client.ping();
    return answered;
  }
}
