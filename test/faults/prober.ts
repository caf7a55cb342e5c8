// Asks the aggregators all the time, while everything breaks. An answer is right when each bucket that it calls finished holds at
// least the events that were there on time when it was asked for, each bucket at most those that were sent before it came, and when
// no finished bucket has less than an earlier answer said. Else it must be an error with its reason, or no answer at all.

import { setTimeout as sleep } from 'node:timers/promises';
import { random } from '../oracle/events.js';
import type { Answer } from '../oracle/questions.js';
import type { Produced } from './load/producer.js';

export interface ProberOptions {
  readonly seed: number;
  /** Grows while the run goes on. */
  readonly produced: readonly Produced[];
  /** Records that retention deleted before anybody read them. */
  readonly lost: (event: Produced) => boolean;
  readonly urls: () => readonly string[];
}

interface Probe {
  readonly measure: 'events' | 'page_views';
  readonly byDevice: boolean;
  /** 0: a total. */
  readonly bucketMs: number;
  readonly fromMs: number;
  readonly toMs: number;
}

interface Custom {
  readonly partialFrom: number | null;
  readonly effectiveRange: { readonly fromMs: number; readonly toMs: number };
  readonly plan: {
    readonly reads: readonly { readonly tier: string; readonly source: string; readonly why: string }[];
    readonly hotUnused: string;
  };
  readonly freshness: { readonly watermarkMs: number; readonly complete: boolean };
}

const MINUTE_MS = 60_000;
const PAUSE_MS = 100;
const PATIENCE_MS = 8_000;
/** An answer may be as old as this when it comes, and another as new. */
const OVERLAP_MS = 1_500;
const KEPT_PROBLEMS = 20;
const SHAPES: readonly { readonly bucketMs: number; readonly spanMs: number }[] = [
  { bucketMs: 1_000, spanMs: 2 * MINUTE_MS },
  { bucketMs: 10_000, spanMs: 10 * MINUTE_MS },
  { bucketMs: MINUTE_MS, spanMs: 80 * MINUTE_MS },
  { bucketMs: 0, spanMs: 30 * MINUTE_MS },
];

export class Prober {
  readonly counts = { right: 0, partial: 0, refused: 0, silent: 0, wrong: 0 };
  readonly problems: string[] = [];
  readonly #options: ProberOptions;
  readonly #draw: () => number;
  readonly #byMinute = new Map<number, Produced[]>();
  readonly #said = new Map<string, { readonly value: number; readonly atMs: number }>();
  #indexed = 0;
  #stopping = false;
  #running: Promise<void> | null = null;

  constructor(options: ProberOptions) {
    this.#options = options;
    this.#draw = random(options.seed + 99);
  }

  start(): void {
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      await sleep(PAUSE_MS);
      const urls = this.#options.urls();
      if (urls.length > 0) await this.#ask(urls[Math.floor(this.#draw() * urls.length)], this.#drawProbe());
    }
  }

  #drawProbe(): Probe {
    const { bucketMs, spanMs } = SHAPES[Math.floor(this.#draw() * SHAPES.length)];
    const step = Math.max(bucketMs, 10_000);
    const toMs = Math.ceil((Date.now() + 5_000) / step) * step;
    return {
      measure: this.#draw() < 0.7 ? 'events' : 'page_views',
      byDevice: this.#draw() < 0.3,
      bucketMs,
      fromMs: Math.floor((toMs - spanMs) / step) * step,
      toMs,
    };
  }

  async #ask(url: string, probe: Probe): Promise<void> {
    const { measure, byDevice, bucketMs, fromMs, toMs } = probe;
    const form = bucketMs === 0 ? { format: 'total' } : { bucket: `${bucketMs / 1_000}s` };
    const query = { refId: 'A', kind: 'metric', measure, groupBy: byDevice ? ['device'] : [], ...form };
    const askedAtMs = Date.now();
    let response: Response;
    let body: { results?: Record<string, Answer>; error?: unknown };
    try {
      response = await fetch(`${url}/api/v1/query`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ from: fromMs, to: toMs, queries: [query] }),
        signal: AbortSignal.timeout(PATIENCE_MS),
      });
      body = (await response.json()) as typeof body;
    } catch {
      // Killed, paused, or starting: nobody was told anything.
      this.counts.silent++;
      return;
    }
    const answer = body.results?.['A'];
    if (answer === undefined || answer.status !== 200) {
      const reason = answer?.error ?? JSON.stringify(body.error ?? body);
      if (reason.length > 10) this.counts.refused++;
      else this.#wrong(probe, url, `status ${response.status} without a reason: ${JSON.stringify(body).slice(0, 300)}`);
      return;
    }
    this.#judge(probe, url, answer, askedAtMs, Date.now());
  }

  #judge(probe: Probe, url: string, answer: Answer, askedAtMs: number, answeredAtMs: number): void {
    this.#index();
    const frame = answer.frames[0];
    const custom = frame.schema.meta?.custom as unknown as Custom;
    const { fromMs, toMs } = custom.effectiveRange;
    const finishedUntilMs = custom.partialFrom ?? toMs;
    const fields = frame.schema.fields
      .map((field, i) => ({ field, values: frame.data.values[i] }))
      .filter(({ field }) => field.type === 'number');
    const lengthMs = probe.bucketMs === 0 ? toMs - fromMs : probe.bucketMs;
    const devices = probe.byDevice ? ['phone', 'desktop', 'tablet'] : [null];
    const problems: string[] = [];
    for (const device of devices) {
      const values = fields.find(({ field }) => device === null || field.labels?.['device'] === device)?.values;
      for (let start = fromMs, i = 0; start < toMs; start += lengthMs, i++) {
        const value = Number(values?.[i] ?? 0);
        const finishedMs = probe.bucketMs === 0 ? finishedUntilMs : start + lengthMs <= finishedUntilMs ? start + lengthMs : start;
        const [least, most] = this.#bounds(probe.measure, device, start, start + lengthMs, finishedMs, askedAtMs, answeredAtMs);
        const where = `${device ?? 'all'} at ${new Date(start).toISOString()}`;
        if (value > most) problems.push(`${where}: ${value}, but only ${most} were sent`);
        if (value < least) problems.push(`${where}: ${value}, but ${least} were there, and it is called finished`);
        if (probe.bucketMs > 0 && finishedMs > start)
          problems.push(...this.#compare(probe, device, start, where, value, askedAtMs, answeredAtMs));
      }
    }
    if (problems.length > 0) {
      const { reads, hotUnused } = custom.plan;
      const how = `${JSON.stringify(reads)} ${hotUnused} watermark ${new Date(custom.freshness.watermarkMs).toISOString()} complete ${custom.freshness.complete}`;
      this.#wrong(
        probe,
        url,
        `${problems.length} wrong, asked at ${new Date(askedAtMs).toISOString()}: ${problems.slice(0, 3).join('; ')}. ${how}`,
      );
    } else if (custom.partialFrom === null) this.counts.right++;
    else this.counts.partial++;
  }

  /** What was called finished stays, whoever is asked: late events may add to it. */
  #compare(probe: Probe, device: string | null, start: number, where: string, value: number, askedAtMs: number, atMs: number): string[] {
    const key = `${probe.measure} ${device} ${probe.bucketMs} ${start}`;
    const before = this.#said.get(key);
    if (before === undefined || value >= before.value) {
      this.#said.set(key, { value, atMs });
      return [];
    }
    return before.atMs < askedAtMs - OVERLAP_MS ? [`${where}: ${value}, but ${before.value} were there before`] : [];
  }

  /** Fewest and most events that a right answer has in a bucket. */
  #bounds(
    measure: Probe['measure'],
    device: string | null,
    fromMs: number,
    toMs: number,
    finishedMs: number,
    askedAtMs: number,
    answeredAtMs: number,
  ): [number, number] {
    let least = 0;
    let most = 0;
    for (let minute = Math.floor(fromMs / MINUTE_MS); minute * MINUTE_MS < toMs; minute++) {
      for (const event of this.#byMinute.get(minute) ?? []) {
        if (event.timeMs < fromMs || event.timeMs >= toMs) continue;
        if (device !== null && event.device !== device) continue;
        if (measure === 'page_views' && event.type !== 'page_view') continue;
        if (event.sentAtMs <= answeredAtMs) most++;
        if (event.timeMs < finishedMs && event.onTime && event.ackedAtMs <= askedAtMs && !this.#options.lost(event)) least++;
      }
    }
    return [least, most];
  }

  #index(): void {
    const { produced } = this.#options;
    for (; this.#indexed < produced.length; this.#indexed++) {
      const minute = Math.floor(produced[this.#indexed].timeMs / MINUTE_MS);
      const list = this.#byMinute.get(minute) ?? [];
      list.push(produced[this.#indexed]);
      this.#byMinute.set(minute, list);
    }
  }

  #wrong(probe: Probe, url: string, what: string): void {
    this.counts.wrong++;
    if (this.problems.length < KEPT_PROBLEMS) this.problems.push(`${JSON.stringify(probe)} to ${url}: ${what}`);
  }
}
