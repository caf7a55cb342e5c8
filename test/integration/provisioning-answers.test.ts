// Every query of every bundled dashboard and alert rule, asked of a real aggregator with the definition that it is made for and
// with data in it: each is answered, and with something to see. The metrics that dashboards and rules ask Prometheus for are those
// that this aggregator serves.

import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readDockerfile } from '../support/dockerfile.js';
import { alertRules, asAsked, bundledDashboards, DASHBOARD_DEFINITIONS, promQueries, tidemarkQueries } from '../support/grafana-files.js';
import { repositoryRoot } from '../support/repository-root.js';
import { buildTidemark, startTidemark, type Tidemark } from '../support/tidemark-process.js';
import { until } from '../support/until.js';

const run = promisify(execFile);
const root = repositoryRoot();
const MINUTE_MS = 60_000;

/** The definition's own source and stores give way to embedded ones; measures and dimensions stay. */
const EMBEDDED = { TIDEMARK_HOT_KIND: 'memory', TIDEMARK_COLD_KIND: 'chdb' };

interface Served {
  readonly tidemark: Tidemark;
  readonly dataDir: string;
}

async function serve(definition: string, source: string): Promise<Served> {
  const dataDir = await mkdtemp(join(tmpdir(), 'tidemark-provisioning-'));
  const env = { ...EMBEDDED, TIDEMARK_SOURCE: source, TIDEMARK_DATA_DIR: dataDir };
  return { dataDir, tidemark: await startTidemark({ definition: join(root, 'definitions', `${definition}.yaml`), env }) };
}

/** Requests of two services over the last ten minutes, a tenth of them failed: as many as there must be for every panel. */
function requests(nowMs: number): string {
  const lines: string[] = [];
  for (let index = 0; index < 1_200; index++) {
    const failed = index % 10 === 0;
    const event = {
      request_id: `request-${index}`,
      time: nowMs - index * 500,
      service: index % 3 === 0 ? 'checkout' : 'catalogue',
      route: ['/orders/:id', '/products/:id', '/basket'][index % 3],
      method: index % 4 === 0 ? 'POST' : 'GET',
      status: failed ? (index % 20 === 0 ? 503 : 429) : 200,
      duration_ms: 20 + (index % 50) * 25,
      response_bytes: 500 + index,
      user: { id: `user-${index % 40}` },
      client: { ip: `203.0.113.${index % 20}` },
    };
    lines.push(JSON.stringify(event));
  }
  return lines.join('\n');
}

let shop: Served;
let http: Served;

beforeAll(async () => {
  await buildTidemark();
  shop = await serve('webshop', '{demo: {seed: 1, rate: 12, history: 100m}}');
  http = await serve('http-service', '{http: {}}');
  const sent = await fetch(`${http.tidemark.url}/api/v1/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
    body: requests(Date.now()),
  });
  expect(sent.status).toBeLessThan(300);
  const applied = async ({ tidemark }: Served, atLeast: number): Promise<boolean> =>
    (await tidemark.status()).partitions.reduce((sum, { applied: count }) => sum + count, 0) >= atLeast;
  // How much comes in a hundred minutes depends on the hour: history is there when it has reached the present.
  const upToNow = async ({ tidemark }: Served): Promise<boolean> => (await tidemark.status()).watermarkMs > Date.now() - 2 * MINUTE_MS;
  await until('the shop has history', 90_000, async () => (await applied(shop, 20_000)) && (await upToNow(shop)));
  await until('the requests are applied', 30_000, () => applied(http, 1_200));
}, 240_000);

afterAll(async () => {
  for (const served of [shop, http]) {
    await served?.tidemark.process.stop();
    if (served !== undefined) await rm(served.dataDir, { recursive: true, force: true });
  }
});

const servedFor = (definition: string | null): Served => (definition === 'webshop' ? shop : http);

/** @returns problems by place; a query without any value to show is one */
async function unanswered(
  { tidemark }: Served,
  queries: readonly { readonly where: string; readonly query: Record<string, unknown> }[],
  range: object,
): Promise<string[]> {
  const problems: string[] = [];
  for (const { where, query } of queries) {
    const answers = await tidemark.query({ ...range, maxDataPoints: 500, queries: [query] });
    const { status, error, frames } = answers[String(query['refId'])];
    if (status !== 200) problems.push(`${where}: ${status} ${error ?? ''}`);
    else if (!frames.some(({ data }) => data.values.some((column) => column.some((value) => value !== null))))
      problems.push(`${where}: empty`);
  }
  return problems;
}

describe('bundled dashboards', () => {
  it.each(bundledDashboards().filter(({ file }) => DASHBOARD_DEFINITIONS[file] !== null))(
    '$file: every panel and variable is answered, with something to see',
    async (bundled) => {
      const queries = tidemarkQueries(bundled);
      expect(await unanswered(servedFor(DASHBOARD_DEFINITIONS[bundled.file] ?? null), queries, { from: 'now-15m', to: 'now' })).toEqual([]);
    },
  );

  it('show the same numbers for all countries as without a filter', async () => {
    const [bundled] = bundledDashboards().filter(({ file }) => file === 'shop-overview.json');
    const query = tidemarkQueries(bundled).find(({ where }) => where.includes('Purchases,'))?.query ?? {};
    const nowMs = Date.now();
    const range = { from: nowMs - 10 * MINUTE_MS, to: nowMs - 4 * MINUTE_MS };
    const [filtered, all] = await Promise.all(
      [query, { ...query, filters: [] }].map(
        async (one) => (await shop.tidemark.query({ ...range, queries: [one] }))['A'].frames[0].data.values,
      ),
    );
    expect(Number(all[0][0])).toBeGreaterThan(0);
    expect(filtered).toEqual(all);
  });
});

describe('alert rules', () => {
  it('get numbers over their own ranges', async () => {
    const nowMs = Date.now();
    const problems: string[] = [];
    for (const { title, data } of alertRules()) {
      for (const { refId, datasourceUid, model, relativeTimeRange } of data) {
        // An hour ago there was no shop yet; that query is the same as the one beside it.
        if (datasourceUid !== 'tidemark' || relativeTimeRange.to >= 3_600) continue;
        const range = { from: nowMs - relativeTimeRange.from * 1_000, to: nowMs - relativeTimeRange.to * 1_000 };
        problems.push(...(await unanswered(shop, [{ where: `${title}, ${refId}`, query: asAsked(model) }], range)));
      }
    }
    expect(problems).toEqual([]);
  });
});

describe('metrics', () => {
  it('that dashboards and rules ask Prometheus for are those that the aggregator serves', async () => {
    const text = await (await fetch(`${shop.tidemark.url}/metrics`)).text();
    const served = new Set(
      [...text.matchAll(/^# TYPE (\S+) (\S+)/gm)].flatMap(([, name, type]) => [
        name,
        ...(type === 'histogram' ? [`${name}_bucket`, `${name}_count`, `${name}_sum`] : []),
      ]),
    );
    const expressions = [
      ...bundledDashboards().flatMap(promQueries),
      ...alertRules().flatMap(({ data }) => data.flatMap(({ model }) => (typeof model['expr'] === 'string' ? [model['expr']] : []))),
    ];
    const asked = expressions.flatMap((expression) => expression.match(/\b(tidemark|process|nodejs)_[a-z0-9_]+/g) ?? []);
    expect(new Set(asked).size).toBeGreaterThan(12);
    expect([...new Set(asked)].filter((name) => !served.has(name))).toEqual([]);
    const outcomes = new Set([...text.matchAll(/tidemark_ledger_records\{[^}]*outcome="(\w+)"/g)].map(([, outcome]) => outcome));
    const named = expressions.flatMap((expression) =>
      [...expression.matchAll(/outcome=~?"([\w|]+)"/g)].flatMap(([, list]) => list.split('|')),
    );
    for (const outcome of named) expect(outcomes).toContain(outcome);
  });
});

describe("the image's health check", () => {
  it('is content with a process that lives, and not with one that does not', async () => {
    const check =
      readDockerfile(join(root, 'Dockerfile'))
        .at(-1)
        ?.instructions.find(({ name }) => name === 'HEALTHCHECK')?.text ?? '';
    const [, ...args] = JSON.parse(check.slice(check.indexOf('['))) as string[];
    const asked = (port: number): Promise<unknown> =>
      run(process.execPath, args, { env: { ...process.env, TIDEMARK_SERVER_PORT: String(port) } });
    await expect(asked(shop.tidemark.port)).resolves.toBeDefined();
    await expect(asked(1)).rejects.toThrow();
  });
});
