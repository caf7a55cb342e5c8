// A process full of viewers: opens its connections, follows its panels, and counts for every flush and every viewer when the flush
// was seen. Told what to do and asked for the result by its parent. Started by bench/live/main.ts.

import { Redis } from 'ioredis';
import { LeanSocket } from './lean-socket.js';
import { PANELS } from './questions.js';
import { LATENCY_SLOTS, type ViewerOrder, type ViewerReport } from './viewer-protocol.js';

const OPENING_AT_ONCE = 50;
const FLUSHED = Buffer.from('"flushedAtMs":');
/** The meta stands before the frames: further in there is no need to look. */
const LOOK_BYTES = 4_096;

class Viewers {
  readonly #flushesMs: number[] = [];
  readonly #latencies = new Float64Array(LATENCY_SLOTS);
  readonly #counts = { messages: 0, bytes: 0, snapshots: 0, deltas: 0, errors: 0, dropped: 0, closed: 0 };
  readonly #withSnapshot = new Set<number>();
  #isMeasuring = false;
  #isOver = false;
  /** Index of the first flush that is measured. */
  #from = 0;
  #newestMs = 0;

  /** @param text an announcement of a flush */
  flushed(text: string): void {
    const { atMs } = JSON.parse(text) as { readonly atMs: number };
    if (atMs > (this.#flushesMs.at(-1) ?? 0)) this.#flushesMs.push(atMs);
  }

  async open({ port, first, count }: Extract<ViewerOrder, { do: 'open' }>): Promise<void> {
    let next = 0;
    const sockets: LeanSocket[] = [];
    const opener = async (): Promise<void> => {
      while (next < count) {
        const viewer = next++;
        const socket = await LeanSocket.open(port, '/api/v1/live', this.#viewer(viewer));
        const { query, spanMs } = PANELS[(first + viewer) % PANELS.length];
        socket.send(JSON.stringify({ type: 'subscribe', id: 'panel', query, spanMs }));
        sockets.push(socket);
      }
    };
    await Promise.all(Array.from({ length: OPENING_AT_ONCE }, opener));
    while (this.#withSnapshot.size < count && this.#counts.closed === 0) await new Promise((resolve) => setTimeout(resolve, 50));
  }

  measure(): void {
    this.#latencies.fill(0);
    Object.assign(this.#counts, { messages: 0, bytes: 0, snapshots: 0, deltas: 0, errors: 0 });
    this.#from = this.#flushesMs.length;
    this.#isMeasuring = true;
  }

  report(): ViewerReport {
    this.#isOver = true;
    const flushes = this.#flushesMs.length - this.#from;
    return { ...this.#counts, flushes, newestMs: this.#newestMs, latencies: [...this.#latencies] };
  }

  #viewer(viewer: number) {
    let seen = -1;
    return {
      message: (text: Buffer): void => {
        const nowMs = Date.now();
        this.#counts.messages++;
        this.#counts.bytes += text.length;
        const head = text.toString('latin1', 0, 64);
        if (head.includes('"type":"snapshot"')) {
          this.#counts.snapshots++;
          this.#withSnapshot.add(viewer);
        } else if (head.includes('"type":"delta"')) this.#counts.deltas++;
        else if (head.includes('"type":"error"')) this.#counts.errors++;
        else if (head.includes('"type":"dropped"')) this.#counts.dropped++;
        if (this.#isMeasuring && !this.#isOver) seen = this.#see(text, Math.max(seen, this.#from - 1), nowMs);
      },
      closed: (): void => {
        if (!this.#isOver) this.#counts.closed++;
      },
    };
  }

  /** Every flush up to the one that this message has in it is now seen by this viewer, also those that came without a message of their own. */
  #see(text: Buffer, seen: number, nowMs: number): number {
    const look = text.subarray(0, LOOK_BYTES);
    const at = look.indexOf(FLUSHED);
    const flushedAtMs = at < 0 ? 0 : Number.parseInt(look.toString('latin1', at + FLUSHED.length, at + FLUSHED.length + 16), 10);
    this.#newestMs = Math.max(this.#newestMs, flushedAtMs);
    let index = seen + 1;
    for (; index < this.#flushesMs.length && this.#flushesMs[index] <= flushedAtMs; index++) {
      const latencyMs = Math.max(0, Math.round(nowMs - this.#flushesMs[index]));
      this.#latencies[Math.min(LATENCY_SLOTS - 1, latencyMs)]++;
    }
    return index - 1;
  }
}

const viewers = new Viewers();
// The benchmark has gone without a word.
process.on('disconnect', () => process.exit(1));
process.on('message', (order: ViewerOrder) => {
  const answer = (report: ViewerReport | null): void => void process.send?.(report ?? { done: order.do });
  if (order.do === 'open') {
    const redis = new Redis({ host: order.redis.host, port: order.redis.port });
    redis.on('pmessage', (_pattern: string, _channel: string, text: string) => viewers.flushed(text));
    redis
      .psubscribe('*announce')
      .then(() => viewers.open(order))
      .then(() => answer(null))
      .catch((error: unknown) => {
        console.error(error);
        process.exit(1);
      });
  } else if (order.do === 'measure') {
    viewers.measure();
    answer(null);
  } else {
    answer(viewers.report());
    setTimeout(() => process.exit(0), 500);
  }
});
