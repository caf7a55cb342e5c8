// For tests: the HTTP server over the query engine and two tiers of listed events.

import { createHash } from 'node:crypto';
import pino from 'pino';
import type { Definition, Tenant } from '../definition/model.js';
import { QueryEngine } from '../query/engine.js';
import { ListCold, ListFreshness, ListHot, randomEvents, TEST_BINS, TestClock, type TestEvent } from '../query/event-list.fixture.js';
import { testDefinition, testTenant } from '../query/shop.fixture.js';
import type { CollectAnswer } from './collect.js';
import type { Dependency } from './routes/operations.js';
import { createServer } from './server.js';

export const [S, M, H, D] = [1_000, 60_000, 3_600_000, 86_400_000];
export const NOW = Date.UTC(2025, 5, 10, 12, 0, 30);
export const EVENTS = randomEvents(3_000, NOW - 2 * H, NOW, 21);
export const sha = (token: string): string => createHash('sha256').update(token).digest('hex');
export const NO_QUOTAS = testTenant().quotas;

export interface Given {
  readonly def?: Partial<Definition>;
  readonly events?: TestEvent[];
  readonly staticDir?: string;
  readonly dependencies?: readonly Dependency[];
  readonly answer?: CollectAnswer;
}

/** A server that does not listen, and what stands behind it. */
export function bench(given: Given = {}) {
  const def = testDefinition(given.def);
  const events = given.events ?? EVENTS;
  const clock = new TestClock(NOW);
  const [hot, cold] = [new ListHot(def, events, clock, 0), new ListCold(def, events)];
  const logged: string[] = [];
  const refusals: string[] = [];
  const collected: { tenant: string; texts: string[] }[] = [];
  const log = pino({ level: 'info' }, { write: (line: string) => logged.push(line) });
  const engine = new QueryEngine({
    def,
    hot,
    cold,
    freshness: new ListFreshness(def, events, clock),
    bins: TEST_BINS,
    clock,
    onError: (error) => log.error(error),
  });
  const app = createServer({
    anomalies: cold,
    def,
    clock,
    log,
    version: '0.1.0',
    engine,
    staticDir: given.staticDir ?? '',
    newRequestId: () => 'request-1',
    collect: async (tenant, list) => {
      collected.push({ tenant, texts: list.map(String) });
      return given.answer ?? { accepted: list.length, refused: [] };
    },
    operations: {
      ready: async () => given.dependencies ?? [{ name: 'hot', ok: true, detail: 'memory' }],
      status: async () => ({ name: def.name }),
      catalog: () => ({ measures: def.measures.map((measure) => measure.name) }),
      metrics: async () => ({ text: 'tidemark_up 1\n', contentType: 'text/plain; version=0.0.4' }),
    },
    onRefusal: (code) => refusals.push(code),
  });
  const post = (url: string, body: unknown, headers: Record<string, string> = {}) =>
    app.inject({
      method: 'POST',
      url,
      headers: { 'content-type': 'application/json', ...headers },
      payload: typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body),
    });
  const query = (more: object, headers: Record<string, string> = {}) =>
    post('/api/v1/query', { from: 'now-1h', to: 'now', queries: [{ refId: 'A', measure: 'views', ...more }] }, headers);
  const get = (url: string, headers: Record<string, string> = {}) => app.inject({ method: 'GET', url, headers });
  return { def, clock, hot, cold, logged, refusals, collected, app, post, query, get };
}

export const TENANTS: Tenant[] = [
  testTenant('shop', { tokenSha256: [sha('old-shop'), sha('secret-shop')] }),
  testTenant('other', { tokenSha256: [sha('secret-other')] }),
];
