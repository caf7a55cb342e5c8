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

const ON_ITS_WAY_MS = 1_000;

/** The messages of one viewer that have a newer flush in them than those before. */
interface Seen {
  readonly flushedAtMs: number[];
  readonly atMs: number[];
}

class Viewers {
  readonly #flushesMs: number[] = [];
  readonly #seen: Seen[] = [];
  readonly #counts = { messages: 0, bytes: 0, snapshots: 0, deltas: 0, errors: 0, dropped: 0, closed: 0 };
  readonly #withSnapshot = new Set<number>();
  #isOver = false;
  /** Flushes from this moment on are measured. */
  #fromMs = Number.POSITIVE_INFINITY;

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
    Object.assign(this.#counts, { messages: 0, bytes: 0, snapshots: 0, deltas: 0, errors: 0 });
    this.#fromMs = Date.now();
  }

  report(): ViewerReport {
    this.#isOver = true;
    const endMs = Date.now();
    const flushesMs = this.#flushesMs.filter((atMs) => atMs >= this.#fromMs);
    const latencies = new Float64Array(LATENCY_SLOTS);
    for (const seen of this.#seen) this.#count(seen, flushesMs, endMs, latencies);
    return { ...this.#counts, flushes: flushesMs.length, latencies: [...latencies] };
  }

  #viewer(viewer: number) {
    const seen: Seen = { flushedAtMs: [], atMs: [] };
    this.#seen.push(seen);
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
        const flushedAtMs = this.#flushIn(text);
        if (this.#isOver || flushedAtMs <= (seen.flushedAtMs.at(-1) ?? 0)) return;
        seen.flushedAtMs.push(flushedAtMs);
        seen.atMs.push(nowMs);
      },
      closed: (): void => {
        if (!this.#isOver) this.#counts.closed++;
      },
    };
  }

  /** The newest flush that a message has in it; 0 when it names none. */
  #flushIn(text: Buffer): number {
    const look = text.subarray(0, LOOK_BYTES);
    const at = look.indexOf(FLUSHED);
    return at < 0 ? 0 : Number.parseInt(look.toString('latin1', at + FLUSHED.length, at + FLUSHED.length + 16), 10);
  }

  /** When each flush was first seen by this viewer: with its own message, or together with a later one. */
  #count(messages: Seen, flushesMs: readonly number[], endMs: number, latencies: Float64Array): void {
    let index = 0;
    for (const flushMs of flushesMs) {
      while (index < messages.flushedAtMs.length && messages.flushedAtMs[index] < flushMs) index++;
      const isSeen = index < messages.flushedAtMs.length;
      // What was announced just before the end may be on its way; anything older that never came is at least as late as this.
      if (!isSeen && flushMs > endMs - ON_ITS_WAY_MS) continue;
      const latencyMs = Math.max(0, Math.round((isSeen ? messages.atMs[index] : endMs) - flushMs));
      latencies[Math.min(LATENCY_SLOTS - 1, latencyMs)]++;
    }
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
