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

type Measure = 'events' | 'page_views' | 'not_phone';

interface Probe {
  readonly measure: Measure;
  readonly groupBy: 'device' | 'country' | null;
  /** 0: a total. */
  readonly bucketMs: number;
  readonly fromMs: number;
  readonly toMs: number;
}

/** One bucket of an answer. */
interface Told {
  /** null: all together. */
  readonly group: string | null;
  /** Epoch ms. */
  readonly start: number;
  /** The bucket in words. */
  readonly where: string;
  readonly value: number;
  /** Events of the bucket that came late until then. */
  readonly late: number;
  readonly askedAtMs: number;
  readonly atMs: number;
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
const DEVICES: readonly string[] = ['phone', 'desktop', 'tablet'];
/** Of the probes, so many ask for a range that ended before the watermark, and so many for one that begins far before it. */
const SHARE_ENDED = 0.4;
const SHARE_LONG = 0.15;
const LONGEST_AGO_MS = 90 * MINUTE_MS;
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
  readonly #countries = new Set<string>();
  /** The furthest that anybody has called finished. */
  #watermarkMs = 0;
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
    const [kind, ago, which, grouped] = [this.#draw(), this.#draw(), this.#draw(), this.#draw()];
    const ended = kind < SHARE_ENDED && this.#watermarkMs > 0;
    // As often just behind the watermark as long ago: from where the hot tier answers alone to where the cold one does.
    const agoMs = ago < 0.5 ? 0 : ago * ago * LONGEST_AGO_MS;
    const toMs = ended ? Math.floor((this.#watermarkMs - agoMs) / step) * step : Math.ceil((Date.now() + 5_000) / step) * step;
    const lengthMs = kind > 1 - SHARE_LONG && bucketMs !== 1_000 ? LONGEST_AGO_MS : spanMs;
    return {
      measure: which < 0.5 ? 'events' : which < 0.8 ? 'page_views' : 'not_phone',
      groupBy: grouped < 0.25 ? 'device' : grouped < 0.4 ? 'country' : null,
      bucketMs,
      fromMs: Math.floor((toMs - lengthMs) / step) * step,
      toMs,
    };
  }

  async #ask(url: string, probe: Probe): Promise<void> {
    const { measure, groupBy, bucketMs, fromMs, toMs } = probe;
    const form = bucketMs === 0 ? { format: 'total' } : { bucket: `${bucketMs / 1_000}s` };
    const query = { refId: 'A', kind: 'metric', measure, groupBy: groupBy === null ? [] : [groupBy], ...form };
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
    if (custom.freshness.complete) this.#watermarkMs = Math.max(this.#watermarkMs, custom.freshness.watermarkMs);
    const { groupBy } = probe;
    const groups = groupBy === null ? [null] : groupBy === 'device' ? DEVICES : [...this.#countries];
    const problems: string[] = [];
    for (const group of groups) {
      const values = fields.find(({ field }) => group === null || groupBy === null || field.labels?.[groupBy] === group)?.values;
      for (let start = fromMs, i = 0; start < toMs; start += lengthMs, i++) {
        const value = Number(values?.[i] ?? 0);
        const finishedMs = probe.bucketMs === 0 ? finishedUntilMs : start + lengthMs <= finishedUntilMs ? start + lengthMs : start;
        const { least, most, late } = this.#bounds(probe, group, start, start + lengthMs, finishedMs, askedAtMs, answeredAtMs);
        const where = `${group ?? 'all'} at ${new Date(start).toISOString()}`;
        if (value > most) problems.push(`${where}: ${value}, but only ${most} were sent`);
        if (value < least) problems.push(`${where}: ${value}, but ${least} were there, and it is called finished`);
        if (probe.bucketMs > 0 && finishedMs > start)
          problems.push(...this.#compare(probe, { group, start, where, value, late, askedAtMs, atMs: answeredAtMs }));
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

  /**
   * What was called finished stays, whoever is asked. Late events add to it, and the cold tier may have those of a flush that was cut off
   * before the hot tier has them.
   */
  #compare(probe: Probe, { group, start, where, value, late, askedAtMs, atMs }: Told): string[] {
    const key = `${probe.measure} ${probe.groupBy} ${group} ${probe.bucketMs} ${start}`;
    const before = this.#said.get(key);
    if (before === undefined || value >= before.value) {
      this.#said.set(key, { value, atMs });
      return [];
    }
    return before.atMs < askedAtMs - OVERLAP_MS && value < before.value - late
      ? [`${where}: ${value}, but ${before.value} were there before, and ${late} came late`]
      : [];
  }

  /** Fewest and most events that a right answer has in a bucket, and how many of them came late. */
  #bounds(
    { measure, groupBy }: Probe,
    group: string | null,
    fromMs: number,
    toMs: number,
    finishedMs: number,
    askedAtMs: number,
    answeredAtMs: number,
  ): { least: number; most: number; late: number } {
    let least = 0;
    let most = 0;
    let late = 0;
    for (let minute = Math.floor(fromMs / MINUTE_MS); minute * MINUTE_MS < toMs; minute++) {
      for (const event of this.#byMinute.get(minute) ?? []) {
        if (event.timeMs < fromMs || event.timeMs >= toMs) continue;
        if (groupBy !== null && event[groupBy] !== group) continue;
        if (measure === 'page_views' && event.type !== 'page_view') continue;
        if (measure === 'not_phone' && event.device === 'phone') continue;
        if (event.sentAtMs <= answeredAtMs) {
          most++;
          if (!event.onTime) late++;
        }
        // An event without a device is neither a phone nor anything else.
        if (measure === 'not_phone' && !DEVICES.includes(event.device)) continue;
        if (event.timeMs < finishedMs && event.onTime && event.ackedAtMs <= askedAtMs && !this.#options.lost(event)) least++;
      }
    }
    return { least, most, late };
  }

  #index(): void {
    const { produced } = this.#options;
    for (; this.#indexed < produced.length; this.#indexed++) {
      const minute = Math.floor(produced[this.#indexed].timeMs / MINUTE_MS);
      if (produced[this.#indexed].country !== '') this.#countries.add(produced[this.#indexed].country);
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
