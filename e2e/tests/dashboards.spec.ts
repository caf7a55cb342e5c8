// The bundled dashboards in a real Grafana: every panel is there without an error, and every query is answered by the Go backend.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@grafana/plugin-e2e';

interface Target {
  readonly refId: string;
  readonly datasource: { readonly type: string };
}
interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly templating: { readonly list: readonly { readonly name: string; readonly includeAll: boolean; readonly allValue?: string }[] };
  readonly panels: readonly { readonly title: string; readonly type: string; readonly targets?: readonly Target[] }[];
}

const folder = join(import.meta.dirname, '..', '..', 'src', 'dashboards');
const dashboards = readdirSync(folder).map((file): Dashboard => JSON.parse(readFileSync(join(folder, file), 'utf8')));
/** The stack runs the web shop's definition; nothing answers the queries of the HTTP service. */
const answered = dashboards.filter(({ uid }) => uid !== 'tidemark-http');

for (const { uid, title, panels } of answered) {
  test(`${title} shows every panel without an error`, async ({ gotoDashboardPage }) => {
    test.slow();
    const page = await gotoDashboardPage({ uid });
    for (const panel of panels.filter(({ type }) => type !== 'row')) {
      const shown = page.getPanelByTitle(panel.title);
      await shown.scrollIntoView();
      await expect(shown.locator, panel.title).toBeVisible();
      await expect(shown.getErrorIcon(), panel.title).not.toBeVisible();
    }
  });
}

test('every Tidemark query of the shop is answered with frames', async ({ request }) => {
  const [shop] = answered.filter(({ uid }) => uid === 'tidemark-shop');
  const all = Object.fromEntries(
    shop.templating.list.filter(({ includeAll }) => includeAll).map(({ name, allValue = '' }) => [name, allValue]),
  );
  for (const { title, targets = [] } of shop.panels) {
    for (const target of targets) {
      const text = JSON.stringify({
        ...target,
        datasource: { type: target.datasource.type, uid: 'tidemark' },
        maxDataPoints: 500,
        intervalMs: 10_000,
      });
      const query: unknown = JSON.parse(text.replace(/\$\{(\w+):regex\}/g, (_, name: string) => all[name]));
      const response = await request.post('/api/ds/query', { data: { from: 'now-15m', to: 'now', queries: [query] } });
      expect(response.status(), title).toBe(200);
      const { results } = (await response.json()) as { results: Record<string, { status: number; error?: string; frames: unknown[] }> };
      expect(results[target.refId], title).toMatchObject({ status: 200 });
      expect(results[target.refId].error, title).toBeUndefined();
      expect(results[target.refId].frames.length, title).toBeGreaterThan(0);
    }
  }
});

test('a variable narrows the panels down', async ({ gotoDashboardPage, page }) => {
  const asked = page.waitForRequest((request) => request.url().includes('/api/ds/query') && (request.postData() ?? '').includes('^DE$'));
  await gotoDashboardPage({ uid: 'tidemark-shop', queryParams: new URLSearchParams({ 'var-country': 'DE' }) });
  expect((await asked).postData()).toContain('"dimension":"country"');
});

test('live panels get new points without asking again', async ({ gotoDashboardPage, page }) => {
  const received = page
    .waitForEvent('websocket', (socket) => socket.url().includes('/api/live/ws'))
    .then((socket) =>
      socket.waitForEvent('framereceived', { predicate: ({ payload }) => payload.toString().includes('ds/tidemark/q/'), timeout: 30_000 }),
    );
  await gotoDashboardPage({ uid: 'tidemark-shop', queryParams: new URLSearchParams({ refresh: '' }) });
  expect((await received).payload.toString()).toContain('"data"');
});
