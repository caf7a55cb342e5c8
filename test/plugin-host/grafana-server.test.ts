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

async function send(count: number): Promise<void> {
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
});
