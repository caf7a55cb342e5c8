// A subscriber of the live API over either transport: one subscription, every message handed on in order.

import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { WebSocket } from 'ws';
import type { ServerMessage } from '../../aggregator/src/live/protocol.js';

export interface LiveWish {
  readonly id: string;
  readonly query: object;
  readonly spanMs: number;
  /** '' for none. */
  readonly resume: string;
}

export class LiveClient {
  /** Resolves when the connection is gone. */
  readonly closed: Promise<void>;
  readonly #end: () => void;

  private constructor(closed: Promise<void>, end: () => void) {
    this.closed = closed;
    this.#end = end;
  }

  /** Resolves when the connection stands. */
  static async open(
    url: string,
    transport: 'websocket' | 'sse',
    wish: LiveWish,
    onMessage: (message: ServerMessage) => void,
  ): Promise<LiveClient> {
    return transport === 'sse' ? LiveClient.#stream(url, wish, onMessage) : LiveClient.#socket(url, wish, onMessage);
  }

  static async #socket(base: string, { resume, ...asked }: LiveWish, on: (message: ServerMessage) => void): Promise<LiveClient> {
    const socket = new WebSocket(`${base.replace('http', 'ws')}/api/v1/live`);
    socket.on('message', (data: Buffer) => on(JSON.parse(data.toString()) as ServerMessage));
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    await once(socket, 'open');
    socket.on('error', () => undefined);
    socket.send(JSON.stringify({ type: 'subscribe', ...asked, ...(resume === '' ? {} : { resume }) }));
    return new LiveClient(closed, () => socket.terminate());
  }

  static async #stream(base: string, { query, spanMs, id, resume }: LiveWish, on: (message: ServerMessage) => void): Promise<LiveClient> {
    const parameters = new URLSearchParams({ transport: 'sse', query: JSON.stringify(query), spanMs: String(spanMs), id });
    const headers = resume === '' ? {} : { 'last-event-id': resume };
    const request = get(`${base}/api/v1/live?${parameters.toString()}`, { headers, agent: false });
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    if (response.statusCode !== 200) throw new Error(`the stream was refused with ${response.statusCode ?? 'nothing'}`);
    response.setEncoding('utf8');
    let text = '';
    response.on('data', (part: string) => {
      text += part;
      for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
        const data = /^data: (.*)$/m.exec(text.slice(0, end));
        text = text.slice(end + 2);
        if (data !== null) on(JSON.parse(data[1]) as ServerMessage);
      }
    });
    response.on('error', () => undefined);
    const closed = new Promise<void>((resolve) => response.once('close', () => resolve()));
    return new LiveClient(closed, () => response.destroy());
  }

  close(): void {
    this.#end();
  }
}
