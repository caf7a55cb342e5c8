// npm run bench:query [-- --runs 200 --rate 20000 --per-series 5 --days 30]
//
// Fills a stack (real Kafka, Redis, the engine behind ClickHouse's HTTP interface) with 30 days of a shop with 2,000 series: two days
// with every series in every minute, before that in every hour, all through Kafka, so that both tiers hold what the pipeline made.
// Then asks the panels of questions.ts over HTTP, one client and eight, idle and with 20,000 events/s coming in. One process ingests,
// compacts and answers, with its query cache off: the figures are without the cache's help. A second process with the cache on is
// asked the same thing over and over for the warm figures.

import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { startClickHouseHttp } from '../../test/support/clickhouse-http.js';
import { startKafka } from '../../test/support/kafka-broker.js';
import { freePorts } from '../../test/support/managed-process.js';
import { startRedis } from '../../test/support/redis-server.js';
import { buildProgram, startAggregator, type AggregatorProcess } from '../harness/aggregator-process.js';
import { Figures } from '../harness/figure.js';
import { untilCommitted } from '../harness/group-progress.js';
import { percentile } from '../harness/percentiles.js';
import { cpuSeconds } from '../harness/process-usage.js';
import { TopicProducer } from '../harness/topic-producer.js';
import { LiveTraffic } from './live-traffic.js';
import { Asker, type Timings } from './measure.js';
import { QUESTIONS, type Question } from './questions.js';
import { SERIES, Traffic } from './traffic.js';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '200' },
    rate: { type: 'string', default: '20000' },
    'per-series': { type: 'string', default: '5' },
    days: { type: 'string', default: '30' },
    only: { type: 'string', default: '' },
    prof: { type: 'string', default: '' },
  },
});
const runs = Number(values.runs);
const days = Number(values.days);
const TOPIC = 'shop.events';
const GROUP = 'bench-query';
const PARTITIONS = 4;
const CLIENTS = 8;
const WARM_UP = 12;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DENSE_HOURS = 50;
const LIVELY_HOURS = 2;
/** While the stack is called idle: a shop at night. */
const TRICKLE = 34;

const questions = QUESTIONS.filter(({ name }) => values.only === '' || values.only.split(',').includes(name));

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

async function fill(traffic: Traffic, nowMs: number): Promise<number> {
  const denseFromMs = nowMs - DENSE_HOURS * HOUR_MS;
  for (let hour = days * 24; hour > DENSE_HOURS; hour--) await traffic.minute(nowMs - hour * HOUR_MS, 1);
  for (let at = denseFromMs; at < nowMs - LIVELY_HOURS * HOUR_MS; at += MINUTE_MS) await traffic.minute(at, 1);
  let at = nowMs - LIVELY_HOURS * HOUR_MS;
  for (; at < Date.now(); at += MINUTE_MS) await traffic.minute(at, Number(values['per-series']), Date.now());
  return Math.min(at, Date.now());
}

/** Until every minute but the newest few is in the rollups. */
async function untilCompacted(aggregator: AggregatorProcess, withinMs: number): Promise<void> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const status = (await (await fetch(`${aggregator.url}/api/v1/status`)).json()) as {
      readonly watermarkMs: number;
      readonly cold: { readonly closedUntilMs: number };
    };
    if (status.cold.closedUntilMs >= status.watermarkMs - 3 * MINUTE_MS) return;
    if (performance.now() > deadline) throw new Error(`compaction stands at ${new Date(status.cold.closedUntilMs).toISOString()}`);
    await delay(1_000);
  }
}

const nameOf = (question: Question, clients: number, state: string): string =>
  `query_${question.name}${clients === 1 ? '' : `_${clients}_clients`}${state}`;
const tiersOf = (timings: Timings): string =>
  [...timings.tiers].map(([tiers, count]) => `${tiers === '' ? 'none' : tiers} ${count}`).join(', ');

async function series(asker: Asker, figures: Figures, state: '_idle' | '_loaded', clients: number): Promise<number> {
  let worst = 0;
  for (const question of questions) {
    await asker.time(question, WARM_UP, 1, 0);
    const timings = await asker.time(question, runs, clients, WARM_UP);
    const [p50, p95, p99] = [50, 95, 99].map((p) => percentile(timings.durationsMs, p));
    worst = Math.max(worst, p95);
    const name = nameOf(question, clients, state);
    say(
      `  ${question.text.padEnd(58)} p50 ${p50.toFixed(1).padStart(7)}  p95 ${p95.toFixed(1).padStart(7)}  p99 ${p99.toFixed(1).padStart(7)} ms` +
        `  ${(timings.bytes / 1024).toFixed(0).padStart(5)} KiB  ${tiersOf(timings)}`,
    );
    figures.add(`${name}_p50_ms`, p50, 'ms');
    figures.add(`${name}_p95_ms`, p95, 'ms');
    figures.add(`${name}_p99_ms`, p99, 'ms');
  }
  return worst;
}

say('building the program, starting Kafka, Redis and the engine');
const [kafka, redis, engine, ports] = await Promise.all([startKafka(), startRedis(), startClickHouseHttp(), freePorts(2), buildProgram()]);
const started: AggregatorProcess[] = [];
const ending: (() => Promise<unknown>)[] = [];
try {
  await kafka.createTopic({ name: TOPIC, partitions: PARTITIONS, config: { 'retention.ms': '-1', 'segment.bytes': '1073741824' } });
  await kafka.createTopic({ name: `${TOPIC}.dead-letters` });
  const changes = {
    source: { kafka: { brokers: kafka.brokers, topics: [TOPIC], group: GROUP, start: 'earliest' } },
    hot: { kind: 'redis', redis: { nodes: [`${redis.host}:${redis.port}`] }, maxMemory: '64GiB', expectedRate: 20_000 },
    cold: { kind: 'http', url: engine.url, username: engine.user, database: 'bench' },
  };
  const start = async (port: number, more: object, nodeOptions: readonly string[]): Promise<AggregatorProcess> => {
    const aggregator = await startAggregator({ base: 'webshop.yaml', port, changes: { ...changes, ...more }, nodeOptions });
    started.push(aggregator);
    return aggregator;
  };
  const profiling = values.prof === '' ? [] : ['--cpu-prof', `--cpu-prof-dir=${values.prof}`];
  const aggregator = await start(ports[0], { query: { cacheTtl: '0s' } }, profiling);

  const beginMs = performance.now();
  const nowMs = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS;
  const producer = await TopicProducer.connect({ broker: kafka.brokers[0], topic: TOPIC, partitions: PARTITIONS });
  const traffic = new Traffic(producer, PARTITIONS, 1);
  say(`filling ${days} days with ${SERIES} series`);
  const filledMs = await fill(traffic, nowMs);
  await producer.flush();
  say(`  ${traffic.count.toLocaleString('en')} events written in ${((performance.now() - beginMs) / 1_000).toFixed(0)} s`);
  const live = new LiveTraffic(traffic, producer, filledMs, TRICKLE);
  live.start();
  ending.push(() => live.stop());
  const admin = await kafka.admin();
  let lastSaid = performance.now();
  await untilCommitted(admin, GROUP, TOPIC, {
    withinMs: 1_200_000,
    everyMs: 200,
    alive: () => aggregator.process.running(),
    enough: 200,
    progress: ({ committed, end }) => {
      if (performance.now() - lastSaid > 10_000) {
        lastSaid = performance.now();
        say(`  ${committed.toLocaleString('en')} of ${end.toLocaleString('en')} committed`);
      }
    },
  });
  say(`  all committed after ${((performance.now() - beginMs) / 1_000).toFixed(0)} s`);
  await untilCompacted(aggregator, 600_000);
  say(`  all compacted after ${((performance.now() - beginMs) / 1_000).toFixed(0)} s`);
  const cached = await start(ports[1], { roles: ['query'], query: { cacheTtl: '5m' } }, []);

  const figures = new Figures('query');
  const asker = new Asker(aggregator.url);
  figures.add('query_series_per_minute', SERIES, 'series');
  say('idle, one client');
  const idle = await series(asker, figures, '_idle', 1);
  say(`idle, ${CLIENTS} clients`);
  const idleMany = await series(asker, figures, '_idle', CLIENTS);

  say('idle, the same question again and again, cache on');
  const warm = new Asker(cached.url);
  let warmWorst = 0;
  for (const question of questions) {
    const fixedMs = Date.now();
    const same: Question = { ...question, ask: () => question.ask(fixedMs, 1) };
    await warm.time(same, WARM_UP, 1, 0);
    const timings = await warm.time(same, runs, 1, WARM_UP);
    const [p50, p95] = [50, 95].map((p) => percentile(timings.durationsMs, p));
    warmWorst = Math.max(warmWorst, p95);
    say(`  ${question.text.padEnd(58)} p50 ${p50.toFixed(1).padStart(7)}  p95 ${p95.toFixed(1).padStart(7)} ms`);
    figures.add(`query_${question.name}_warm_cache_p50_ms`, p50, 'ms');
    figures.add(`query_${question.name}_warm_cache_p95_ms`, p95, 'ms');
  }
  warm.close();
  await cached.stop();
  started.pop();

  live.perSecond = Number(values.rate);
  await delay(5_000);
  const cpuBefore = cpuSeconds(aggregator.process.pid);
  const countBefore = live.count;
  const loadBegan = performance.now();
  say(`${Number(values.rate).toLocaleString('en')} events/s coming in, one client`);
  const loaded = await series(asker, figures, '_loaded', 1);
  say(`${Number(values.rate).toLocaleString('en')} events/s coming in, ${CLIENTS} clients`);
  const loadedMany = await series(asker, figures, '_loaded', CLIENTS);
  const loadS = (performance.now() - loadBegan) / 1_000;
  const rate = (live.count - countBefore) / loadS;
  say(
    `  ${rate.toFixed(0)} events/s were written meanwhile; the aggregator used ${(((cpuSeconds(aggregator.process.pid) - cpuBefore) / loadS) * 100).toFixed(0)} % of a core`,
  );
  asker.close();
  await live.stop();
  await producer.close();

  figures.add('query_load_events_per_second', rate, 'events/s');
  figures.add('query_p95_ms_warm_cache_worst', warmWorst, 'ms');
  figures.add('query_p95_ms_idle_8_clients_worst', idleMany, 'ms');
  figures.add('query_p95_ms_loaded_8_clients_worst', loadedMany, 'ms');
  figures.add('query_p95_ms_idle_worst', idle, 'ms');
  figures.add('query_p95_ms_loaded_worst', loaded, 'ms');
  figures.publish({ runs, rate: Number(values.rate), days, perSeries: Number(values['per-series']) });
} catch (error) {
  for (const { process: managed } of started) say(managed.output().slice(-4_000));
  throw error;
} finally {
  await Promise.allSettled(ending.map((end) => end()));
  await Promise.allSettled(started.map((aggregator) => aggregator.stop()));
  await Promise.allSettled([kafka.stop(), redis.stop(), engine.stop()]);
}
