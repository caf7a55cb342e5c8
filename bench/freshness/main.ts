// npm run bench:freshness [-- --probes 200 --rate 20000]
//
// How old an event is when it is seen: single events of a country of their own are produced to Kafka at random moments, and a subscriber
// of a panel of that country notes when its frame has them. Once with a shop's trickle beside them, once with 20,000 events/s. Default
// settings: a flush each second. Measured from the moment before the event is handed to the broker, by one clock.

import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Figures } from '../harness/figure.js';
import { percentile } from '../harness/percentiles.js';
import { startLiveStack } from '../live/stack.js';
import { PanelTotal } from './panel-total.js';
import { Probes } from './probes.js';

const { values } = parseArgs({ options: { probes: { type: 'string', default: '200' }, rate: { type: 'string', default: '20000' } } });
const probeCount = Number(values.probes);
const rate = Number(values.rate);
/** A shop at night. */
const TRICKLE = 34;
const SETTLE_MS = 8_000;
/** Probes come at random within this, so that they meet every phase of a flush. */
const MOST_PAUSE_MS = 600;

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

const stack = await startLiveStack({ group: 'bench-freshness', historyMinutes: 10, perSecond: TRICKLE, say });
try {
  const figures = new Figures('freshness');
  const worst: number[] = [];
  for (const [name, perSecond] of [
    ['idle', TRICKLE],
    ['loaded', rate],
  ] as const) {
    stack.load.perSecond = perSecond;
    await delay(SETTLE_MS);
    const country = `PROBE-${name}`;
    const panel = await PanelTotal.open(stack.aggregator.url, {
      query: { measure: 'events', bucket: '1s', filters: [{ dimension: 'country', value: country }] },
      spanMs: 15 * 60_000,
    });
    const probes = new Probes(stack.producer, country);
    panel.onTotal = (total) => probes.seen(total, Date.now());
    for (let probe = 0; probe < probeCount; probe++) {
      await probes.produce();
      await delay(Math.random() * MOST_PAUSE_MS);
    }
    await probes.allSeen(20_000);
    panel.close();
    const [p50, p95, p99] = [50, 95, 99].map((p) => percentile(probes.agesMs, p));
    say(`${name}: ${probes.agesMs.length} events, p50 ${p50.toFixed(0)} ms, p95 ${p95.toFixed(0)} ms, p99 ${p99.toFixed(0)} ms`);
    figures.add(`freshness_${name}_p50_ms`, p50, 'ms');
    figures.add(`freshness_${name}_p95_ms`, p95, 'ms');
    figures.add(`freshness_${name}_p99_ms`, p99, 'ms');
    worst.push(...probes.agesMs);
  }
  figures.add('freshness_p50_ms', percentile(worst, 50), 'ms');
  figures.add('freshness_p99_ms', percentile(worst, 99), 'ms');
  figures.add('freshness_p95_ms', percentile(worst, 95), 'ms');
  await stack.stop();
  figures.publish({ probes: probeCount, rate });
} catch (error) {
  say(stack.aggregator.process.output().slice(-4_000));
  await stack.stop();
  throw error;
}
