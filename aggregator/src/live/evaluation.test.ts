import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { randomEvents, type TestEvent } from '../query/event-list.fixture.js';
import { decodeAnnouncement } from './announcement.js';
import { ChangeLog } from './change-log.js';
import type { EncodedMessage } from './encoded-message.js';
import { Evaluation, type Advance } from './evaluation.js';
import { event, LiveTable, liveStage, NEVER, NOW, type Cells } from './live.fixture.js';
import type { Moment } from './moments.js';
import type { DeltaMessage, ServerMessage, SnapshotMessage } from './protocol.js';
import { readQuestion } from './question.js';
import { NOTHING, type Held } from './subscription.js';

const SPAN_MS = 10 * 60_000;

function stage(query: object, spanMs = SPAN_MS) {
  const live = liveStage();
  const changes = new ChangeLog(live.clock, live.def.latenessMs);
  const question = readQuestion(live.def, 'definition', live.tenant, query, spanMs);
  const fresh = (): Evaluation => new Evaluation(live.def, live.engine, changes, question);
  const moment = async (): Promise<Moment> => ({ situation: await live.engine.situation(NEVER), flushedAtMs: null });
  return {
    ...live,
    fresh,
    evaluation: fresh(),
    flush: (events: readonly TestEvent[], announced = true): void => {
      const announcement = decodeAnnouncement(live.log.append(events, live.clock.now()));
      if (announced && announcement !== null) changes.hear(announcement);
    },
    advance: async (evaluation: Evaluation, whole = false): Promise<Advance> => evaluation.advance(await moment(), whole, NEVER),
    /** What the query API answers now. */
    answer: async (): Promise<Cells> => {
      const to = live.clock.now() + 1;
      const body = { from: to - spanMs, to, queries: [{ refId: 'A', ...query }] };
      const frame = await live.engine.runOne(live.tenant, body, NEVER);
      const table = new LiveTable();
      const meta = { fromMs: 0 } as SnapshotMessage['meta'];
      table.apply({ type: 'snapshot', id: 'A', frames: [frame], cursor: '', meta });
      return table.cells;
    },
  };
}

function read(message: EncodedMessage | null): ServerMessage | null {
  return message === null ? null : (JSON.parse(message.bytes('websocket', 'A').toString()) as ServerMessage);
}

function delta(message: EncodedMessage | null): DeltaMessage {
  const found = read(message);
  if (found?.type !== 'delta') throw new Error(`expected a delta, found ${found?.type ?? 'nothing'}`);
  return found;
}

/**
 * What is shown and was not answered is a series without events in the span: nothing, or zeros.
 * @param isCarried a value may have been carried on from a bucket that has left the span since
 */
function expectSame(shown: Cells, answered: Cells, isCarried = false): void {
  expect([...shown.keys()].sort((a, b) => a - b)).toEqual([...answered.keys()]);
  const begun = new Set<string>();
  for (const [time, row] of answered) {
    const mine = shown.get(time) ?? new Map<string, number | string | null>();
    for (const [field, value] of row) {
      if (value !== null) begun.add(field);
      if (isCarried && !begun.has(field)) continue;
      expect([time, field, mine.get(field)]).toEqual([time, field, value]);
    }
    for (const [field, value] of mine) if (!row.has(field)) expect([null, 0]).toContain(value);
  }
}

async function joined(live: ReturnType<typeof stage>, held: Held = NOTHING, evaluation = live.evaluation): Promise<LiveTable> {
  const table = new LiveTable();
  const message = read((await live.advance(evaluation, true)).messageFor?.(held) ?? null);
  if (message !== null) table.apply(message);
  return table;
}

describe('a live question', () => {
  it('tells the whole span first, then only rows that may have changed', async () => {
    const live = stage({ measure: 'views', groupBy: ['country'], bucket: '10s' });
    live.flush(randomEvents(500, NOW - SPAN_MS, NOW, 3));
    const table = await joined(live);
    expectSame(table.cells, await live.answer());

    live.clock.nowMs += 2_000;
    live.flush([event(live.clock.now() - 500), event(live.clock.now() - 400, { country: 'FR' })]);
    const told = delta((await live.advance(live.evaluation)).current);
    expect(told.frames[0].data.values[0]).toEqual([NOW - 10_000, NOW]);
    expect(told.meta).toMatchObject({ bucketMs: 10_000, partialFrom: NOW - 10_000, fromMs: NOW - SPAN_MS, spanMs: SPAN_MS });
    table.apply(told);
    expectSame(table.cells, await live.answer());
  });

  it('tells a late event’s bucket and nothing between it and now', async () => {
    const live = stage({ measure: 'views', bucket: '10s' });
    live.flush(randomEvents(500, NOW - SPAN_MS, NOW, 3));
    const table = await joined(live);
    live.flush([event(NOW - 305_000), event(NOW - 1)]);
    const told = delta((await live.advance(live.evaluation)).current);
    expect(told.frames[0].data.values[0]).toEqual([NOW - 310_000, NOW - 10_000, NOW]);
    table.apply(told);
    expectSame(table.cells, await live.answer());
  });

  it('reads no more of the tiers than it tells', async () => {
    const live = stage({ measure: 'views', bucket: '10s' });
    live.flush(randomEvents(500, NOW - SPAN_MS, NOW, 3));
    await joined(live);
    live.hot.reads.length = 0;
    live.flush([event(NOW - 1)]);
    await live.advance(live.evaluation);
    expect(live.hot.reads.map(({ fromMs, toMs }) => [fromMs, toMs])).toEqual([[NOW - 10_000, NOW + 10_000]]);
  });

  it('a new series is told with a new schema', async () => {
    const live = stage({ measure: 'views', groupBy: ['country'], bucket: '10s' });
    live.flush([event(NOW - 20_000)]);
    const table = await joined(live);
    live.flush([event(NOW - 1, { country: 'JP' })]);
    const told = read((await live.advance(live.evaluation)).current);
    expect(told?.type).toBe('snapshot');
    if (told !== null) table.apply(told);
    expectSame(table.cells, await live.answer());
  });

  it('a late event changes every window that it is in', async () => {
    const live = stage({ measure: 'views', bucket: '10s', window: { size: '1m', slide: '10s' } });
    live.flush(randomEvents(500, NOW - SPAN_MS, NOW, 3));
    const table = await joined(live);
    live.flush([event(NOW - 305_000)]);
    const told = delta((await live.advance(live.evaluation)).current);
    table.apply(told);
    expectSame(table.cells, await live.answer());
    expect(told.frames[0].data.values[0].length).toBeLessThan(12);
  });

  it('a late event changes what later times are compared with', async () => {
    const live = stage({ measure: 'views', bucket: '10s', compareWith: '5m' });
    live.flush(randomEvents(900, NOW - 2 * SPAN_MS, NOW, 3));
    const table = await joined(live);
    live.flush([event(NOW - 405_000)]);
    table.apply(delta((await live.advance(live.evaluation)).current));
    expectSame(table.cells, await live.answer());
  });

  it('keeps the bucket that auto chose first', async () => {
    const live = stage({ measure: 'views', maxDataPoints: 20 });
    live.flush([event(NOW - 20_000)]);
    const table = await joined(live);
    live.flush([event(NOW - 1)]);
    const told = delta((await live.advance(live.evaluation)).current);
    expect(told.meta.bucketMs).toBe(30_000);
    table.apply(told);
    expectSame(table.cells, await live.answer());
  });

  it('says nothing while nothing moves, and goes on with the clock', async () => {
    const live = stage({ measure: 'views', bucket: '10s' });
    live.flush([event(NOW - 20_000)]);
    await joined(live);
    expect((await live.advance(live.evaluation)).current).toBeNull();
    live.clock.nowMs += 10_000;
    expect(delta((await live.advance(live.evaluation)).current).frames[0].data.values[0]).toContain(NOW + 10_000);
  });

  it('a ranking is told anew when it changed, and only then', async () => {
    const live = stage({ kind: 'top', measure: 'views', by: 'country' });
    live.flush([event(NOW - 20_000), event(NOW - 20_000, { country: 'FR' })]);
    await live.advance(live.evaluation, true);
    live.clock.nowMs += 1_000;
    expect((await live.advance(live.evaluation)).current).toBeNull();
    live.flush([event(NOW - 1, { country: 'FR' })]);
    const told = read((await live.advance(live.evaluation)).current);
    expect(told).toMatchObject({ type: 'snapshot', meta: { bucketMs: 0 } });
    expect(told?.type === 'snapshot' && told.frames[0].data.values).toEqual([
      ['FR', 'DE'],
      [2, 1],
    ]);
  });

  it('events and values are followed too', async () => {
    for (const query of [
      { kind: 'events', limit: 2 },
      { kind: 'values', dimension: 'country' },
    ]) {
      const live = stage(query);
      live.flush([event(NOW - 20_000)]);
      await live.advance(live.evaluation, true);
      live.flush([event(NOW - 1, { country: 'FR' }), event(NOW - 1, { country: 'FR' })]);
      expect(read((await live.advance(live.evaluation)).current)?.type).toBe('snapshot');
    }
  });

  it('whoever comes back with a cursor, to any process, gets the rows since, not the span', async () => {
    const live = stage({ measure: 'views', bucket: '10s' });
    live.flush(randomEvents(500, NOW - SPAN_MS, NOW, 3));
    const table = await joined(live);
    live.clock.nowMs += 30_000;
    live.flush([event(NOW + 20_000)], false);
    const elsewhere = live.fresh();
    const message = read((await live.advance(elsewhere, true)).messageFor?.({ kind: 'cursor', text: table.cursor }) ?? null);
    expect(message?.type).toBe('delta');
    if (message !== null) table.apply(message);
    expectSame(table.cells, await live.answer());
    expect(message?.type === 'delta' && message.frames[0].data.values[0].length).toBeLessThan(8);
  });

  it('a cursor gives a snapshot where a late event that nobody heard of came since, or it is of another question', async () => {
    const live = stage({ measure: 'views', bucket: '10s' });
    live.flush(randomEvents(500, NOW - SPAN_MS, NOW, 3));
    const { cursor } = await joined(live);
    live.flush([event(NOW - 200_000)], false);
    const elsewhere = await live.advance(live.fresh(), true);
    expect(read(elsewhere.messageFor?.({ kind: 'cursor', text: cursor }) ?? null)?.type).toBe('snapshot');
    const other = stage({ measure: 'views', bucket: '20s' });
    other.flush(randomEvents(500, NOW - SPAN_MS, NOW, 3));
    const answer = await other.advance(other.evaluation, true);
    expect(read(answer.messageFor?.({ kind: 'cursor', text: cursor }) ?? null)?.type).toBe('snapshot');
  });

  it('a hot tier that cannot be asked costs a snapshot, never a number', async () => {
    const live = stage({ measure: 'views', bucket: '10s' });
    live.flush(randomEvents(500, NOW - SPAN_MS, NOW, 3));
    const table = await joined(live);
    live.hot.failure = new Error('gone');
    live.flush([event(NOW - 1)]);
    const told = read((await live.advance(live.evaluation)).current);
    expect(told?.type).toBe('snapshot');
    if (told !== null) table.apply(told);
    expectSame(table.cells, await live.answer());
    live.hot.failure = null;
    live.flush([event(NOW - 1)]);
    const again = read((await live.advance(live.evaluation)).current);
    if (again !== null) table.apply(again);
    expectSame(table.cells, await live.answer());
  });

  const QUESTIONS: readonly object[] = [
    { measure: 'views', bucket: '10s' },
    { measure: 'views', groupBy: ['country'], bucket: '10s' },
    { measure: 'revenue', groupBy: ['country', 'device'], bucket: '30s', filters: [{ dimension: 'device', value: 'phone' }] },
    { measure: 'users', groupBy: ['device'], bucket: '1m', window: { size: '2m', slide: '30s' } },
    { measure: 'latency', bucket: '10s', compareWith: '2m' },
    { measure: 'conversion', groupBy: ['country'], bucket: '20s', fill: 'zero' },
    { measure: 'views', groupBy: ['country'], bucket: '10s', limit: 2 },
    { measure: 'views', groupBy: ['country'], bucket: '10s', orderBy: 'value' },
    { measure: 'mean_latency', groupBy: ['device'], bucket: '10s', fill: 'previous' },
    { measure: 'mean_latency', bucket: '10s', fill: 'none' },
    { measure: 'latency', bucket: '30s', format: 'heatmap' },
    { measure: 'views', groupBy: ['device'], bucket: '30s', format: 'heatmap' },
  ];

  it.each(QUESTIONS)('%j: whatever happens, a client that follows or comes back shows what the query API answers', async (query) => {
    const step = fc.record({
      waitMs: fc.integer({ min: 0, max: 25_000 }),
      newest: fc.array(fc.integer({ min: 0, max: 8_000 }), { maxLength: 6 }),
      late: fc.array(fc.integer({ min: 0, max: SPAN_MS + 60_000 }), { maxLength: 2 }),
      seed: fc.integer({ min: 0, max: 1_000 }),
      announced: fc.boolean(),
      /** What the client does: follow, miss this message and catch up later, come back to a process that knows nothing. */
      client: fc.constantFrom('follow', 'follow', 'behind', 'elsewhere'),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
        const live = stage(query);
        live.flush(randomEvents(40, NOW - 2 * SPAN_MS, NOW, 7));
        let evaluation = live.evaluation;
        const table = await joined(live);
        let held: Held | null = null;
        for (const { waitMs, newest, late, seed, announced, client } of steps) {
          live.clock.nowMs += waitMs;
          const now = live.clock.now();
          const like = randomEvents(newest.length + late.length, 0, 1, seed);
          const ages = [...newest, ...late];
          if (ages.length > 0)
            live.flush(
              like.map((one, index) => ({ ...one, timeMs: now - ages[index] })),
              announced,
            );
          if (client === 'elsewhere') {
            evaluation = live.fresh();
            held = { kind: 'cursor', text: table.cursor };
          }
          const advance = await live.advance(evaluation, held !== null);
          if (client === 'behind' && held === null) {
            if (advance.current !== null) held = advance.before;
            continue;
          }
          const message: ServerMessage | null = read(held === null ? advance.current : (advance.messageFor?.(held) ?? null));
          held = null;
          if (message !== null) table.apply(message);
          const fromMs = (message?.type === 'delta' || message?.type === 'snapshot' ? message.meta.fromMs : 0) || 0;
          const answered = await live.answer();
          const shown = new Map([...table.cells].filter(([time]) => time >= Math.max(fromMs, [...answered.keys()][0] ?? 0)));
          expectSame(shown, answered, 'fill' in query && query.fill === 'previous');
        }
      }),
      { numRuns: 15 },
    );
  });
});
