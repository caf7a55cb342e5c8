import { describe, expect, it } from 'vitest';
import type { AnomaliesRead, AnomalyRecord } from '../cold/anomaly-store.js';
import { seriesKey } from '../cold/anomaly-store.js';
import type { Watch } from '../definition/model.js';
import { Bench, M, NOW } from '../query/engine.fixture.js';
import { QueryEngine, type JudgedQuery } from '../query/engine.js';
import type { TestEvent } from '../query/event-list.fixture.js';
import { WatchLoop } from './watch-loop.js';

const MINUTE = NOW - (NOW % M);
const BURST = MINUTE - 30 * M;

const WATCH: Watch = {
  name: 'views_spike',
  description: 'More views than usual',
  bucketMs: M,
  explain: ['device'],
  query: {
    kind: 'anomaly',
    measure: 'views',
    groupBy: ['country'],
    filters: [],
    bucket: '1m',
    detector: { name: 'auto', direction: 'up', hold: 'episode' },
  },
};

function events(burst: boolean): TestEvent[] {
  const list: TestEvent[] = [];
  for (let minute = MINUTE - 300 * M; minute < MINUTE; minute += M) {
    for (const country of ['DE', 'FR']) {
      const loud = burst && country === 'DE' && minute >= BURST && minute < BURST + 5 * M;
      const wobble = (minute / M) % 7;
      for (let i = 0; i < 20 + wobble + (loud ? 150 : 0); i++) {
        const device = i < 20 + wobble ? ['phone', 'tv'][i % 2] : 'phone';
        list.push({
          timeMs: minute + (i * M) / 200,
          tenant: 'shop',
          country,
          device,
          type: 'view',
          user: 'u',
          page: '/',
          amount: Number.NaN,
          latency: 1,
        });
      }
    }
  }
  return list;
}

/** What the cold tier keeps, in a list. */
class Kept {
  readonly writes: { records: readonly AnomalyRecord[]; gone: readonly AnomalyRecord[] }[] = [];
  readonly rows = new Map<string, AnomalyRecord>();

  async readAnomalies(read: AnomaliesRead): Promise<readonly AnomalyRecord[]> {
    return [...this.rows.values()].filter(
      (row) => row.tenant === read.tenant && read.watches.includes(row.watch) && row.toMs > read.fromMs,
    );
  }

  async writeAnomalies(records: readonly AnomalyRecord[], gone: readonly AnomalyRecord[]): Promise<void> {
    if (records.length + gone.length > 0) this.writes.push({ records, gone });
    const key = (row: AnomalyRecord): string => `${row.watch}|${row.fromMs}|${seriesKey(row.labels)}`;
    for (const record of records) this.rows.set(key(record), record);
    for (const record of gone) this.rows.delete(key(record));
  }
}

function watching(list: TestEvent[], owners: Map<string, string> = new Map(), owner = 'one') {
  const bench = new Bench(list);
  bench.cold.compaction = { closedUntilMs: MINUTE - 5 * M, dirtyMinutes: [], revisionByDay: new Map(), dataFromMs: MINUTE - 300 * M };
  const def = { ...bench.def, watches: [WATCH], tenants: bench.def.tenants.slice(0, 1) };
  const kept = new Kept();
  const judged: JudgedQuery[] = [];
  const began: AnomalyRecord[] = [];
  const failures: unknown[] = [];
  let untilMs = BURST;
  const loop = new WatchLoop({
    def,
    clock: bench.clock,
    engine: new QueryEngine({ ...bench.options, def }),
    cold: kept,
    hot: {
      lease: async (name, by) => (owners.get(name) ?? by) === by && owners.set(name, by).size > 0,
      releaseLease: async (name) => void owners.delete(name),
    },
    watermarkMs: async () => untilMs,
    owner,
    events: {
      judged: (_tenant, _watch, one) => judged.push(one),
      began: (_tenant, _watch, record) => began.push(record),
      failed: (_watch, error) => failures.push(error),
    },
  });
  const until = async (ms: number): Promise<void> => {
    untilMs = ms;
    await loop.runOnce();
  };
  return { loop, kept, judged, began, failures, until, bench };
}

describe('watches', () => {
  it('keep an episode from its first bucket to its end, once, with who made it', async () => {
    const { until, kept, began, failures } = watching(events(true));
    await until(BURST);
    expect([...kept.rows]).toEqual([]);
    await until(BURST + 2 * M + 5_000);
    expect(began.map(({ labels, fromMs }) => [labels, fromMs])).toEqual([[{ country: 'DE' }, BURST]]);
    expect([...kept.rows.values()][0]).toMatchObject({ open: true, toMs: BURST + 2 * M, watch: 'views_spike', tenant: 'shop' });
    for (let minutes = 3; minutes < 12; minutes++) await until(BURST + minutes * M);
    expect(kept.rows.size).toBe(1);
    expect(began).toHaveLength(1);
    const [record] = kept.rows.values();
    expect(record.open).toBe(false);
    expect(record.toMs).toBeGreaterThanOrEqual(BURST + 5 * M);
    expect(record.score).toBeGreaterThan(0.5);
    expect(record.reason).toMatch(/expected/);
    expect(record.contributors[0]).toMatchObject({ dimension: 'device', value: 'phone' });
    expect(record.contributors[0].share).toBeGreaterThan(0.9);
    expect(failures).toEqual([]);
  });

  it('judge a bucket once, when it is finished', async () => {
    const { until, judged } = watching(events(false));
    await until(BURST + 30_000);
    await until(BURST + 50_000);
    expect(judged).toHaveLength(1);
    expect(judged[0].judgedUntilMs).toBe(BURST);
    await until(BURST + M);
    expect(judged[1].judgedUntilMs).toBe(BURST + M);
  });

  it('take back what late data undid', async () => {
    const { until, kept } = watching(events(false));
    const stale: AnomalyRecord = {
      ...{
        tenant: 'shop',
        watch: 'views_spike',
        labels: { country: 'FR' },
        fromMs: BURST - 10 * M,
        toMs: BURST - 9 * M,
        peakMs: BURST - 10 * M,
      },
      ...{ value: 1, expected: 20, score: 0.7, reason: 'too few', open: false, contributors: [] },
    };
    await kept.writeAnomalies([stale], []);
    await until(BURST);
    expect([...kept.rows]).toEqual([]);
    expect(kept.writes.at(-1)?.gone).toEqual([stale]);
  });

  it('are judged by one process of several', async () => {
    const owners = new Map<string, string>();
    const [first, second] = [watching(events(false), owners, 'one'), watching(events(false), owners, 'two')];
    await first.until(BURST);
    await second.until(BURST);
    expect([first.judged.length, second.judged.length]).toEqual([1, 0]);
    await first.loop.stop();
    await second.until(BURST);
    expect(second.judged.length).toBe(1);
  });

  it('go on after a store failed, with the same bucket', async () => {
    const { until, judged, failures, bench } = watching(events(false));
    bench.cold.failure = new Error('down');
    bench.hot.failure = new Error('down');
    await until(BURST);
    expect(failures).toHaveLength(1);
    bench.cold.failure = null;
    bench.hot.failure = null;
    await until(BURST);
    expect(judged).toHaveLength(1);
  });
});
