// What the demo shop's events come to per minute, counted plainly: enough to answer the queries of our alert rules at any moment, as
// a definition with the web shop's measures would. Deterministic: a seed and a time make the events.

import { detectSeries } from '../../aggregator/src/anomaly/detect.js';
import { detectorOptions, detectorSchema } from '../../aggregator/src/anomaly/detector-schema.js';
import { parseDuration } from '../../aggregator/src/query/time-expression.js';
import { createShop } from '../../aggregator/src/source/demo/shop.js';
import type { RuleQuery } from './grafana-provisioning.js';
import type { AnsweredFrame } from './rule-evaluation.js';

const MINUTE_MS = 60_000;
/** Arrivals are later than their event time by less than this, but for a few. */
const ARRIVAL_MS = 2 * MINUTE_MS;

interface Fact {
  readonly country: string;
  readonly device: string;
  readonly type: string;
  readonly latencyMs: number | null;
}

export class ShopMinutes {
  readonly #fromMs: number;
  readonly #minutes: readonly Fact[][];
  /** Values that were ever seen, as the stores know them. */
  readonly #seen = { country: new Set<string>(), device: new Set<string>() };
  /** Numbers worked out so far: rules ask for the same minutes again and again. */
  readonly #known = new Map<string, number | null>();

  /** @param silentFrom devices that send nothing any more from a time on, epoch ms */
  constructor(options: { seed: number; rate: number; fromMs: number; toMs: number; silentFrom?: Readonly<Record<string, number>> }) {
    const { seed, rate, fromMs, toMs, silentFrom = {} } = options;
    this.#fromMs = fromMs;
    const minutes: Fact[][] = Array.from({ length: (toMs - fromMs) / MINUTE_MS }, () => []);
    const shop = createShop({ seed, rate });
    for (let at = fromMs; at < toMs + ARRIVAL_MS; at += MINUTE_MS) {
      for (const { json } of shop.eventsBetween(at, at + MINUTE_MS)) {
        const event = JSON.parse(json) as { ts: string; type: string; device?: string; geo?: { country?: string }; latency_ms?: number };
        const timeMs = Date.parse(event.ts);
        const device = event.device ?? '';
        if (timeMs >= (silentFrom[device] ?? Number.POSITIVE_INFINITY)) continue;
        const country = event.geo?.country ?? '';
        this.#seen.country.add(country);
        this.#seen.device.add(device);
        minutes[Math.floor((timeMs - fromMs) / MINUTE_MS)]?.push({
          country,
          device,
          type: event.type,
          latencyMs: event.latency_ms ?? null,
        });
      }
    }
    this.#minutes = minutes;
  }

  /** Answers a rule's query as of a moment: buckets of a minute, or for kind anomaly the newest finished bucket's score. */
  answer({ model, relativeTimeRange: { from, to } }: RuleQuery, nowMs: number): AnsweredFrame[] {
    const first = this.#indexOf(nowMs - from * 1_000);
    const end = this.#indexOf(nowMs - to * 1_000);
    const fields = this.#groups(model).map((labels) => {
      const all = (until: number, begin: number): (number | null)[] =>
        Array.from({ length: until - begin }, (_, index) => this.#number(model, labels, begin + index));
      if (model['kind'] !== 'anomaly') return { labels, values: all(end, first) };
      return { labels, values: [score(model, all(end, 0), this.#fromMs)] };
    });
    return [
      {
        schema: { fields: fields.map(({ labels }) => ({ type: 'number', labels })) },
        data: { values: fields.map(({ values }) => values) },
      },
    ];
  }

  #indexOf(timeMs: number): number {
    return Math.max(0, Math.floor((timeMs - this.#fromMs) / MINUTE_MS));
  }

  #groups(model: Readonly<Record<string, unknown>>): Readonly<Record<string, string>>[] {
    const [dimension] = (model['groupBy'] ?? []) as ('country' | 'device')[];
    if (dimension === undefined) return [{}];
    const [filter] = (model['filters'] ?? []) as { values: string[] }[];
    return [...this.#seen[dimension]]
      .filter((value) => filter === undefined || filter.values.includes(value))
      .map((value) => ({ [dimension]: value }));
  }

  #number(model: Readonly<Record<string, unknown>>, labels: Readonly<Record<string, string>>, index: number): number | null {
    const key = JSON.stringify([model['measure'], model['fill'], labels, index]);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const number = this.#count(model, labels, index);
    this.#known.set(key, number);
    return number;
  }

  #count(model: Readonly<Record<string, unknown>>, labels: Readonly<Record<string, string>>, index: number): number | null {
    const facts = (this.#minutes[index] ?? []).filter(
      (fact) => (labels['country'] ?? fact.country) === fact.country && (labels['device'] ?? fact.device) === fact.device,
    );
    const count = (type: string): number => facts.filter((fact) => fact.type === type).length;
    switch (model['measure']) {
      case 'events':
        return facts.length === 0 && model['fill'] === 'null' ? null : facts.length;
      case 'errors':
        return count('error');
      case 'purchases':
        return count('purchase');
      case 'error_rate':
        return facts.length === 0 ? null : count('error') / facts.length;
      case 'latency': {
        const sorted = facts.flatMap(({ latencyMs }) => (latencyMs === null ? [] : [latencyMs])).sort((a, b) => a - b);
        return sorted[Math.floor((sorted.length - 1) * 0.95)] ?? null;
      }
      default:
        throw new Error(`no rule asked for ${String(model['measure'])} before`);
    }
  }
}

function score(model: Readonly<Record<string, unknown>>, values: readonly (number | null)[], fromMs: number): number | null {
  const options = detectorOptions(detectorSchema.parse(model['detector']), (text) => {
    const parsed = parseDuration(text);
    if (!parsed.ok) throw new Error(`${text}: expected ${parsed.expected}`);
    return parsed.value;
  });
  const times = values.map((_, index) => fromMs + index * MINUTE_MS);
  const last = detectSeries(times, values, options, { bucketMs: MINUTE_MS }).score.at(-1);
  return last === undefined || Number.isNaN(last) ? null : last;
}
