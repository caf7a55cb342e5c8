/// <reference lib="dom" />
// What goes wrong where people use it, through the real backend binary: each time the page says in words what is wrong and what to do, goes
// on once it is right again, and nothing is thrown.

import type { Page, Route } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { GrafanaSession, PATIENCE_MS, pointsOf } from './grafana-session.js';
import { openShop, type Shop } from './shop.js';

/** Grafana answers a query that failed with 400, and what a resource fails with is passed on. */
const REFUSED = /^(?:console: Failed to load resource: the server responded with a status of|400 |401 |403 |502 |504 )/;
const ANOMALY = 'tidemark-anomaly-panel';
const EVENTS = { measure: 'events', bucket: '10s' };

let session: GrafanaSession;
let page: Page;

beforeAll(async () => {
  session = await GrafanaSession.open();
  ({ page } = session);
});
afterAll(() => session?.close());
afterEach(async () => {
  await page.unroute('**/api/ds/query');
  expect(session.watched.complaints().filter((text) => !REFUSED.test(text))).toEqual([]);
});

function saysSo(words: RegExp): Promise<void> {
  return page.getByRole('alert').getByText(words).first().waitFor({ timeout: PATIENCE_MS });
}

async function refresh(): Promise<void> {
  await page.getByTestId('data-testid RefreshPicker run button').click();
}

describe('the aggregator', () => {
  afterEach(() => session.configure({ url: session.shop.url }));

  it('is not where the settings say', async () => {
    await session.configure({ url: 'http://127.0.0.1:1' });
    await session.openDashboard([{ type: ANOMALY, title: 'Lines', queries: [EVENTS] }]);
    await saysSo(/nothing listens there/);
    await page
      .getByText(/Start the aggregator, or correct host and port/)
      .first()
      .waitFor();
    await session.configure({ url: session.shop.url });
    await refresh();
    await session.shown('panel-1', 'points', (frames) => pointsOf(frames).size > 0);
  });

  it('is something else', async () => {
    await session.configure({ url: session.grafana.url });
    await session.openDashboard([{ type: ANOMALY, title: 'Lines', queries: [EVENTS] }]);
    await saysSo(/aggregator/i);
  });

  it('does not know the token', async () => {
    let locked: Shop | undefined;
    try {
      locked = await openShop({ TIDEMARK_TENANTS_DEFAULT_TOKENS: 'the-right-one-of-this-test' });
      await session.configure({ url: locked.url }, { token: 'a-wrong-one' });
      await session.openDashboard([{ type: ANOMALY, title: 'Lines', queries: [EVENTS] }]);
      await saysSo(/token/i);
      await page.goto(`${session.grafana.url}/explore`);
      await page.getByText(/The catalogue cannot be read/).waitFor({ timeout: PATIENCE_MS });
      await page.goto(`${session.grafana.url}/a/tidemark-realtime-app/setup`);
      await page.locator('main').getByText(/token/i).first().waitFor({ timeout: PATIENCE_MS });
    } finally {
      await locked?.close();
    }
  });

  it('stops while a dashboard is open, and comes back', async () => {
    const live = { ...EVENTS, live: true };
    await session.openDashboard([
      { type: ANOMALY, title: 'Lines', queries: [EVENTS] },
      { type: ANOMALY, title: 'Live', queries: [live] },
      { type: 'tidemark-swimlane-panel', title: 'Lanes', queries: [{ ...EVENTS, groupBy: ['country'] }] },
    ]);
    await session.shown('panel-3', 'points', (frames) => pointsOf(frames).size > 0);
    await session.shop.stop();
    await refresh();
    await saysSo(/nothing listens there|cannot be reached/);
    await session.shop.start();
    await refresh();
    for (const key of ['panel-1', 'panel-2', 'panel-3']) {
      await session.shown(key, `${key} again`, (frames) => frames[0]?.state !== 'Error' && pointsOf(frames).size > 0);
    }
  }, 240_000);
});

describe('a query', () => {
  it('is no JSON in the JSON mode: the editor and the panel say where, and the other query is answered', async () => {
    const broken = { editorMode: 'json', json: '{ "measure": "events", }' };
    await session.explore(broken);
    await page
      .getByText(/line 1|position|Unexpected|JSON/)
      .first()
      .waitFor({ timeout: PATIENCE_MS });
    await session.openDashboard([{ type: ANOMALY, title: 'Half', queries: [EVENTS, broken] }]);
    await saysSo(/B: /);
    await session.shown('panel-1', 'the other query', (frames) => pointsOf(frames).size > 0);
  });

  it('has a variable in it that has no values', async () => {
    const filters = [{ dimension: 'country', op: '=', value: '$nowhere' }];
    await session.openDashboard([{ type: ANOMALY, title: 'Lines', queries: [{ ...EVENTS, filters }] }], '', [
      {
        type: 'query',
        name: 'nowhere',
        query: { refId: 'V', list: 'values', dimension: 'country', filters: [{ dimension: 'country', op: '=', value: 'XX' }] },
        refresh: 2,
        multi: true,
        includeAll: false,
      },
    ]);
    await session.shown('panel-1', 'an answer', () => true);
  });

  it('is of a time that is still to come', async () => {
    await session.openDashboard(
      [
        { type: ANOMALY, title: 'Lines', queries: [EVENTS] },
        { type: ANOMALY, title: 'Judged', queries: [{ ...EVENTS, kind: 'anomaly' }] },
        { type: 'tidemark-swimlane-panel', title: 'Lanes', queries: [EVENTS] },
        { type: 'tidemark-funnel-panel', title: 'Steps', queries: [{ measure: 'events', format: 'total' }] },
      ],
      '&from=now%2B1h&to=now%2B2h',
    );
    await page
      .getByText(/No data in this time range/)
      .first()
      .waitFor({ timeout: PATIENCE_MS });
    await page.waitForFunction(() => document.querySelectorAll('[aria-label="Panel loading bar"]').length === 0);
  });
});

describe('a panel', () => {
  const ALL_KINDS = [
    { type: ANOMALY, title: 'Lines', queries: [EVENTS] },
    { type: ANOMALY, title: 'Judged', queries: [{ ...EVENTS, kind: 'anomaly' }] },
    { type: 'tidemark-swimlane-panel', title: 'Lanes', queries: [{ ...EVENTS, groupBy: ['country'] }] },
    { type: 'tidemark-funnel-panel', title: 'Steps', queries: [{ measure: 'events', format: 'total' }] },
  ];

  it('has no width, and then has some', async () => {
    const size = page.viewportSize();
    await session.openDashboard(ALL_KINDS);
    await session.shown('panel-3', 'points', (frames) => pointsOf(frames).size > 0);
    for (const width of [1, 40, 90, 200]) {
      await page.setViewportSize({ width, height: 600 });
      await page.waitForTimeout(300);
    }
    await page.addStyleTag({ content: 'main { display: none !important; }' }).then(async (style) => {
      await page.waitForTimeout(300);
      await style.evaluate((node) => (node as Element).remove());
    });
    await page.setViewportSize(size ?? { width: 1400, height: 900 });
    await page.locator('.u-over').first().waitFor({ timeout: PATIENCE_MS });
  });

  it('is given 5,000 series', async () => {
    const count = 5_000;
    const times = Array.from({ length: 60 }, (_, index) => Date.now() - (60 - index) * 5_000);
    const frame = {
      schema: {
        refId: 'A',
        meta: { type: 'timeseries-wide', typeVersion: [0, 1] },
        fields: [
          { name: 'time', type: 'time', typeInfo: { frame: 'time.Time' } },
          ...Array.from({ length: count }, (_, index) => ({
            name: 'events',
            type: 'number',
            typeInfo: { frame: 'float64', nullable: true },
            labels: { shop: `shop-${index}` },
          })),
        ],
      },
      data: { values: [times, ...Array.from({ length: count }, (_, index) => times.map((_time, at) => (index * 7 + at) % 101))] },
    };
    await page.route('**/api/ds/query*', (route: Route) => route.fulfill({ json: { results: { A: { status: 200, frames: [frame] } } } }));
    for (const type of [ANOMALY, 'tidemark-swimlane-panel']) {
      const startedMs = performance.now();
      await session.openDashboard([{ type, title: 'Many', queries: [{ ...EVENTS, groupBy: ['country'] }] }]);
      await page
        .getByRole('group', { name: /5000 series|5,000 series|Many/ })
        .first()
        .waitFor({ timeout: PATIENCE_MS });
      console.log(`${type}: ${Math.round(performance.now() - startedMs)} ms until it is there`);
    }
  }, 240_000);
});
