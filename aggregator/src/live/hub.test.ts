import { Registry } from 'prom-client';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Definition } from '../definition/model.js';
import { randomEvents } from '../query/event-list.fixture.js';
import { testTenant } from '../query/shop.fixture.js';
import type { LiveConnection, Wire } from './connection.js';
import { LiveHub } from './hub.js';
import { LiveMetrics } from './live-metrics.js';
import { event, LiveTable, liveStage, NOW } from './live.fixture.js';
import type { DropCode, ServerMessage } from './protocol.js';

const VIEWS = { measure: 'views', bucket: '10s' };

/** A client whose network can be held up. */
class FakeWire implements Wire {
  readonly transport = 'websocket';
  readonly written: Buffer[] = [];
  closed: DropCode | null = null;
  terminated = false;
  isThere = true;
  bufferedBytes = 0;

  write(bytes: Buffer): void {
    this.written.push(bytes);
  }

  close(code: DropCode): void {
    this.closed = code;
  }

  terminate(): void {
    this.terminated = true;
  }

  probe(): boolean {
    return this.isThere;
  }

  get messages(): ServerMessage[] {
    return this.written.map((bytes) => JSON.parse(bytes.toString()) as ServerMessage);
  }

  get types(): string[] {
    return this.messages.map(({ type }) => type);
  }
}

const hubs: LiveHub[] = [];

function stage(more: Partial<Definition> = {}) {
  const live = liveStage(more);
  const handlers = new Set<(text: string) => void>();
  const registry = new Registry();
  const evaluations = vi.spyOn(live.engine, 'evaluate');
  const hub = new LiveHub({
    def: live.def,
    clock: live.clock,
    engine: live.engine,
    announcements: {
      onAnnounce: (handler) => {
        handlers.add(handler);
        return () => handlers.delete(handler);
      },
    },
    metrics: new LiveMetrics(registry),
    onError: (error) => live.errors.push(error),
    pauseMs: 0,
  });
  hub.start();
  hubs.push(hub);
  live.log.append(randomEvents(50, NOW - 60_000, NOW, 5), NOW);
  const tenant = testTenant('shop');
  return {
    ...live,
    hub,
    registry,
    evaluations,
    handlers,
    tenant,
    flush: (...events: Parameters<typeof live.log.append>[0]): void => {
      const text = live.log.append(events, live.clock.now());
      for (const handler of handlers) handler(text);
    },
    connect: (who = tenant): { wire: FakeWire; connection: LiveConnection; send: (message: unknown) => void } => {
      const wire = new FakeWire();
      const connection = hub.connected(who, wire);
      const send = (message: unknown): void => hub.received(connection, typeof message === 'string' ? message : JSON.stringify(message));
      return { wire, connection, send };
    },
    /** Lets evaluations run, and moves timers and the clock. */
    pass: async (ms = 0): Promise<void> => {
      live.clock.nowMs += ms;
      await vi.advanceTimersByTimeAsync(ms);
      for (let turn = 0; turn < 30; turn++) await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

function subscribe(id = 'A', query: object = VIEWS, more: object = {}): object {
  return { type: 'subscribe', id, query, spanMs: 60_000, ...more };
}

describe('the live hub', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
  });

  afterEach(async () => {
    const stopped = Promise.all(hubs.splice(0).map((hub) => hub.stop()));
    await vi.advanceTimersByTimeAsync(2_000);
    await stopped;
    vi.useRealTimers();
  });

  it('equal questions share one evaluation and the very same bytes, however they are spelt', async () => {
    const live = stage();
    const [a, b] = [live.connect(), live.connect()];
    a.send(subscribe('A', { measure: 'views', bucket: '10s', kind: 'metric', refId: 'X' }));
    b.send(subscribe('A', { bucket: '10s', measure: 'views', groupBy: [] }));
    await live.pass();
    live.evaluations.mockClear();
    live.flush(event(NOW - 1));
    await live.pass();
    expect(live.evaluations).toHaveBeenCalledTimes(1);
    expect(a.wire.types).toEqual(['snapshot', 'delta']);
    expect(b.wire.written[1]).toBe(a.wire.written[1]);
    expect(await live.registry.getSingleMetricAsString('tidemark_live_queries')).toContain('tidemark_live_queries 1');
  });

  it('tenants never share, and a span is part of the question', async () => {
    const live = stage();
    live.connect().send(subscribe());
    live.connect(testTenant('other')).send(subscribe());
    live.connect().send(subscribe('A', VIEWS, { spanMs: 120_000 }));
    await live.pass();
    expect(await live.registry.getSingleMetricAsString('tidemark_live_queries')).toContain('tidemark_live_queries 3');
  });

  it('who is behind holds up nobody, and gets one delta for all that it missed', async () => {
    const live = stage();
    const [slow, quick] = [live.connect(), live.connect()];
    slow.send(subscribe());
    quick.send(subscribe());
    await live.pass();
    slow.wire.bufferedBytes = 1_000_000;
    for (const ageMs of [25_000, 15_000, 1]) {
      live.flush(event(NOW - ageMs));
      await live.pass();
    }
    expect(quick.wire.types).toEqual(['snapshot', 'delta', 'delta', 'delta']);
    expect(slow.wire.types).toEqual(['snapshot']);
    slow.wire.bufferedBytes = 0;
    await live.pass(300);
    expect(slow.wire.types).toEqual(['snapshot', 'delta']);
    const [mine, theirs] = [slow, quick].map(({ wire }) => {
      const table = new LiveTable();
      wire.messages.forEach((message) => table.apply(message));
      return table.cells;
    });
    expect(mine).toEqual(theirs);
    expect(await live.registry.getSingleMetricAsString('tidemark_live_coalesced_total')).toContain('tidemark_live_coalesced_total 1');
  });

  it('who stays behind is dropped and told why', async () => {
    const live = stage();
    const { wire, send } = live.connect();
    send(subscribe());
    await live.pass();
    wire.bufferedBytes = 1_000_000;
    live.flush(event(NOW - 1));
    await live.pass();
    await live.pass(19_000);
    expect(wire.closed).toBeNull();
    await live.pass(2_000);
    expect(wire.closed).toBe('slow');
    expect(wire.messages.at(-1)).toMatchObject({ type: 'dropped', code: 'slow', reason: expect.stringContaining('20 s') as string });
    expect(await live.registry.getSingleMetricAsString('tidemark_live_subscriptions')).toContain('tidemark_live_subscriptions 0');
  });

  it('says that it is there when nothing else was to be said, and ends who is not', async () => {
    const live = stage();
    const { wire } = live.connect();
    await live.pass(11_000);
    expect(wire.messages).toEqual([{ type: 'heartbeat', at: live.clock.now() }]);
    wire.isThere = false;
    await live.pass(31_000);
    expect(wire.terminated).toBe(true);
  });

  it('goes on with the clock when no flush comes', async () => {
    const live = stage();
    const { wire, send } = live.connect();
    send(subscribe());
    await live.pass();
    for (let second = 0; second < 12; second++) await live.pass(1_000);
    expect(wire.types).toEqual(['snapshot', 'heartbeat', 'delta']);
  });

  it('a store that fails is told once, and afterwards nothing is missing', async () => {
    const live = stage();
    const { wire, send } = live.connect();
    send(subscribe());
    await live.pass();
    live.hot.failure = new Error('redis is gone');
    live.cold.failure = new Error('clickhouse is gone');
    live.flush(event(NOW - 1), event(NOW - 15_000));
    for (let second = 0; second < 3; second++) await live.pass(1_000);
    expect(wire.types).toEqual(['snapshot', 'error']);
    expect(wire.messages[1]).toMatchObject({ id: 'A', ended: false, error: { code: 'INTERNAL' } });
    live.hot.failure = null;
    live.cold.failure = null;
    await live.pass(10_000);
    const table = new LiveTable();
    wire.messages.forEach((message) => table.apply(message));
    const sum = [...table.cells.values()].reduce((total, row) => total + Number([...row.values()][0]), 0);
    const expected = live.log.events.filter(({ tenant, timeMs }) => tenant === 'shop' && timeMs >= Math.min(...table.cells.keys())).length;
    expect(sum).toBe(expected);
  });

  it('a query that is wrong is refused in words, and the connection stands', async () => {
    const live = stage();
    const { wire, send } = live.connect();
    send(subscribe('A', { measure: 'viewz' }));
    send(subscribe('B', { kind: 'funnel' }));
    send(subscribe('C', { measure: 'views', bucket: '1s' }, { spanMs: 20 * 86_400_000 }));
    send(subscribe('D'));
    await live.pass();
    expect(wire.messages.slice(0, 3)).toMatchObject([
      { type: 'error', id: 'A', ended: true, error: { code: 'UNKNOWN_MEASURE', path: 'query.measure' } },
      { type: 'error', id: 'B', ended: true, error: { path: 'query.kind' } },
      { type: 'error', id: 'C', ended: true, error: { code: 'TOO_MANY_BUCKETS' } },
    ]);
    expect(wire.types.at(-1)).toBe('snapshot');
  });

  it('a message that cannot be used is answered with what to do; too many of them end the connection', async () => {
    const live = stage();
    const { wire, send } = live.connect();
    const bad = [
      'nonsense',
      '[]',
      '{"type":"subscibe"}',
      '{"type":"subscribe","id":"A","query":{},"spanMs":"1h"}',
      '{"type":"unsubscribe","id":"Z"}',
    ];
    for (const text of bad) send(text);
    expect(wire.messages.map((message) => (message.type === 'error' ? message.error.code : ''))).toEqual([
      'LIVE_NOT_JSON',
      'LIVE_NOT_AN_OBJECT',
      'LIVE_UNKNOWN_TYPE',
      'INVALID_FIELD',
      'LIVE_UNKNOWN_ID',
    ]);
    for (const message of wire.messages) expect(message.type === 'error' && message.error.remedy).not.toBe('');
    for (let more = bad.length; more < 20; more++) send('nonsense');
    expect(wire.closed).toBe('misbehaving');
  });

  it('who floods is dropped', async () => {
    const live = stage();
    const { wire, send } = live.connect();
    for (let count = 0; count < 600 && wire.closed === null; count++) send(subscribe('A', VIEWS, { spanMs: 60_000 + count }));
    expect(wire.closed).toBe('misbehaving');
  });

  it('quotas bound connections, subscriptions and distinct questions, and what is closed makes room', async () => {
    const live = stage();
    const quotas = { ...testTenant().quotas, liveSubscriptions: 2, liveQueries: 1 };
    const tenant = testTenant('small', { quotas });
    const [a, b] = [live.connect(tenant), live.connect(tenant)];
    expect(() => live.connect(tenant)).toThrow(expect.objectContaining({ status: 429 }) as Error);
    a.send(subscribe('A'));
    a.send(subscribe('B', { measure: 'buys' }));
    a.send(subscribe('C'));
    b.send(subscribe('A'));
    await live.pass();
    const codes = (wire: FakeWire): string[] =>
      wire.messages.map((message) => (message.type === 'error' ? message.error.code : message.type));
    expect(codes(a.wire)).toEqual(['QUOTA_LIVE_QUERIES', 'snapshot', 'snapshot']);
    expect(codes(b.wire)).toEqual(['QUOTA_LIVE_SUBSCRIPTIONS']);
    live.hub.disconnected(a.connection);
    b.send(subscribe('B', { measure: 'buys' }));
    await live.pass();
    expect(codes(b.wire).at(-1)).toBe('snapshot');
  });

  it('a question that nobody asks any more is not evaluated any more', async () => {
    const live = stage();
    const { send } = live.connect();
    send(subscribe('A'));
    await live.pass();
    send(subscribe('A', { measure: 'buys', bucket: '10s' }));
    await live.pass();
    send({ type: 'unsubscribe', id: 'A' });
    live.evaluations.mockClear();
    live.flush(event(NOW - 1));
    await live.pass(5_000);
    expect(live.evaluations).not.toHaveBeenCalled();
  });

  it('a client that comes back with its cursor gets what it lacks', async () => {
    const live = stage();
    const first = live.connect();
    first.send(subscribe());
    await live.pass();
    const told = first.wire.messages[0];
    live.hub.disconnected(first.connection);
    live.flush(event(NOW - 1));
    const again = live.connect();
    again.send(subscribe('A', VIEWS, { resume: told.type === 'snapshot' ? told.cursor : '' }));
    await live.pass();
    expect(again.wire.types).toEqual(['delta']);
  });

  it('tells everybody when the process stops, and ends the connections', async () => {
    const live = stage();
    const { wire, send } = live.connect();
    send(subscribe());
    await live.pass();
    const stopped = live.hub.stop();
    await vi.advanceTimersByTimeAsync(1_500);
    await stopped;
    expect(wire.messages.at(-1)).toMatchObject({ type: 'dropped', code: 'stopping', retryAfterMs: 1_000 });
    expect([wire.closed, wire.terminated]).toEqual(['stopping', true]);
    expect(live.handlers.size).toBe(0);
    expect(() => live.connect()).toThrow(expect.objectContaining({ status: 503 }) as Error);
  });
});
