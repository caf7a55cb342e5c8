/// <reference lib="dom.iterable" />
/// <reference lib="dom" />
// The built plugin in Chromium as Grafana runs it: every query, resource, health check and live channel goes through the real backend
// binary to a real aggregator. Nothing may be logged as an error, and nothing may leave this machine.

import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../support/until.js';
import { EVENTS_PER_SECOND, GrafanaSession, PATIENCE_MS, pointsOf, sumOf } from './grafana-session.js';
import { framesOf } from './panel-frames.js';
import { eventsAt } from './shop.js';

let session: GrafanaSession;
let page: Page;

beforeAll(async () => {
  session = await GrafanaSession.open();
  ({ page } = session);
});
afterAll(() => session?.close());
afterEach(() => {
  expect(session.watched.complaints()).toEqual([]);
});

let usedMs = 0;

/** The second that is now, which no other events of these tests are in. @returns its begin, epoch ms */
async function ownSecond(): Promise<number> {
  const now = (): number => Math.floor(Date.now() / 1_000) * 1_000;
  await until('the next second', 3_000, () => Promise.resolve(now() > usedMs), 20);
  usedMs = now();
  return usedMs;
}

describe('the query editor', () => {
  it('builds a query by clicking, and says below it how it was answered', async () => {
    await page.goto(`${session.grafana.url}/explore`);
    await page.getByText('Choose a measure.').waitFor({ timeout: PATIENCE_MS });
    await page.getByLabel('Measure').click();
    await page.getByRole('option', { name: /^page_views/ }).click();
    await page.getByLabel('Group by').click();
    await page.getByRole('option', { name: /^country/ }).click();
    await page.keyboard.press('Escape');
    const frames = await session.shown('explore', 'a line for each country', ([frame]) => frame?.fields.length === 5);
    const countries = frames[0]?.fields.slice(1).map(({ labels }) => labels['country']) ?? [];
    expect(countries.sort()).toEqual(['AT', 'CH', 'DE', 'FR']);
    await page
      .getByTestId('tidemark-answer')
      .getByText(/hot|cold|bucket/i)
      .first()
      .waitFor({ timeout: PATIENCE_MS });
    await page.locator('.u-over').first().waitFor({ timeout: PATIENCE_MS });
  });

  it('changes a panel of a dashboard once the change is applied', async () => {
    const [key = ''] = await session.openShopDashboard('Revenue by country');
    await session.shown(key, 'the panel as it is stored', ([frame]) => (frame?.fields.length ?? 0) > 2);
    for (const done of ['Discard', 'Apply']) {
      await page.getByTestId('data-testid Panel header Revenue by country').hover();
      await page.getByRole('button', { name: /Menu for panel/ }).click();
      await page.getByRole('menuitem', { name: 'Edit' }).click();
      const editor = page.getByRole('dialog');
      await editor.getByLabel('Measure').click();
      await page.getByRole('option', { name: /^items_sold/ }).click();
      // Nobody is as fast as a test: the draft has it a moment after the field does.
      const query = editor.getByRole('region', { name: 'Query A' });
      await query
        .getByText(/^items_sold/)
        .first()
        .waitFor({ timeout: PATIENCE_MS });
      await editor.getByRole('button', { name: done }).click();
      await editor.waitFor({ state: 'detached', timeout: PATIENCE_MS });
      if (done === 'Discard') await session.shown(key, 'the panel as it was', ([frame]) => frame?.fields[1]?.name === 'revenue');
    }
    await session.shown(key, 'the panel with the other measure', ([frame]) => frame?.fields[1]?.name === 'items_sold');
  });
});

describe('variables and filters', () => {
  it('ask for what was chosen: one value of a variable, then a filter on any dimension', async () => {
    const [key = ''] = await session.openShopDashboard('Purchases');
    const german = { dimension: 'country', op: '=', value: 'DE' };
    const [all, ofGermany] = [await session.total('purchases'), await session.total('purchases', [german])];
    expect(ofGermany).toBeLessThan(all);
    await session.shown(key, 'all purchases', (frames) => valueOf(frames) === all);
    await page.getByLabel('Country').click();
    await page.getByTestId('data-testid Select option').getByText('DE', { exact: true }).click();
    // A choice of several counts once the field is left.
    await page.keyboard.press('Tab');
    await session.shown(key, 'purchases of one country', (frames) => valueOf(frames) === ofGermany);
    expect(new URL(page.url()).searchParams.getAll('var-country')).toEqual(['DE']);

    const mobile = await session.total('purchases', [german, { dimension: 'device', op: '=', value: 'mobile' }]);
    await page.getByPlaceholder(/label/).click();
    for (const word of [/^device/i, /^= /, /^mobile/]) await page.getByRole('option', { name: word }).first().click();
    await session.shown(key, 'purchases of one country and device', (frames) => valueOf(frames) === mobile);
    expect(new URL(page.url()).searchParams.get('var-filters')).toContain('device');
  });

  it('are taken from the address, as a shared link has them', async () => {
    const [key = ''] = await session.openShopDashboard('Purchases');
    await page.goto(`${page.url().split('?')[0]}?refresh=&var-country=AT&var-country=CH`);
    const some = await session.total('purchases', [{ dimension: 'country', op: 'in', values: ['AT', 'CH'] }]);
    await session.shown(key, 'purchases of two countries', (frames) => valueOf(frames) === some);
  });
});

describe('a chart', () => {
  it('zooms the whole dashboard into the range that is dragged', async () => {
    await session.explore({ measure: 'events', bucket: '1s' });
    await session.shown('explore', 'points', (frames) => pointsOf(frames).size > 200);
    const box = await page.locator('.u-over').first().boundingBox();
    expect(box).not.toBeNull();
    const { x, y, width, height } = box!;
    await page.mouse.move(x + width * 0.3, y + height / 2);
    await page.mouse.down();
    await page.mouse.move(x + width * 0.5, y + height / 2, { steps: 5 });
    await page.mouse.up();
    const frames = await session.shown('explore', 'fewer points', (now) => pointsOf(now).size < 100);
    expect(pointsOf(frames).size).toBeGreaterThan(30);
  });

  it('shows points as they arrive, as one line with history, and where it is not finished', async () => {
    await session.explore({ measure: 'events', bucket: '1s', live: true });
    await session.shown(
      'explore',
      'a stream with history',
      (frames) => frames[0]?.state === 'Streaming' && sumOf(pointsOf(frames)) > 1_000,
    );
    const atMs = await ownSecond();
    await session.shop.send(eventsAt(atMs, 7, 'live'));
    const frames = await session.shown('explore', 'the new point', (now) => pointsOf(now).get(atMs) === 7);
    expect(frames[0]?.partialFrom).not.toBeNull();
    expect(frames[0]?.partialFrom).toBeLessThanOrEqual(atMs);
    const history = [...pointsOf(frames).entries()].filter(([time]) => time < atMs - 60_000);
    expect(history.filter(([, value]) => value === EVENTS_PER_SECOND).length).toBeGreaterThan(100);
  });

  it('goes on after the aggregator was restarted, with no gap and nothing twice', async () => {
    const query = { measure: 'events', bucket: '1s' };
    await session.explore({ ...query, live: true });
    const beforeMs = await ownSecond();
    await session.shop.send(eventsAt(beforeMs, 11, 'before'));
    await session.shown('explore', 'the point before', (frames) => pointsOf(frames).get(beforeMs) === 11);
    await session.shop.stop();
    await session.shop.start();
    const missedMs = await ownSecond();
    const afterMs = await ownSecond();
    await session.shop.send([...eventsAt(missedMs, 4, 'missed'), ...eventsAt(afterMs, 13, 'after')]);
    const frames = await session.shown('explore', 'the point after', (now) => pointsOf(now).get(afterMs) === 13);
    const truth = await session.series(query, beforeMs - 60_000, afterMs + 1_000);
    await until('the panel holds what the aggregator holds', PATIENCE_MS, async () => {
      const held = pointsOf((await framesOf(page, 'explore')) ?? []);
      return [...truth].every(([time, value]) => (held.get(time) ?? 0) === (value ?? 0));
    });
    const times = frames[0]?.fields[0]?.values.map(Number) ?? [];
    expect(new Set(times).size).toBe(times.length);
    expect(truth.get(missedMs)).toBe(4);
    // While it was away its answers said so, which is what they are for.
    expect(session.watched.complaints().filter((text) => !/502|504/.test(text))).toEqual([]);
  }, 240_000);

  it('shows raw events as rows', async () => {
    await session.explore({ kind: 'events', limit: 20, measure: undefined });
    const frames = await session.shown('explore', 'rows', ([frame]) => (frame?.fields[0]?.values.length ?? 0) === 20);
    expect(frames[0]?.fields.map(({ name }) => name)).toEqual(expect.arrayContaining(['time', 'type', 'device', 'offset']));
    await page.getByRole('table').first().waitFor({ timeout: PATIENCE_MS });
  });
});

describe('the config editor', () => {
  it('says in words what is wrong with an address, and that all is well with the right one', async () => {
    const { grafana, shop } = session;
    await page.goto(`${grafana.url}/connections/datasources/edit/${grafana.uid}`);
    const test = page.getByRole('button', { name: 'Save & test' });
    const address = page.getByRole('textbox', { name: /^URL/ });
    await address.fill('http://127.0.0.1:1');
    await test.click();
    await page.getByRole('alert').getByText('nothing listens there').waitFor({ timeout: PATIENCE_MS });
    await address.fill('http://someone:secret@127.0.0.1:1');
    await test.click();
    await page.getByRole('alert').getByText('user or password in it').waitFor({ timeout: PATIENCE_MS });
    await address.fill(shop.url);
    await test.click();
    await page
      .getByRole('status')
      .getByText(/aggregator/i)
      .waitFor({ timeout: PATIENCE_MS });
    // Two checks were meant to fail, and an answer of 400 is how Grafana says so.
    expect(session.watched.complaints().filter((text) => !/400/.test(text))).toEqual([]);
  });
});

/** A stat's one number. */
function valueOf(frames: Parameters<typeof pointsOf>[0]): unknown {
  return frames[0]?.fields.at(-1)?.values[0];
}
