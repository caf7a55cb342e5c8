// Live subscribers of one process while another one takes the events in: real Kafka, Redis and ClickHouse engine. What they show after any
// sequence of flushes, kills and returns is what one plain pass over the log gives, and what the query API answers.

import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LiveTable, type Cells } from '../../aggregator/src/live/live.fixture.js';
import type { SnapshotMessage } from '../../aggregator/src/live/protocol.js';
import { makeLog } from '../oracle/events.js';
import { oracleDefinition } from '../oracle/stack.js';
import { Reference } from '../oracle/reference.js';
import { startClickHouseHttp, type ClickHouseHttp } from '../support/clickhouse-http.js';
import { startKafka, type KafkaCluster } from '../support/kafka-broker.js';
import { LiveClient } from '../support/live-client.js';
import { startRedis, type RedisServer } from '../support/redis-server.js';
import { repositoryRoot } from '../support/repository-root.js';
import type { ScriptedRecord } from '../support/scripted-log.js';
import { inLogOrder, openFeed, stackSettings, withoutGaps, type ShopLog } from '../support/shop-log.js';
import { buildTidemark, startTidemark, type Tidemark } from '../support/tidemark-process.js';
import { until } from '../support/until.js';

const TOPIC = 'shop';
const PARTITIONS = 2;
const MINUTE_MS = 60_000;
const SPAN_MS = 60 * MINUTE_MS;
const BUCKET_MS = 10_000;
const END_MS = Date.now();
const START_MS = END_MS - 20 * MINUTE_MS;
const DEFINITION = join(repositoryRoot(), 'test', 'oracle', 'shop.yaml');
const QUERY = { measure: 'events', groupBy: ['device'], bucket: '10s' };
const LATE_WAIT_MS = 60_000;

let kafka: KafkaCluster;
let redis: RedisServer;
let clickhouse: ClickHouseHttp;
let settings: Record<string, string>;
let ingest: Tidemark;
let serving: Tidemark;
const clients: LiveClient[] = [];

const { yaml, definition } = oracleDefinition();
const whole = withoutGaps(TOPIC, makeLog({ seed: 11, events: 6_000, startMs: START_MS, endMs: END_MS, partitions: PARTITIONS }));
/** Both with late and doubled events. */
const [early, later] = [slice(0, 0.6), slice(0.6, 1)];
const written = new Map<string, ScriptedRecord[]>();

function slice(from: number, to: number): ShopLog {
  return new Map(
    [...whole].map(([id, records]) => [id, records.slice(Math.floor(records.length * from), Math.floor(records.length * to))]),
  );
}

/** Writes records behind what each partition has. */
async function write(part: ShopLog): Promise<void> {
  const numbered = new Map<string, ScriptedRecord[]>();
  for (const [id, records] of part) {
    const before = written.get(id) ?? [];
    const list = records.map((record, index) => ({ ...record, offset: before.length + index }));
    numbered.set(id, list);
    written.set(id, [...before, ...list]);
  }
  const feed = await openFeed(kafka.brokers, numbered);
  await feed.produce(0, 1);
  await feed.close();
}

/** Events of this moment, none of them late. @param name makes their ids new */
function onTime(count: number, name: string): ShopLog {
  const nowMs = Date.now();
  const record = (partition: number, index: number): ScriptedRecord => ({
    offset: 0,
    timestampMs: nowMs,
    value: JSON.stringify({
      event_id: `${name}-${partition}-${index}`,
      ts: new Date(nowMs).toISOString(),
      type: 'page_view',
      device: 'phone',
    }),
  });
  return new Map(
    Array.from({ length: PARTITIONS }, (_, partition) => [
      `${TOPIC}/${partition}`,
      Array.from({ length: count }, (__, index) => record(partition, index)),
    ]),
  );
}

/** Events by bucket and device, from the log alone. */
function expectedCells(fromMs: number): Map<string, number> {
  const reference = new Reference(yaml, inLogOrder(written), definition.duplicates);
  const counts = new Map<string, number>();
  for (const event of reference.applied) {
    if (event.timeMs < fromMs) continue;
    const key = `${Math.floor(event.timeMs / BUCKET_MS) * BUCKET_MS} ${reference.dimensionValue(event, 'device')}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}

/** What a subscriber shows, without its zeros. */
function shownCells(cells: Cells, fromMs: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (const [time, row] of cells) {
    if (time < fromMs) continue;
    for (const [field, value] of row) {
      const [, labels] = JSON.parse(field) as [string, { device: string }];
      if (typeof value === 'number' && value > 0) counts.set(`${time} ${labels.device}`, value);
    }
  }
  return counts;
}

function sumOf(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0);
}

/** Waits until a subscriber shows as many events as the log has, then holds every bucket to the log. */
async function untilShown(table: LiveTable): Promise<void> {
  const fromMs = START_MS - 11 * MINUTE_MS;
  const expected = expectedCells(fromMs);
  await until(
    `${sumOf(expected)} events are shown`,
    LATE_WAIT_MS,
    async () => {
      const shown = sumOf(shownCells(table.cells, fromMs));
      if (shown > sumOf(expected)) throw new Error(`${shown} events are shown, the log has ${sumOf(expected)}`);
      return Promise.resolve(shown === sumOf(expected) ? true : null);
    },
    50,
  );
  const shown = shownCells(table.cells, fromMs);
  expect([...shown].sort()).toEqual([...expected].sort());
}

async function follow(table: LiveTable, transport: 'websocket' | 'sse' = 'websocket'): Promise<LiveClient> {
  const client = await LiveClient.open(
    serving.url,
    transport,
    { id: 'A', query: QUERY, spanMs: SPAN_MS, resume: table.cursor },
    (message) => table.apply(message),
  );
  clients.push(client);
  return client;
}

beforeAll(async () => {
  [kafka, redis, clickhouse] = await Promise.all([
    startKafka({ topics: [{ name: TOPIC, partitions: PARTITIONS }] }),
    startRedis(),
    startClickHouseHttp(),
    buildTidemark(),
  ]);
  settings = stackSettings({ brokers: kafka.brokers, topic: TOPIC, redisPort: redis.port, clickhouse, database: 'live' });
  ingest = await startTidemark({ definition: DEFINITION, env: { ...settings, TIDEMARK_ROLES: 'ingest,compact' } });
  serving = await serve();
});

afterAll(async () => {
  for (const client of clients) client.close();
  await Promise.allSettled([ingest?.process.kill(), serving?.process.kill()]);
  await Promise.allSettled([kafka?.stop(), redis?.stop(), clickhouse?.stop()]);
});

function serve(port?: number): Promise<Tidemark> {
  return startTidemark({ definition: DEFINITION, env: { ...settings, TIDEMARK_ROLES: 'query' }, ...(port === undefined ? {} : { port }) });
}

describe('a process that takes no events in', () => {
  const socket = new LiveTable();
  const stream = new LiveTable();

  it('pushes what another one flushed, late and doubled events included, alike over WebSocket and SSE', async () => {
    await follow(socket);
    await follow(stream, 'sse');
    await write(early);
    await untilShown(socket);
    await untilShown(stream);
    const types = socket.received.map(({ type }) => type);
    expect(types[0]).toBe('snapshot');
    expect(types).not.toContain('error');
  });

  it('pushes no more than what changed once the series are known', async () => {
    // Before, one flush may have brought every series, and new series come as a whole table.
    const before = [socket.received.length, stream.received.length];
    await write(onTime(20, 'known'));
    await untilShown(socket);
    await untilShown(stream);
    const types = [socket.received.slice(before[0]), stream.received.slice(before[1])].flat().map(({ type }) => type);
    expect(new Set(types.filter((type) => type !== 'heartbeat'))).toEqual(new Set(['delta']));
  });

  it('agrees with the query API over the same span', async () => {
    const to = Math.floor(END_MS / BUCKET_MS) * BUCKET_MS;
    const body = { from: to - 50 * MINUTE_MS, to, queries: [{ refId: 'A', ...QUERY }] };
    const { A: answer } = await serving.query(body);
    const table = new LiveTable();
    const meta = { fromMs: body.from } as SnapshotMessage['meta'];
    table.apply({ type: 'snapshot', id: 'A', frames: answer.frames as SnapshotMessage['frames'], cursor: '', meta });
    const ended = (cells: Cells): [string, number][] =>
      [...shownCells(cells, body.from)].filter(([key]) => Number(key.split(' ')[0]) < to).sort(([a], [b]) => (a < b ? -1 : 1));
    expect(ended(socket.cells)).toEqual(ended(table.cells));
    expect(ended(table.cells).length).toBeGreaterThan(100);
  });

  it('after it was killed gives who comes back the rows since, with no gap and nothing twice', async () => {
    await serving.process.kill();
    await Promise.all(clients.splice(0).map((client) => client.closed));
    await write(onTime(100, 'first'));
    const before = [socket.received.length, stream.received.length];
    serving = await serve(serving.port);
    await follow(socket);
    await follow(stream, 'sse');
    await untilShown(socket);
    await untilShown(stream);
    expect([socket.received[before[0]].type, stream.received[before[1]].type]).toEqual(['delta', 'delta']);
  });

  it('tells its subscribers that it stops, and late events that came meanwhile are not missing afterwards', async () => {
    const { port, process: managed } = serving;
    await managed.stop(20_000);
    await Promise.all(clients.splice(0).map((client) => client.closed));
    expect(socket.received.at(-1)).toMatchObject({ type: 'dropped', code: 'stopping' });
    expect(stream.received.at(-1)).toMatchObject({ type: 'dropped', code: 'stopping' });
    await write(later);
    serving = await serve(port);
    await follow(socket);
    await follow(stream, 'sse');
    await untilShown(socket);
    await untilShown(stream);
  });

  it('goes on through a restart of the process that takes the events in', async () => {
    await ingest.process.kill();
    await write(onTime(50, 'again'));
    ingest = await startTidemark({ definition: DEFINITION, env: { ...settings, TIDEMARK_ROLES: 'ingest,compact' } });
    await untilShown(socket);
    await untilShown(stream);
  });
});
