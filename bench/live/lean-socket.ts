// A WebSocket client that does next to nothing, so that ten thousand of them measure the server and not themselves: it reads frames
// where they lie in the socket's chunks, answers pings, and hands every text on as bytes. RFC 6455, without what a server never sends.

import { randomBytes } from 'node:crypto';
import { createConnection, type Socket } from 'node:net';

export interface SocketEvents {
  /** @param text valid during the call only */
  message(text: Buffer): void;
  /** Once, when the connection is gone for whatever reason. */
  closed(): void;
}

const PONG = Buffer.from([0x8a, 0x80, 0, 0, 0, 0]);
const EMPTY = Buffer.alloc(0);

export class LeanSocket {
  readonly #socket: Socket;
  readonly #events: SocketEvents;
  #rest: Buffer = EMPTY;
  #isOpen = false;

  private constructor(port: number, path: string, events: SocketEvents, opened: () => void, failed: (error: Error) => void) {
    this.#events = events;
    this.#socket = createConnection({ host: '127.0.0.1', port, noDelay: true });
    this.#socket.once('connect', () => {
      const key = randomBytes(16).toString('base64');
      this.#socket.write(
        `GET ${path} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nconnection: Upgrade\r\nupgrade: websocket\r\n` +
          `sec-websocket-version: 13\r\nsec-websocket-key: ${key}\r\n\r\n`,
      );
    });
    this.#socket.on('data', (chunk) => this.#take(chunk, opened, failed));
    this.#socket.on('error', failed);
    this.#socket.once('close', () => events.closed());
  }

  /** @throws Error when the server does not answer with 101 */
  static open(port: number, path: string, events: SocketEvents): Promise<LeanSocket> {
    return new Promise((resolve, reject) => {
      const socket: LeanSocket = new LeanSocket(port, path, events, () => resolve(socket), reject);
    });
  }

  /** A text frame; the mask is zero, as nothing between here and there is fooled by it. */
  send(text: string): void {
    const body = Buffer.from(text);
    const head =
      body.length < 126 ? Buffer.from([0x81, 0x80 | body.length]) : Buffer.from([0x81, 0xfe, body.length >> 8, body.length & 0xff]);
    this.#socket.write(Buffer.concat([head, Buffer.alloc(4), body]));
  }

  end(): void {
    this.#socket.destroy();
  }

  #take(chunk: Buffer, opened: () => void, failed: (error: Error) => void): void {
    let bytes: Buffer = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    if (!this.#isOpen) {
      const end = bytes.indexOf('\r\n\r\n');
      if (end < 0) {
        this.#rest = bytes;
        return;
      }
      const status = bytes.subarray(0, 12).toString('latin1');
      if (status !== 'HTTP/1.1 101') {
        failed(new Error(`the server answered ${bytes.subarray(0, 500).toString('latin1')}`));
        this.#socket.destroy();
        return;
      }
      this.#isOpen = true;
      bytes = bytes.subarray(end + 4);
      opened();
    }
    let at = 0;
    while (bytes.length - at >= 2) {
      const short = bytes[at + 1] & 0x7f;
      const headBytes = short < 126 ? 2 : short === 126 ? 4 : 10;
      if (bytes.length - at < headBytes) break;
      const length = short < 126 ? short : short === 126 ? bytes.readUInt16BE(at + 2) : Number(bytes.readBigUInt64BE(at + 2));
      if (bytes.length - at < headBytes + length) break;
      const opcode = bytes[at] & 0x0f;
      if (opcode === 1) this.#events.message(bytes.subarray(at + headBytes, at + headBytes + length));
      else if (opcode === 9) this.#socket.write(PONG);
      at += headBytes + length;
    }
    // A copy: the chunk is as large as everything that came with it.
    this.#rest = at === bytes.length ? EMPTY : Buffer.from(bytes.subarray(at));
  }
}
