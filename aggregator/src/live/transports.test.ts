import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { createConnection, type AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import pino from 'pino';
import { Registry } from 'prom-client';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { sha } from '../api/server.fixture.js';
import { createServer } from '../api/server.js';
import { randomEvents } from '../query/event-list.fixture.js';
import { testTenant } from '../query/shop.fixture.js';
import { LiveHub } from './hub.js';
import { LiveMetrics } from './live-metrics.js';
import { event, liveStage, NOW } from './live.fixture.js';
import type { ServerMessage } from './protocol.js';

const open: FastifyInstance[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((app) => app.close()));
});

/** A real server on a loopback port. */
async function serve(isProtected = false) {
  const tenants = [testTenant('shop', { tokenSha256: [sha('secret')] }), testTenant('other')];
  const live = liveStage({ tenants, authRequired: isProtected });
  const handlers = new Set<(text: string) => void>();
  const announcements = {
    onAnnounce: (handler: (text: string) => void) => {
      handlers.add(handler);
      return () => handlers.delete(handler);
    },
  };
  const refusals: string[] = [];
  const metrics = new LiveMetrics(new Registry());
  const hub = new LiveHub({
    def: live.def,
    clock: live.clock,
    engine: live.engine,
    announcements,
    metrics,
    onError: () => undefined,
    pauseMs: 0,
  });
  hub.start();
  const app = createServer({
    def: live.def,
    clock: live.clock,
    log: pino({ level: 'silent' }),
    version: '0.1.0',
    engine: live.engine,
    live: hub,
    collect: null,
    operations: {
      ready: async () => [],
      status: async () => ({}),
      catalog: () => ({}),
      metrics: async () => ({ text: '', contentType: '' }),
    },
    staticDir: '',
    onRefusal: (code) => refusals.push(code),
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  open.push(app);
  const { port } = app.server.address() as AddressInfo;
  live.log.append(randomEvents(50, NOW - 60_000, NOW, 5), NOW);
  const flush = (...events: Parameters<typeof live.log.append>[0]): void => {
    const text = live.log.append(events, live.clock.now());
    for (const handler of handlers) handler(text);
  };
  return { app, hub, port, flush, refusals, clock: live.clock };
}

class Client {
  readonly socket: WebSocket;
  readonly #messages: ServerMessage[] = [];
  readonly #waiting: ((message: ServerMessage) => void)[] = [];

  constructor(port: number, headers: Record<string, string> = {}, path = '/api/v1/live') {
    this.socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, { headers });
    this.socket.on('message', (data: Buffer) => {
      const message = JSON.parse(data.toString()) as ServerMessage;
      const waiting = this.#waiting.shift();
      if (waiting === undefined) this.#messages.push(message);
      else waiting(message);
    });
  }

  async next(): Promise<ServerMessage> {
    const ready = this.#messages.shift();
    return ready ?? new Promise((resolve) => this.#waiting.push(resolve));
  }
}

/** The status and body that an upgrade was refused with. */
async function refusal(port: number, headers: Record<string, string>, path?: string): Promise<{ status: number; code: string }> {
  const { socket } = new Client(port, headers, path);
  socket.on('error', () => undefined);
  const [, response] = (await once(socket, 'unexpected-response')) as [unknown, NodeJS.ReadableStream & { statusCode: number }];
  let text = '';
  for await (const part of response) text += String(part);
  return { status: response.statusCode, code: (JSON.parse(text) as { error: { code: string } }).error.code };
}

/** An event stream whose connection is its own, so that nothing of it outlives the test. */
class EventClient {
  readonly response: IncomingMessage;
  #text = '';

  constructor(response: IncomingMessage) {
    this.response = response;
    response.setEncoding('utf8');
    response.on('data', (part: string) => (this.#text += part));
  }

  static async open(url: string, headers: Record<string, string> = {}): Promise<EventClient> {
    const [response] = (await once(get(url, { headers, agent: false }), 'response')) as [IncomingMessage];
    return new EventClient(response);
  }

  /** The next event; null: the stream has ended. */
  async next(): Promise<{ name: string; id: string; message: ServerMessage } | null> {
    for (;;) {
      const end = this.#text.indexOf('\n\n');
      if (end < 0) {
        if (this.response.readableEnded) return null;
        await Promise.race([once(this.response, 'data'), once(this.response, 'end')]);
        continue;
      }
      const lines = this.#text.slice(0, end).split('\n');
      this.#text = this.#text.slice(end + 2);
      const fields = new Map(lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]));
      const data = fields.get('data');
      if (data !== undefined)
        return { name: fields.get('event') ?? '', id: fields.get('id') ?? '', message: JSON.parse(data) as ServerMessage };
    }
  }
}

const QUERY = { measure: 'views', bucket: '10s' };

describe('the live API over WebSocket', () => {
  it('serves a snapshot and a delta after a flush', async () => {
    const { port, flush } = await serve();
    const client = new Client(port);
    await once(client.socket, 'open');
    client.socket.send(JSON.stringify({ type: 'subscribe', id: 'panel', spanMs: 60_000, query: QUERY }));
    expect(await client.next()).toMatchObject({ type: 'snapshot', id: 'panel', frames: [{ schema: { refId: 'A' } }] });
    flush(event(NOW - 1));
    expect(await client.next()).toMatchObject({ type: 'delta', id: 'panel', meta: { flushedAtMs: NOW } });
    client.socket.close();
  });

  it('refuses before the connection stands what every route refuses, with the same error body', async () => {
    const { port, refusals } = await serve(true);
    expect(await refusal(port, {})).toEqual({ status: 401, code: 'TOKEN_MISSING' });
    expect(await refusal(port, { authorization: 'Bearer wrong' })).toEqual({ status: 401, code: 'TOKEN_INVALID' });
    expect(await refusal(port, { authorization: 'Bearer secret', 'x-tidemark-tenant': 'other' })).toEqual({
      status: 403,
      code: 'FOREIGN_TENANT',
    });
    expect(await refusal(port, { authorization: 'Bearer secret', origin: 'https://evil.example' })).toEqual({
      status: 403,
      code: 'FOREIGN_ORIGIN',
    });
    expect(await refusal(port, { authorization: 'Bearer secret' }, '/api/v1/query')).toEqual({ status: 404, code: 'NOT_FOUND' });
    expect(refusals).toEqual(['TOKEN_MISSING', 'TOKEN_INVALID', 'FOREIGN_TENANT', 'FOREIGN_ORIGIN', 'NOT_FOUND']);
    const client = new Client(port, { authorization: 'Bearer secret', origin: `http://127.0.0.1:${port}` });
    await once(client.socket, 'open');
    client.socket.close();
  });

  it('survives clients that are not what they say: broken frames, huge messages, binary, gone at once', async () => {
    const { port } = await serve();
    const huge = new Client(port);
    await once(huge.socket, 'open');
    huge.socket.send('x'.repeat(100_000));
    const [code] = (await once(huge.socket, 'close')) as [number];
    expect(code).toBe(1009);
    const binary = new Client(port);
    await once(binary.socket, 'open');
    binary.socket.send(Buffer.from([1, 2, 3]));
    expect(await binary.next()).toMatchObject({ type: 'error', id: null, error: { code: 'LIVE_NOT_JSON' } });
    binary.socket.terminate();
    const raw = createConnection(port, '127.0.0.1');
    raw.write('GET /api/v1/live HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n');
    const [answer] = (await once(raw, 'data')) as [Buffer];
    expect(answer.toString()).toContain('400 Bad Request');
    raw.destroy();
    const client = new Client(port);
    await once(client.socket, 'open');
    client.socket.send(JSON.stringify({ type: 'subscribe', id: 'A', spanMs: 60_000, query: QUERY }));
    expect((await client.next()).type).toBe('snapshot');
    client.socket.close();
  });

  it('tells its clients why when the server stops, and does not keep it from stopping', async () => {
    const { app, port } = await serve();
    const client = new Client(port);
    await once(client.socket, 'open');
    const closed = once(client.socket, 'close');
    const stopped = app.close();
    expect(await client.next()).toMatchObject({ type: 'dropped', code: 'stopping' });
    expect((await closed)[0]).toBe(1001);
    await stopped;
  });
});

describe('the live API as server-sent events', () => {
  const address = (port: number, more: Record<string, string> = {}): string =>
    `http://127.0.0.1:${port}/api/v1/live?${new URLSearchParams({ query: JSON.stringify(QUERY), spanMs: '60000', ...more }).toString()}`;

  it('serves the same messages as events, and resumes by Last-Event-ID', async () => {
    const { port, flush } = await serve();
    const client = await EventClient.open(address(port), { accept: 'text/event-stream' });
    expect(client.response.headers['content-type']).toContain('text/event-stream');
    expect(await client.next()).toMatchObject({ name: 'snapshot', message: { type: 'snapshot', id: 'A' } });
    flush(event(NOW - 1));
    const second = await client.next();
    expect(second).toMatchObject({ name: 'delta', message: { type: 'delta', cursor: second?.id } });
    client.response.destroy();
    flush(event(NOW - 2));
    const again = await EventClient.open(address(port, { transport: 'sse' }), { 'last-event-id': second?.id ?? '' });
    expect(await again.next()).toMatchObject({ name: 'delta' });
    again.response.destroy();
  });

  it('refuses with a status what cannot be served: no such measure, a bad span, no JSON, no transport', async () => {
    const { port, hub } = await serve();
    const codes: unknown[] = [];
    for (const [more, accept] of [
      [{ query: '{"measure":"viewz"}' }, 'text/event-stream'],
      [{ spanMs: '10' }, 'text/event-stream'],
      [{ query: '{' }, 'text/event-stream'],
      [{ colour: 'red' }, 'text/event-stream'],
      [{}, '*/*'],
    ] as const) {
      const response = await fetch(address(port, more), { headers: { accept } });
      codes.push([response.status, ((await response.json()) as { error: { code: string } }).error.code]);
    }
    expect(codes).toEqual([
      [400, 'UNKNOWN_MEASURE'],
      [400, 'INVALID_PARAMETER'],
      [400, 'INVALID_PARAMETER'],
      [400, 'UNKNOWN_PARAMETER'],
      [426, 'UPGRADE_REQUIRED'],
    ]);
    await hub.stop();
    const response = await fetch(address(port, { transport: 'sse' }));
    expect(response.status).toBe(503);
  });

  it('ends the stream with a reason when the server stops', async () => {
    const { app, port } = await serve();
    const client = await EventClient.open(address(port, { transport: 'sse' }));
    await client.next();
    const stopped = app.close();
    expect(await client.next()).toMatchObject({ name: 'dropped', message: { code: 'stopping' } });
    expect(await client.next()).toBeNull();
    await stopped;
  });

  it('is described in OpenAPI', async () => {
    const { app } = await serve();
    const document: { paths: Record<string, { get?: { parameters?: { name: string }[] } }> } = (
      await app.inject('/api/v1/openapi.json')
    ).json();
    expect(document.paths['/api/v1/live'].get?.parameters?.map(({ name }) => name)).toEqual([
      'transport',
      'query',
      'spanMs',
      'resume',
      'id',
    ]);
  });
});
