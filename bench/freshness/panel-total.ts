// A subscriber of one live panel that keeps its rows as docs/live.md says, and tells their sum whenever a message changed them.

import { WebSocket } from 'ws';
import type { ServerMessage } from '../../aggregator/src/live/protocol.js';

export class PanelTotal {
  onTotal: (total: number) => void = () => undefined;
  readonly #socket: WebSocket;
  readonly #rows = new Map<number, number>();

  private constructor(socket: WebSocket) {
    this.#socket = socket;
  }

  /** Resolves with the first snapshot. @throws Error when the subscription is refused */
  static async open(url: string, wish: { readonly query: object; readonly spanMs: number }): Promise<PanelTotal> {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/api/v1/live`);
    const panel = new PanelTotal(socket);
    return new Promise((resolve, reject) => {
      socket.on('open', () => socket.send(JSON.stringify({ type: 'subscribe', id: 'panel', ...wish })));
      socket.on('error', reject);
      socket.on('message', (data: Buffer) => {
        const message = JSON.parse(data.toString()) as ServerMessage;
        if (message.type === 'error') reject(new Error(message.error.message));
        if (message.type !== 'snapshot' && message.type !== 'delta') return;
        if (message.type === 'snapshot') panel.#rows.clear();
        const [times = [], counts = []] = message.frames[0].data.values;
        times.forEach((time, row) => panel.#rows.set(Number(time), Number(counts[row] ?? 0)));
        panel.onTotal([...panel.#rows.values()].reduce((sum, count) => sum + count, 0));
        resolve(panel);
      });
    });
  }

  close(): void {
    this.#socket.close();
  }
}
