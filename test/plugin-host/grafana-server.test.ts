// The host that stands in for Grafana's server in the browser's tests: the real binary, a real aggregator, Grafana's addresses.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { repositoryRoot } from '../support/repository-root.js';
import { buildTidemark, startTidemark, type Tidemark } from '../support/tidemark-process.js';
import { until } from '../support/until.js';
import { startGrafanaServer, type GrafanaServer } from './grafana-server.js';
import { buildPluginBinary } from './plugin-process.js';

const TOKEN = 'a-token-of-the-host-test-1b9e';

let folder: string;
let tidemark: Tidemark;
let grafana: GrafanaServer;

beforeAll(async () => {
  const [binary] = await Promise.all([buildPluginBinary(), buildTidemark()]);
  folder = await mkdtemp(join(tmpdir(), 'tidemark-host-'));
  tidemark = await startTidemark({
    definition: join(repositoryRoot(), 'test', 'plugin-backend', 'shop.yaml'),
    env: { TIDEMARK_DATA_DIR: folder, TIDEMARK_TENANTS_DEFAULT_TOKENS: TOKEN },
  });
  grafana = await startGrafanaServer({ binary, jsonData: { url: tidemark.url }, secureJsonData: { token: TOKEN } });
});
afterAll(async () => {
  await grafana?.close();
  await tidemark?.process.stop();
  await rm(folder, { recursive: true, force: true });
});

let sent = 0;

async function send(count: number): Promise<void> {
  sent += count;
  const ts = Date.now() - 1_000;
  const events = Array.from({ length: count }, (_, at) => ({ event_id: `${ts}-${at}`, ts, type: 'purchase', amount: 2.5 }));
  const response = await fetch(`${tidemark.url}/api/v1/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${TOKEN}` },
    body: JSON.stringify(events),
  });
  expect(await response.json()).toEqual({ accepted: count, refused: [] });
}

async function revenue(): Promise<number> {
  const response = await fetch(`${grafana.url}/api/ds/query`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      from: String(Date.now() - 600_000),
      to: String(Date.now()),
      queries: [
        { refId: 'A', datasource: { uid: grafana.uid }, maxDataPoints: 100, intervalMs: 1_000, measure: 'revenue', format: 'total' },
      ],
    }),
  });
  const { results } = (await response.json()) as { results: { A: { status: number; frames: { data: { values: number[][] } }[] } } };
  expect([response.status, results.A.status]).toEqual([200, 200]);
  return results.A.frames[0]?.data.values[0]?.[0] ?? 0;
}

/** Reads a channel until `done` says so. @returns its packets so far */
async function follow(data: object, done: (packets: Packet[]) => boolean): Promise<Packet[]> {
  const stop = new AbortController();
  const limit = setTimeout(() => stop.abort(new Error('the channel took too long')), 20_000);
  const channel = `ds/${grafana.uid}/${pathOf(JSON.stringify(data))}`;
  const packets: Packet[] = [];
  try {
    const address = `${grafana.url}/api/live/sse?${new URLSearchParams({ channel, data: JSON.stringify(data) }).toString()}`;
    const response = await fetch(address, { signal: stop.signal });
    const decoder = new TextDecoder();
    let text = '';
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      text += decoder.decode(chunk, { stream: true });
      const events = text.split('\n\n');
      text = events.pop() ?? '';
      for (const event of events) {
        if (event.startsWith('event: refused')) throw new Error(event);
        packets.push(JSON.parse(event.slice('data: '.length)) as Packet);
      }
      if (done(packets)) return packets;
    }
    throw new Error('the channel ended');
  } finally {
    clearTimeout(limit);
    stop.abort();
  }
}

interface Packet {
  readonly schema?: { readonly fields: readonly { readonly name: string }[] };
  readonly data: { readonly values: readonly (readonly number[])[] };
}

/** As the front end names a channel: FNV-1a of the data's text, forwards and backwards. */
function pathOf(text: string): string {
  const bytes = Buffer.from(text);
  const fnv = (part: Iterable<number>): string => {
    let sum = 0xcbf29ce484222325n;
    for (const byte of part) sum = BigInt.asUintN(64, (sum ^ BigInt(byte)) * 0x100000001b3n);
    return sum.toString(16).padStart(16, '0');
  };
  return `q/${fnv(bytes)}${fnv([...bytes].reverse())}`;
}

/** What a panel would show: of each time the last row. */
function shown(packets: readonly Packet[]): number {
  const rows = new Map<number, number>();
  for (const { data } of packets) data.values[0]?.forEach((time, row) => rows.set(time, data.values[1]?.[row] ?? 0));
  return [...rows.values()].reduce((sum, value) => sum + value, 0);
}

describe('the host of the browser tests', () => {
  it('answers queries through the binary', async () => {
    const before = await revenue();
    await send(4);
    await until('the events count', 20_000, async () => (await revenue()) === before + 10);
  });

  it('answers a wrong query with its words, and 400 as Grafana does', async () => {
    const response = await fetch(`${grafana.url}/api/ds/query`, {
      method: 'POST',
      body: JSON.stringify({ from: '0', to: '1', queries: [{ refId: 'A', measure: 'revenu' }] }),
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      results: { A: { status: 400, errorSource: 'downstream', error: expect.stringContaining('Did you mean "revenue"?') } },
    });
  });

  it('hands on resources and health, and forgets no secret when settings are saved', async () => {
    const own = `${grafana.url}/api/datasources/uid/${grafana.uid}`;
    const measures = (await (await fetch(`${own}/resources/catalog`)).json()) as { measures: { name: string }[] };
    expect(measures.measures.map(({ name }) => name)).toContain('revenue');
    expect(await (await fetch(`${own}/health`)).json()).toMatchObject({ status: 'OK' });
    const save = (jsonData: object): Promise<Response> =>
      fetch(own, { method: 'PUT', body: JSON.stringify({ name: 'Tidemark', jsonData }) });
    await save({ url: 'http://127.0.0.1:1' });
    const broken = await fetch(`${own}/health`);
    expect([broken.status, await broken.json()]).toEqual([
      400,
      { status: 'ERROR', message: expect.stringContaining('nothing listens there') as string },
    ]);
    const saved = await save({ url: tidemark.url });
    expect(JSON.stringify(await saved.json())).not.toContain(TOKEN);
    expect(await (await fetch(`${own}/health`)).json()).toMatchObject({ status: 'OK' });
  });

  it('carries a channel: first a frame with its schema, then what comes, over one stream for all who listen', async () => {
    const data = { query: { bucket: '1m', kind: 'metric', measure: 'purchases' }, spanMs: 3_600_000 };
    await send(2);
    // All that was sent before, so that nothing of it comes among what is waited for next.
    const first = await follow(data, (packets) => shown(packets) === sent);
    expect(first[0]?.schema?.fields.map(({ name }) => name)).toEqual(['time', 'purchases']);
    const before = shown(first);
    const runs = grafana.channels.runs;
    const both = [0, 1].map(() => follow(data, (packets) => shown(packets) >= before + 3));
    await send(3);
    for (const packets of await Promise.all(both)) {
      expect(packets[0]?.schema).toBeDefined();
      expect(shown(packets)).toBe(before + 3);
    }
    expect(grafana.channels.runs).toBe(runs);
  });

  it('refuses a channel whose path is not that of its query', async () => {
    const channel = `ds/${grafana.uid}/${pathOf('{}')}`;
    const response = await fetch(`${grafana.url}/api/live/sse?${new URLSearchParams({ channel, data: '{"query":{}}' }).toString()}`);
    expect(await response.text()).toMatch(/^event: refused\n/);
  });
});
