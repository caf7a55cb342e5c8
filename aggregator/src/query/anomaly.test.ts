import { describe, expect, it } from 'vitest';
import { detectSeries } from '../anomaly/detect.js';
import type { DataFrame } from './data-frame.js';
import { Bench, column, custom, H, M, NEVER, NOW } from './engine.fixture.js';
import type { TestEvent } from './event-list.fixture.js';
import { testTenant } from './shop.fixture.js';

const MINUTE = NOW - (NOW % M);
const BURST = MINUTE - 2 * H;
const FROM = MINUTE - 10 * H;

/** Around 20 events a minute and country, and six times as many in Germany for five minutes. */
function quietShop(): TestEvent[] {
  const events: TestEvent[] = [];
  let state = 7;
  const random = (): number => (state = Math.imul(state, 1_103_515_245) + 12_345) / 2 ** 32 + 0.5;
  for (let minute = FROM; minute <= MINUTE; minute += M) {
    for (const country of ['DE', 'FR', 'US']) {
      const burst = country === 'DE' && minute >= BURST && minute < BURST + 5 * M;
      const count = Math.round((20 + 4 * (random() + random() - 1)) * (burst ? 6 : 1));
      for (let i = 0; i < count; i++) {
        const timeMs = minute + Math.floor(((i + 0.5) * M) / count);
        if (timeMs > NOW) continue;
        events.push({
          timeMs,
          tenant: 'shop',
          country,
          device: 'tv',
          type: 'view',
          user: `u${i}`,
          page: '/',
          amount: Number.NaN,
          latency: 10,
        });
      }
    }
  }
  return events;
}

const bench = new Bench(quietShop());
bench.cold.compaction = { closedUntilMs: MINUTE - 5 * M, dirtyMinutes: [], revisionByDay: new Map(), dataFromMs: FROM };
const QUERY = { kind: 'anomaly', measure: 'views', groupBy: ['country'], bucket: '1m' };

interface Told {
  readonly anomaly: {
    learntFromMs: number;
    judgedUntilMs: number;
    series: number;
    flagged: number;
    episodes: number;
    described: { detector: string }[];
  };
}

function told(frame: DataFrame): Told['anomaly'] {
  return (custom(frame) as unknown as Told).anomaly;
}

function of(frame: DataFrame, role: string, country: string): Map<number, number | string | null> {
  const index = frame.schema.fields.findIndex(
    (field) => field.labels?.['country'] === country && (field.config?.custom?.role ?? 'value') === role,
  );
  expect(index, `${role} of ${country}`).toBeGreaterThan(0);
  return new Map(frame.data.values[0].map((time, row) => [Number(time), frame.data.values[index][row]]));
}

async function between(from: number, to: number, query: object = QUERY): Promise<DataFrame> {
  const { results } = await bench.engine.run(testTenant(), { from, to, queries: [{ refId: 'A', ...query }] }, NEVER);
  expect(results['A'].error).toBeUndefined();
  return results['A'].frames[0];
}

describe('a query of kind anomaly', () => {
  it('flags a burst in its first buckets, in its own series alone, and says why', async () => {
    const frame = await between(MINUTE - 6 * H, NOW);
    const flagged = [...of(frame, 'anomalous', 'DE')].filter(([, value]) => value === 1).map(([time]) => time);
    expect(flagged[0]).toBeLessThanOrEqual(BURST + M);
    expect(flagged[0]).toBeGreaterThanOrEqual(BURST);
    expect(flagged.every((time) => time >= BURST && time < BURST + 15 * M)).toBe(true);
    for (const country of ['FR', 'US']) expect([...of(frame, 'anomalous', country).values()]).not.toContain(1);
    expect(of(frame, 'reason', 'DE').get(flagged[0])).toMatch(/^1\d\d.*expected 2\d/);
    expect(Number(of(frame, 'score', 'DE').get(flagged[0]))).toBeGreaterThanOrEqual(0.5);
    expect(told(frame)).toMatchObject({ series: 3, flagged: flagged.length, episodes: 1 });
  });

  it('says the same of a bucket to a panel of hours and to an alert rule of minutes', async () => {
    const to = BURST + 3 * M;
    const panel = await between(to - 6 * H, to);
    const rule = await between(to - 10 * M, to, { ...QUERY, filters: [{ dimension: 'country', value: 'DE' }] });
    for (const role of ['value', 'expected', 'lower', 'upper', 'score', 'anomalous', 'reason']) {
      const wide = of(panel, role, 'DE');
      const narrow = of(rule, role, 'DE');
      expect(narrow.size).toBe(10);
      for (const [time, value] of narrow) expect([role, time, value]).toEqual([role, time, wide.get(time)]);
    }
  });

  it('judges as the detector does on the same values', async () => {
    const frame = await between(MINUTE - 6 * H, NOW, { ...QUERY, detector: { name: 'robust', window: '30m' } });
    const { learntFromMs, judgedUntilMs } = told(frame);
    const plain = await between(learntFromMs, NOW, { ...QUERY, kind: 'metric' });
    const values = [...of(plain, 'value', 'DE')].filter(([time, value]) => value !== null && time < judgedUntilMs);
    const verdicts = detectSeries(
      values.map(([time]) => time),
      values.map(([, value]) => Number(value)),
      { detector: 'robust', windowMs: 30 * M },
      { bucketMs: M },
    );
    const scores = of(frame, 'score', 'DE');
    let compared = 0;
    values.forEach(([time], row) => {
      if (!scores.has(time)) return;
      expect(scores.get(time)).toBe(verdicts.score[row]);
      compared++;
    });
    expect(compared).toBe(360);
  });

  it('never judges a bucket that is not finished', async () => {
    const frame = await between(MINUTE - H, NOW);
    const { partialFrom } = custom(frame);
    expect(partialFrom).not.toBeNull();
    const unfinished = column(frame, 0).filter((time) => Number(time) >= Number(partialFrom));
    expect(unfinished.length).toBeGreaterThan(0);
    for (const time of unfinished) {
      expect(of(frame, 'value', 'FR').get(Number(time))).not.toBeNull();
      for (const role of ['score', 'anomalous', 'expected']) expect(of(frame, role, 'FR').get(Number(time))).toBeNull();
    }
  });

  it('gives an alert rule one number per series, over time or of the newest finished bucket', async () => {
    const to = BURST + 2 * M;
    const open = { ...QUERY, detector: { hold: 'episode' } };
    const series = await between(to - 10 * M, to, { ...open, fields: 'anomalous' });
    expect(series.schema.meta.type).toBe('timeseries-wide');
    expect(series.schema.fields.map((field) => field.labels?.['country'])).toEqual([undefined, 'DE', 'FR', 'US']);
    const total = await between(to - 10 * M, to, { ...open, fields: 'score', format: 'total' });
    expect(total.schema.meta.type).toBe('numeric-wide');
    const [german, french] = total.data.values.map(([value]) => Number(value));
    expect(german).toBeGreaterThan(0.5);
    expect(french).toBeLessThan(0.5);
    expect(total.schema.fields.every((field) => field.name === 'score' && field.typeInfo.nullable)).toBe(true);
  });

  it('lists the episodes with their worst bucket', async () => {
    const frame = await between(MINUTE - 6 * H, NOW, { ...QUERY, format: 'table' });
    const row = Object.fromEntries(frame.schema.fields.map((field, index) => [field.name, frame.data.values[index][0]]));
    expect(frame.data.values[0]).toHaveLength(1);
    expect(row).toMatchObject({ country: 'DE', open: 0 });
    expect(Number(row['time'])).toBeGreaterThanOrEqual(BURST);
    expect(Number(row['timeEnd'])).toBeGreaterThan(BURST + 4 * M);
    expect(Number(row['value'])).toBeGreaterThan(90);
    expect(row['reason']).toMatch(/expected/);
  });

  it('ranks series by their highest score where a limit is given', async () => {
    const frame = await between(MINUTE - 6 * H, NOW, { ...QUERY, limit: 1 });
    expect(told(frame).series).toBe(1);
    expect(frame.schema.fields[1].labels).toEqual({ country: 'DE' });
    expect(frame.schema.meta.notices?.map(({ text }) => text).join()).toContain('1 of 3 series');
  });

  it('takes no time before the first event for zeros, even when the cold tier cannot say where data begins', async () => {
    const asked = { ...QUERY, history: '10h' };
    const told = await between(FROM - H, NOW, asked);
    const mute = new Bench(quietShop());
    mute.cold.failure = new Error('busy');
    const untold = await mute.frame(asked, FROM - H);
    for (const role of ['value', 'score', 'anomalous']) expect(of(untold, role, 'FR')).toEqual(of(told, role, 'FR'));
    expect(of(untold, 'score', 'FR').get(FROM)).toBe(0);
    expect(of(untold, 'value', 'FR').get(FROM - M)).toBeNull();
  });

  it('learns from less where all would be too much, and says so', async () => {
    const small = new Bench(quietShop(), { query: { maxRows: 3_000 } });
    small.cold.compaction = bench.cold.compaction;
    const frame = await small.frame(QUERY, MINUTE - 2 * H);
    expect(frame.schema.meta.notices?.map(({ text }) => text).join()).toMatch(/of history instead of 2d/);
    expect(told(frame).learntFromMs).toBeGreaterThan(told(await bench.frame(QUERY, MINUTE - 2 * H)).learntFromMs);
  });

  it.each([
    [{ measure: 'latency' }, 'STAT_MANY', 'queries[0].stat'],
    [{ measure: 'pages' }, 'NOT_A_NUMBER', 'queries[0].measure'],
    [{ measure: 'views', detector: { name: 'magic' } }, 'INVALID_FIELD', 'queries[0].detector.name'],
    [{ measure: 'views', detector: { windw: '5m' } }, 'UNKNOWN_FIELD', 'queries[0].detector.windw'],
    [{ measure: 'views', detector: { window: 'long' } }, 'INVALID_DURATION', 'queries[0].detector.window'],
    [{ measure: 'views', detector: { timeZone: 'Mars/Base' } }, 'ANOMALY_OPTION', 'queries[0].detector'],
    [{ measure: 'views', history: '-1d' }, 'INVALID_DURATION', 'queries[0].history'],
  ])('%j is refused: %s', async (query, code, path) => {
    const { status, frames } = await bench.result({ kind: 'anomaly', ...query });
    expect(status).toBe(400);
    expect(custom(frames[0]).error).toMatchObject({ code, path });
  });

  it('refuses more series than it judges at once', async () => {
    const [event] = quietShop();
    const many = Array.from({ length: 1_001 }, (_, i): TestEvent => ({ ...event, timeMs: MINUTE - 5 * M, country: `c${i}` }));
    const { status, frames } = await new Bench(many).result({ ...QUERY, history: '10m' }, MINUTE - 10 * M);
    expect([status, custom(frames[0]).error.code]).toEqual([400, 'TOO_MANY_JUDGED']);
  });
});
