// Two tenants of one process with the same dimension values, users and event ids: neither sees anything of the other, whichever way it
// asks, and a token that is none opens nothing.

import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { refusal, Served, type Columns } from './served.js';

const TOKENS = { alpha: 'alpha-token-0123456789', beta: 'beta-token-9876543210' } as const;
type Tenant = keyof typeof TOKENS;
const TENANTS: readonly Tenant[] = ['alpha', 'beta'];
const as = (tenant: Tenant): Record<string, string> => ({ authorization: `Bearer ${TOKENS[tenant]}` });
const HOUR_MS = 3_600_000;

/** What each tenant has sent: now, and hours ago. The same ids and users; a secret of its own in every string. */
const COUNTS = { alpha: 30, beta: 70 } as const;

let served: Served;
let sent = 0;

beforeAll(async () => {
  served = await Served.start(join(import.meta.dirname, 'tenants.yaml'), {
    TIDEMARK_TENANTS_ALPHA_TOKENS: TOKENS.alpha,
    TIDEMARK_TENANTS_BETA_TOKENS: TOKENS.beta,
  });
  for (const tenant of TENANTS) {
    const now = Date.now();
    const events = Array.from({ length: 2 * COUNTS[tenant] }, (_, i) => ({
      event_id: `${tenant}-${i}`,
      ts: i % 2 === 0 ? now - 5_000 : now - 30 * HOUR_MS,
      tenant,
      user_id: i % 4 < 2 ? 'shared-user' : `${tenant}-secret-user`,
      geo: { country: i % 3 === 0 ? 'DE' : `${tenant}-secret-country` },
      device: `${tenant}-secret-device`,
      amount: 1,
    }));
    const reply = await served.post('/api/v1/events', events, as(tenant));
    expect([reply.status, reply.body]).toEqual([200, { accepted: events.length, refused: [] }]);
    sent += events.length;
  }
  await served.ledgerAt(sent, as('alpha'));
});
afterAll(async () => {
  await served?.stop();
});

const other = (tenant: Tenant): Tenant => (tenant === 'alpha' ? 'beta' : 'alpha');

/** The answer as text must not contain a word of the other tenant. */
function expectOwn(tenant: Tenant, columns: Columns): void {
  expect(JSON.stringify(columns)).not.toContain(`${other(tenant)}-secret`);
}

describe('a tenant asks', () => {
  const NOW = { from: 'now-10m' };
  const LONG_AGO = { from: 'now-40h', to: 'now-20h' };

  it.each([
    ['the hot tier', NOW, 'country'],
    ['the cold tier, where no hot grouping has the dimension', NOW, 'device'],
    ['history', LONG_AGO, 'country'],
  ] as const)('%s, and sees its own numbers alone', async (_, range, dimension) => {
    for (const tenant of TENANTS) {
      expect((await served.columns({ measure: 'events', format: 'total' }, as(tenant), range)).values).toEqual([[COUNTS[tenant]]]);
      const groups = await served.columns({ measure: 'revenue', format: 'total', groupBy: [dimension] }, as(tenant), range);
      expectOwn(tenant, groups);
      expect(groups.values.flat().reduce<number>((sum, value) => sum + Number(value), 0)).toBe(COUNTS[tenant]);
      const foreign = [{ dimension, op: '=', value: `${other(tenant)}-secret-${dimension}` }];
      expect(
        (await served.columns({ measure: 'events', format: 'total', filters: foreign }, as(tenant), range)).values
          .flat()
          .filter((value) => value !== 0),
      ).toEqual([]);
      const pattern = [{ dimension, op: '=~', value: '.*' }];
      expectOwn(tenant, await served.columns({ measure: 'events', groupBy: [dimension], filters: pattern }, as(tenant), range));
    }
  });

  it.each([NOW, LONG_AGO])('for values, raw events and rankings of %o', async (range) => {
    for (const tenant of TENANTS) {
      const values = await served.columns({ kind: 'values', dimension: 'country' }, as(tenant), range);
      expect(new Set(values.values[0])).toEqual(new Set(['DE', `${tenant}-secret-country`]));
      const searched = await served.columns({ kind: 'values', dimension: 'country', search: other(tenant) }, as(tenant), range);
      expect(searched.values).toEqual([]);
      const events = await served.columns({ kind: 'events', limit: 1_000 }, as(tenant), range);
      expectOwn(tenant, events);
      expect(events.values[0]).toHaveLength(COUNTS[tenant]);
      const top = await served.columns({ kind: 'top', measure: 'top_users' }, as(tenant), range);
      expectOwn(tenant, top);
      expect(top.values[1].reduce<number>((sum, weight) => sum + Number(weight), 0)).toBe(COUNTS[tenant]);
      expect((await served.columns({ measure: 'visitors', format: 'total' }, as(tenant), range)).values).toEqual([[2]]);
    }
  });

  it('the same question as the other, one after the other and at once: no cache and no shared execution mixes them', async () => {
    const question = { measure: 'events', bucket: '1h', groupBy: ['country'], fill: 'none' };
    const range = { from: Date.now() - 40 * HOUR_MS, to: Date.now() - 20 * HOUR_MS };
    const count = async (tenant: Tenant): Promise<number> => {
      const columns = await served.columns(question, as(tenant), range);
      expectOwn(tenant, columns);
      return columns.values
        .slice(1)
        .flat()
        .reduce<number>((sum, value) => sum + Number(value), 0);
    };
    for (let round = 0; round < 5; round++) {
      for (const tenant of TENANTS) expect(await count(tenant)).toBe(COUNTS[tenant]);
      const both = await Promise.all(Array.from({ length: 20 }, (_, i) => count(TENANTS[i % 2])));
      expect(both).toEqual(Array.from({ length: 20 }, (_, i) => COUNTS[TENANTS[i % 2]]));
    }
  });

  it('the series endpoint, as JSON and as CSV', async () => {
    for (const tenant of TENANTS) {
      const json = await served.get('/api/v1/series/events?start=now-40h&granularity=1h&dimensions=country,device', as(tenant));
      expect(json.status).toBe(200);
      expect(JSON.stringify(json.body)).toContain(`${tenant}-secret-country`);
      expect(JSON.stringify(json.body)).not.toContain(`${other(tenant)}-secret`);
      const csv = await served.get('/api/v1/series/events?start=now-10m&dimensions=country&format=csv', as(tenant));
      expect(String(csv.body)).toContain(`${tenant}-secret-country`);
      expect(String(csv.body)).not.toContain(`${other(tenant)}-secret`);
    }
  });
});

describe('a tenant sends', () => {
  it('events of the other, of nobody and of none: they are refused and stored nowhere', async () => {
    const ts = Date.now() - 1_000;
    const reply = await served.post(
      '/api/v1/events',
      [{ ts, tenant: 'beta' }, { ts, tenant: 'nobody' }, { ts }, { ts, tenant: "alpha' OR 1=1 --" }, { ts, tenant: 'ALPHA' }],
      as('alpha'),
    );
    expect(reply.status).toBe(400);
    expect((reply.body as { refused: { reason: string }[] }).refused.map(({ reason }) => reason)).toEqual([
      'foreign_tenant',
      'unknown_tenant',
      'unknown_tenant',
      'unknown_tenant',
      'unknown_tenant',
    ]);
    expect((await served.ledgerAt(sent, as('alpha'))).consumed).toBe(sent);
  });

  it('a flood of values: the cap of the other is its own', async () => {
    const ts = Date.now() - 1_000;
    const flood = Array.from({ length: 500 }, (_, i) => ({ event_id: `flood-${i}`, ts, tenant: 'alpha', geo: { country: `flood ${i}` } }));
    expect((await served.post('/api/v1/events', flood, as('alpha'))).status).toBe(200);
    const fresh = Array.from({ length: 10 }, (_, i) => ({ event_id: `fresh-${i}`, ts, tenant: 'beta', geo: { country: `fresh ${i}` } }));
    expect((await served.post('/api/v1/events', fresh, as('beta'))).status).toBe(200);
    sent += flood.length + fresh.length;
    await served.ledgerAt(sent, as('alpha'));
    const names = async (tenant: Tenant): Promise<Set<unknown>> =>
      new Set(
        (await served.columns({ measure: 'events', format: 'total', groupBy: ['country'] }, as(tenant))).fields.map(
          ({ labels }) => labels?.['country'],
        ),
      );
    expect((await names('alpha')).has('__other__')).toBe(true);
    expect((await names('alpha')).size).toBe(21);
    const beta = await names('beta');
    expect(beta.has('__other__')).toBe(false);
    expect(fresh.every(({ geo }) => beta.has(geo.country))).toBe(true);
  });
});

describe('a token', () => {
  const paths = ['/api/v1/status', '/api/v1/catalog', '/api/v1/series/events'];

  it.each([
    ['that is missing', {}],
    ['that is nobody’s', { authorization: 'Bearer wrong' }],
    ['that is empty', { authorization: 'Bearer ' }],
    ['of another scheme', { authorization: `Basic ${Buffer.from(`alpha:${TOKENS.alpha}`).toString('base64')}` }],
    ['cut by one character', { authorization: `Bearer ${TOKENS.alpha.slice(0, -1)}` }],
    ['with one character more', { authorization: `Bearer ${TOKENS.alpha}x` }],
    ['in another case', { authorization: `Bearer ${TOKENS.alpha.toUpperCase()}` }],
    ['with SQL in it', { authorization: "Bearer '/**/OR/**/1=1--" }],
    ['twice', { authorization: `Bearer ${TOKENS.alpha} ${TOKENS.beta}` }],
    ['that is very long', { authorization: `Bearer ${'x'.repeat(4_000)}` }],
    ['as its hash', { authorization: `Bearer ${createHash('sha256').update(TOKENS.alpha).digest('hex')}` }],
  ])('%s opens nothing', async (_, headers) => {
    for (const path of paths) {
      const reply = await served.get(path, headers as Record<string, string>);
      expect([reply.status, reply.headers.get('www-authenticate')?.startsWith('Bearer')], path).toEqual([401, true]);
      expect(JSON.stringify(refusal(reply))).not.toMatch(/alpha|beta/);
    }
    for (const path of ['/api/v1/query', '/api/v1/events']) {
      expect((await served.post(path, '{', headers as Record<string, string>)).status).toBe(401);
    }
  });

  it('of one tenant does not open the other, though the header asks for it', async () => {
    const reply = await served.get('/api/v1/series/events', { ...as('alpha'), 'x-tidemark-tenant': 'beta' });
    expect([reply.status, refusal(reply).code]).toEqual([403, 'FOREIGN_TENANT']);
    // A tenant that is not there is answered alike, so that names cannot be tried out.
    const nobody = await served.get('/api/v1/series/events', { ...as('alpha'), 'x-tidemark-tenant': 'nobody' });
    expect([nobody.status, nobody.body]).toEqual([reply.status, reply.body]);
  });

  it('is in no log line and in no metric', async () => {
    const everything =
      JSON.stringify(served.tidemark.log()) +
      String((await served.get('/metrics')).body) +
      JSON.stringify((await served.get('/readyz')).body);
    for (const token of Object.values(TOKENS)) expect(everything).not.toContain(token);
    expect(everything).not.toContain('-secret-');
  });
});

it('after all of it every record is accounted for', async () => {
  const { consumed, applied, duplicates, deadLettered } = await served.ledgerAt(sent, as('beta'));
  expect(consumed).toBe(sent);
  expect({ applied, duplicates, deadLettered }).toEqual({ applied: sent, duplicates: 0, deadLettered: 0 });
  expect(served.tidemark.log().filter((line) => line['level'] === 'error' || line['level'] === 'fatal')).toEqual([]);
});
