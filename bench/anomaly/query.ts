// npm run bench:anomaly-query [-- --series 1000 --hours 12 --runs 5]
//
// A groupBy of a thousand series under a detector, asked over HTTP: what the whole answer costs the aggregator, reading and judging and
// encoding, as a panel of six hours and as an alert rule's newest score per series. One process, everything in it: the hot tier in
// memory, one event per series and minute. The answer cache has nothing for a question of another range, so each run asks of another one.

import { parseArgs } from 'node:util';
import { freePorts } from '../../test/support/managed-process.js';
import { buildTidemark } from '../../test/support/tidemark-process.js';
import { startAggregator, type AggregatorProcess } from '../harness/aggregator-process.js';
import { Figures } from '../harness/figure.js';
import { percentile } from '../harness/percentiles.js';
import { cpuSeconds, peakRssMib } from '../harness/process-usage.js';
import { Random } from './random.js';

const { values } = parseArgs({
  options: {
    series: { type: 'string', default: '1000' },
    hours: { type: 'string', default: '12' },
    runs: { type: 'string', default: '5' },
  },
});
const series = Number(values.series);
const hours = Number(values.hours);
const runs = Number(values.runs);
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const MINUTES_PER_REQUEST = 5;

interface Answer {
  readonly status: number;
  readonly error?: string;
  readonly frames: readonly {
    readonly schema: {
      readonly fields: readonly unknown[];
      readonly meta: { readonly notices?: readonly { text: string }[]; readonly custom: Custom };
    };
    readonly data: { readonly values: readonly (readonly unknown[])[] };
  }[];
}

interface Custom {
  readonly anomaly: { readonly series: number; readonly flagged: number; readonly learntFromMs: number };
}

const definition = {
  source: { http: {} },
  dimensions: { host: { cap: series + 10 } },
  measures: { load: { kind: 'sum', field: 'load', decimals: 2 } },
  groupings: [['host']],
  watches: {},
};

async function send(url: string, lines: readonly string[]): Promise<void> {
  const response = await fetch(`${url}/api/v1/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
    body: lines.join('\n'),
  });
  if (!response.ok) throw new Error(`events were refused with ${response.status}: ${(await response.text()).slice(0, 300)}`);
}

/** One event per series and minute, noise around a level of its own; in one series of a hundred one minute of the last hour is out of line. */
async function fill({ url }: AggregatorProcess, fromMs: number, toMs: number): Promise<number> {
  const random = new Random(1);
  const levels = Array.from({ length: series }, () => 20 + 200 * random.uniform());
  let lines: string[] = [];
  let sent = 0;
  for (let at = fromMs; at < toMs; at += MINUTE_MS) {
    levels.forEach((level, host) => {
      const burst = host % 100 === 0 && at === toMs - 30 * MINUTE_MS ? 3 * level : 0;
      const load = (level + 0.05 * level * random.normal() + burst).toFixed(2);
      lines.push(`{"event_id":"${host}-${at}","ts":${at + host},"type":"sample","host":"host-${host}","load":${load}}`);
    });
    if ((at / MINUTE_MS) % MINUTES_PER_REQUEST !== 0 && at + MINUTE_MS < toMs) continue;
    await send(url, lines);
    sent += lines.length;
    lines = [];
  }
  return sent;
}

async function untilApplied({ url }: AggregatorProcess, count: number): Promise<void> {
  for (;;) {
    const status = (await (await fetch(`${url}/api/v1/status`)).json()) as { readonly partitions: readonly { readonly applied: number }[] };
    const applied = status.partitions.reduce((sum, one) => sum + one.applied, 0);
    if (applied >= count) return;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

async function ask({ url }: AggregatorProcess, toMs: number, spanMs: number, query: object): Promise<{ bytes: number; answer: Answer }> {
  const response = await fetch(`${url}/api/v1/query`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      from: toMs - spanMs,
      to: toMs,
      queries: [{ refId: 'A', kind: 'anomaly', measure: 'load', groupBy: ['host'], bucket: '1m', ...query }],
    }),
  });
  const text = await response.text();
  const answer = (JSON.parse(text) as { results: { A: Answer } }).results.A;
  if (answer.error !== undefined) throw new Error(answer.error);
  return { bytes: text.length, answer };
}

const figures = new Figures('anomaly-query');
await buildTidemark();
const [port = 0] = await freePorts(1);
const aggregator = await startAggregator({ base: 'demo.yaml', port, changes: definition });
try {
  const { pid } = aggregator.process;
  const nowMs = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS;
  const sent = await fill(aggregator, nowMs - hours * HOUR_MS, nowMs);
  await untilApplied(aggregator, sent);
  process.stdout.write(`${sent.toLocaleString('en')} events of ${series} series\n`);
  const endMs = nowMs - 2 * MINUTE_MS;
  for (const [name, spanMs, query] of [
    ['panel', 6 * HOUR_MS, {}],
    ['alert', 10 * MINUTE_MS, { fields: 'score', format: 'total', detector: { hold: 'episode' } }],
  ] as const) {
    const tookS: number[] = [];
    const usedS: number[] = [];
    for (let run = 0; run <= runs; run++) {
      const [cpu, began] = [cpuSeconds(pid), performance.now()];
      const { bytes, answer } = await ask(aggregator, endMs - run * MINUTE_MS, spanMs, query);
      const [took, used] = [(performance.now() - began) / 1_000, cpuSeconds(pid) - cpu];
      const [frame] = answer.frames;
      const { anomaly } = frame.schema.meta.custom;
      if (anomaly.series !== series) throw new Error(`${anomaly.series} series were judged instead of ${series}`);
      const notices = frame.schema.meta.notices?.map(({ text }) => text).join(' ') ?? '';
      process.stdout.write(
        `${name} ${run}: ${took.toFixed(2)} s, ${used.toFixed(2)} CPU s, ${(bytes / 2 ** 20).toFixed(1)} MiB, ${frame.data.values[0].length} rows, ` +
          `${anomaly.flagged} flagged, learnt from ${((endMs - anomaly.learntFromMs) / HOUR_MS).toFixed(1)} h; ${notices}\n`,
      );
      // The first one compiles.
      if (run === 0) continue;
      tookS.push(took);
      usedS.push(used);
    }
    figures.add(`anomaly_query_${name}_cpu_s`, percentile(usedS, 50), 'cpu_s');
    figures.add(`anomaly_query_${name}_s`, percentile(tookS, 50), 's');
  }
  figures.add('anomaly_query_peak_rss_mib', peakRssMib(pid), 'MiB');
} finally {
  await aggregator.stop();
}
figures.publish({ series, hours, runs });
