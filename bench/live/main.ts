// npm run bench:live [-- --viewers 10000 --rate 20000 --seconds 60 --processes 2]
//
// Ten thousand WebSocket viewers of fifty distinct queries on one aggregator that meanwhile takes 20,000 events/s from Kafka into Redis
// and the engine. Measured for every flush and every viewer: from the moment when both tiers had the flush to the moment when the viewer
// had a message with it in it; a flush that a viewer got together with a later one counts until then.

import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Figures } from '../harness/figure.js';
import { cpuSeconds, peakRssMib, rssMib } from '../harness/process-usage.js';
import { PANELS } from './questions.js';
import { startLiveStack } from './stack.js';
import { percentileOfCounts, type ViewerReport } from './viewer-protocol.js';
import { ViewerProcess } from './viewer-process.js';

const { values } = parseArgs({
  options: {
    viewers: { type: 'string', default: '10000' },
    rate: { type: 'string', default: '20000' },
    seconds: { type: 'string', default: '60' },
    processes: { type: 'string', default: '2' },
  },
});
const viewers = Number(values.viewers);
const rate = Number(values.rate);
const seconds = Number(values.seconds);
const processes = Number(values.processes);
const ALONE_SECONDS = 10;

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

async function metric(url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const lines = text.split('\n').filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`));
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}

const stack = await startLiveStack({ group: 'bench-live', historyMinutes: 20, perSecond: rate, say });
const others: ViewerProcess[] = [];
try {
  const { aggregator, load, redis } = stack;
  const { pid } = aggregator.process;
  await delay(5_000);
  const share = async (forSeconds: number): Promise<{ cpu: number; rate: number }> => {
    const [cpu, count, began] = [cpuSeconds(pid), load.count, performance.now()];
    await delay(forSeconds * 1_000);
    const tookS = (performance.now() - began) / 1_000;
    return { cpu: (cpuSeconds(pid) - cpu) / tookS, rate: (load.count - count) / tookS };
  };
  const alone = await share(ALONE_SECONDS);
  const rssBeforeMib = rssMib(pid);
  say(`without viewers: ${(alone.cpu * 100).toFixed(0)} % of a core, ${rssBeforeMib.toFixed(0)} MiB`);

  const opened = performance.now();
  const port = Number(new URL(aggregator.url).port);
  const each = Math.ceil(viewers / processes);
  for (let index = 0; index < processes; index++) others.push(new ViewerProcess());
  await Promise.all(
    others.map((other, index) =>
      other.order({ do: 'open', port, redis, first: index * each, count: Math.min(each, viewers - index * each) }),
    ),
  );
  const openedS = (performance.now() - opened) / 1_000;
  say(`${viewers.toLocaleString('en')} viewers have their snapshot after ${openedS.toFixed(1)} s`);
  await delay(5_000);

  await Promise.all(others.map((other) => other.order({ do: 'measure' })));
  const during = await share(seconds);
  const usage = { rss: rssMib(pid), peak: peakRssMib(pid) };
  const [connections, queries, coalesced] = await Promise.all(
    ['tidemark_live_connections', 'tidemark_live_queries', 'tidemark_live_coalesced_total'].map((name) => metric(aggregator.url, name)),
  );
  const reports = (await Promise.all(others.map((other) => other.order({ do: 'report' })))).filter(
    (report): report is ViewerReport => report !== null,
  );
  const sum = (of: (report: ViewerReport) => number): number => reports.reduce((total, report) => total + of(report), 0);
  const latencies = reports[0].latencies.map((_, slot) => sum((report) => report.latencies[slot]));
  const [p50, p95, p99] = [50, 95, 99].map((p) => percentileOfCounts(latencies, p));
  const seen = latencies.reduce((total, count) => total + count, 0);
  const longest = latencies.findLastIndex((count) => count > 0);
  const flushes = Math.max(...reports.map((report) => report.flushes));
  say(
    `${flushes} flushes, ${seen.toLocaleString('en')} seen of ${(flushes * viewers).toLocaleString('en')} (the last may be on its way); longest ${longest} ms; ` +
      `${sum((report) => report.snapshots)} snapshots, ${sum((report) => report.errors)} errors, ${coalesced} messages coalesced`,
  );

  const figures = new Figures('live');
  figures.add('live_viewers', connections, 'connections');
  figures.add('live_distinct_queries', queries, 'queries');
  figures.add('live_load_events_per_second', during.rate, 'events/s');
  figures.add('live_opened_s', openedS, 's');
  figures.add('live_messages_per_second', sum((report) => report.messages) / seconds, 'messages/s');
  figures.add('live_mib_per_second', sum((report) => report.bytes) / seconds / 2 ** 20, 'MiB/s');
  figures.add('live_aggregator_cpu_without_viewers', alone.cpu, 'cores');
  figures.add('live_aggregator_cpu', during.cpu, 'cores');
  figures.add('live_aggregator_rss_without_viewers_mib', rssBeforeMib, 'MiB');
  figures.add('live_aggregator_rss_mib', usage.rss, 'MiB');
  figures.add('live_aggregator_peak_rss_mib', usage.peak, 'MiB');
  figures.add('live_coalesced', coalesced, 'messages');
  figures.add(
    'live_viewers_dropped',
    sum((report) => report.closed),
    'viewers',
  );
  figures.add('live_delivery_p50_ms', p50, 'ms');
  figures.add('live_delivery_p99_ms', p99, 'ms');
  figures.add('live_delivery_p95_ms', p95, 'ms');
  await stack.stop();
  figures.publish({ viewers, rate, seconds, processes, panels: PANELS.length });
} catch (error) {
  say(stack.aggregator.process.output().slice(-4_000));
  for (const other of others) other.kill();
  await stack.stop();
  throw error;
}
