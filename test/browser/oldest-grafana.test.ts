/// <reference lib="dom" />
// The built plugin on the oldest Grafana that plugin.json allows: the same host page, but of that Grafana's own packages and with the React
// 18 that it hands to plugins. Built for development, so that React's own complaints count too.

import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { repositoryRoot } from '../support/repository-root.js';
import { GrafanaSession, PATIENCE_MS, pointsOf } from './grafana-session.js';
import { eventsAt } from './shop.js';

const run = promisify(execFile);
const FOLDER = join(repositoryRoot(), 'test', 'browser', 'oldest-grafana');
const PAGE = join(repositoryRoot(), '.cache', 'oldest-grafana-page');

let session: GrafanaSession;
let page: Page;
let files: readonly string[];

beforeAll(async () => {
  session = await GrafanaSession.open(PAGE, async () => {
    const { stdout } = await run(process.execPath, [join(FOLDER, 'build-page.mjs'), PAGE], { maxBuffer: 64 * 1024 * 1024 });
    files = JSON.parse(stdout.trim().split('\n').at(-1) ?? '[]') as string[];
  });
  ({ page } = session);
});
afterAll(() => session?.close());
afterEach(() => {
  expect(session.watched.complaints()).toEqual([]);
});

it('is that Grafana, and has one React, of version 18', async () => {
  const { grafanaDependency } = (JSON.parse(await readFile(join(repositoryRoot(), 'plugin.json'), 'utf8')) as any).dependencies;
  const ofPackage = (name: string): string[] => files.filter((file) => file.includes(`node_modules/${name}/`));
  for (const name of ['react', 'react-dom', '@grafana/ui', '@grafana/data', '@grafana/runtime']) {
    const own = join('test', 'browser', 'oldest-grafana', 'node_modules', name);
    expect(ofPackage(name).length, name).toBeGreaterThan(0);
    expect(ofPackage(name).filter((file) => !file.startsWith(`${own}/`))).toEqual([]);
    const { version } = JSON.parse(await readFile(join(repositoryRoot(), own, 'package.json'), 'utf8')) as { version: string };
    if (name.startsWith('@grafana/')) expect(`>=${version}`).toBe(grafanaDependency);
    else expect(version).toMatch(/^18\./);
  }
});

describe('panels', () => {
  it('draw their answers: anomaly, swimlanes, funnel', async () => {
    const keys = await session.openDashboard([
      { type: 'tidemark-anomaly-panel', title: 'Lines', queries: [{ measure: 'events', bucket: '10s', groupBy: ['country'] }] },
      { type: 'tidemark-anomaly-panel', title: 'Judged', queries: [{ kind: 'anomaly', measure: 'events', bucket: '10s', history: '1h' }] },
      { type: 'tidemark-swimlane-panel', title: 'Lanes', queries: [{ measure: 'events', bucket: '10s', groupBy: ['country'] }] },
      {
        type: 'tidemark-funnel-panel',
        title: 'Steps',
        queries: ['page_views', 'purchases'].map((measure) => ({ measure, format: 'total' })),
      },
    ]);
    for (const key of keys) await session.shown(key, `an answer of ${key}`, (frames) => frames.every(({ fields }) => fields.length > 0));
    await page.getByText('of the first').waitFor({ timeout: PATIENCE_MS });
    await page.waitForFunction(() => document.querySelectorAll('.u-over').length === 2, undefined, { timeout: PATIENCE_MS });
    await page.getByRole('group', { name: /^Lanes: 4 series/ }).waitFor({ timeout: PATIENCE_MS });
  });

  it('follow mouse and keyboard, and pin what they point at', async () => {
    await session.openDashboard([{ type: 'tidemark-anomaly-panel', title: 'Lines', queries: [{ measure: 'events', bucket: '10s' }] }]);
    const chart = page.getByRole('group', { name: /^Lines/ });
    await page.locator('.u-over').first().hover({ timeout: PATIENCE_MS });
    await chart.focus();
    await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('Enter');
    await page.getByText('raw events', { exact: false }).first().waitFor({ timeout: PATIENCE_MS });
    await page.keyboard.press('Escape');
  });

  it('say what is wrong in words', async () => {
    const broken = { measure: 'no_such_measure' };
    await session.openDashboard([{ type: 'tidemark-anomaly-panel', title: 'Broken', queries: [broken] }]);
    await page
      .getByText(/no_such_measure/)
      .first()
      .waitFor({ timeout: PATIENCE_MS });
    // Grafana answers 400 where a query is refused.
    expect(session.watched.complaints().filter((text) => !/400/.test(text))).toEqual([]);
  });
});

describe('the query editor', () => {
  it.each([
    ['Metric', { kind: 'metric', measure: 'latency', stat: ['p95'], groupBy: ['country'], limit: 3 }],
    ['Anomaly', { kind: 'anomaly', measure: 'events', bucket: '10s', history: '1h' }],
    ['Top list', { kind: 'top', measure: 'purchases', by: 'country' }],
    ['Events', { kind: 'events', limit: 5, filters: [{ dimension: 'country', op: 'in', values: ['DE'] }] }],
    ['Values', { kind: 'values', dimension: 'country' }],
    ['Contributors', { kind: 'contributors', measure: 'events' }],
    ['Watches', { kind: 'annotations' }],
  ])('edits a query of the kind %s', async (kind, query) => {
    await session.explore(query);
    await page.getByRole('radio', { name: kind, checked: true }).waitFor({ timeout: PATIENCE_MS });
    await page.getByTestId('tidemark-answer').waitFor({ timeout: PATIENCE_MS });
    await page.getByRole('radio', { name: 'JSON' }).check({ force: true });
    await page.getByLabel('Query as JSON').waitFor({ timeout: PATIENCE_MS });
  });

  it('is built by clicking', async () => {
    await page.goto(`${session.grafana.url}/explore`);
    await page.getByText('Choose a measure.').waitFor({ timeout: PATIENCE_MS });
    await page.getByLabel('Measure').click();
    await page.getByRole('option', { name: /^page_views/ }).click();
    // Its field of several choices gives nobody its id.
    await page.getByPlaceholder('Dimensions').click();
    await page.getByRole('option', { name: /^country/ }).click();
    await page.keyboard.press('Escape');
    await session.shown('explore', 'a line for each country', ([frame]) => frame?.fields.length === 5);
  });

  it('shows live points as they arrive', async () => {
    await session.explore({ measure: 'events', bucket: '1s', live: true });
    await session.shown('explore', 'a stream', (frames) => frames[0]?.state === 'Streaming');
    const atMs = Math.floor(Date.now() / 1_000) * 1_000;
    await session.shop.send(eventsAt(atMs, 3, 'react-18'));
    await session.shown('explore', 'the new point', (frames) => pointsOf(frames).get(atMs) === 3);
  });
});

describe('settings and pages', () => {
  it('edit the data source and test it', async () => {
    await page.goto(`${session.grafana.url}/connections/datasources/edit/${session.grafana.uid}`);
    await page.getByRole('textbox', { name: /^URL/ }).waitFor({ timeout: PATIENCE_MS });
    await page.getByRole('switch', { name: /client certificate/ }).check({ force: true });
    await page.getByLabel('Client key').waitFor({ timeout: PATIENCE_MS });
    await page.getByRole('switch', { name: /client certificate/ }).uncheck({ force: true });
    await page.getByRole('button', { name: 'Save & test' }).click();
    await page
      .getByRole('status')
      .getByText(/aggregator/i)
      .waitFor({ timeout: PATIENCE_MS });
  });

  it.each([
    ['/a/tidemark-realtime-app/setup', /Aggregator/],
    ['/a/tidemark-realtime-app/health', /Watermark/i],
  ])('show %s', async (path, words) => {
    await page.goto(`${session.grafana.url}${path}`);
    await page.locator('main').getByText(words).first().waitFor({ timeout: PATIENCE_MS });
  });
});
