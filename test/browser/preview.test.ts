/// <reference lib="dom.iterable" />
/// <reference lib="dom" />
// The page of `npm start`, without Go: the built plugin in the host page, answered by the aggregator that serves it.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { repositoryRoot } from '../support/repository-root.js';
import { buildTidemark, startTidemark, type Tidemark } from '../support/tidemark-process.js';
import { until } from '../support/until.js';
import { launchChromium, openPage, type WatchedPage } from './chromium.js';
import { framesOf } from './panel-frames.js';

const PATIENCE_MS = 60_000;

describe('the page of npm start', () => {
  let dataDir: string;
  let tidemark: Tidemark;
  let browser: Browser;
  let watched: WatchedPage;

  beforeAll(async () => {
    await buildTidemark();
    dataDir = await mkdtemp(join(tmpdir(), 'tidemark-page-'));
    tidemark = await startTidemark({
      definition: join(repositoryRoot(), 'definitions', 'demo.yaml'),
      env: { TIDEMARK_DATA_DIR: dataDir, TIDEMARK_SOURCE_DEMO_HISTORY: '20m' },
    });
    browser = await launchChromium();
    watched = await openPage(browser);
  });

  afterAll(async () => {
    await browser?.close();
    await tidemark?.process.stop();
    await rm(dataDir, { recursive: true, force: true });
  });

  afterEach(() => {
    expect(watched.complaints()).toEqual([]);
  });

  it('opens the bundled shop dashboard and draws the shop, with no refresh in between', async () => {
    const { page } = watched;
    await page.goto(`${tidemark.url}/?refresh=&from=now-15m&to=now`);
    await page.waitForURL(/\/d\//);
    await page.waitForFunction(() => document.querySelectorAll('.u-over').length >= 2, undefined, { timeout: PATIENCE_MS });
    await page.getByTestId('data-testid Panel header Revenue').getByText(/€/).first().waitFor({ timeout: PATIENCE_MS });
    expect(await page.getByText('No data').count()).toBe(0);
  });

  it('adds points to a live panel without Go, by the aggregator’s own WebSocket', async () => {
    const { page } = watched;
    const newest = async (): Promise<number> => {
      const frames = await framesOf(page, 'panel-10');
      return frames?.[0]?.state === 'Streaming' ? Math.max(...frames.map(({ fields }) => Number(fields[0]?.values.at(-1) ?? 0))) : 0;
    };
    await until('the panel streams', PATIENCE_MS, async () => (await newest()) > 0);
    const before = await newest();
    await until('a newer point', PATIENCE_MS, async () => (await newest()) > before);
  });

  it('switches between dark and light', async () => {
    const { page } = watched;
    const background = (): Promise<string> => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const dark = await background();
    await page.getByRole('button', { name: 'Switch to the light theme' }).click();
    await page.getByRole('button', { name: 'Switch to the dark theme' }).waitFor();
    expect(await background()).not.toBe(dark);
  });

  it.each([
    ['/a/tidemark-realtime-app/setup', /aggregator/i],
    ['/a/tidemark-realtime-app/health', /freshness|watermark|lag/i],
  ])('shows the app’s page %s', async (path, words) => {
    const { page } = watched;
    await page.goto(`${tidemark.url}${path}`);
    await page.locator('main').getByText(words).first().waitFor({ timeout: PATIENCE_MS });
  });

  it('keeps the lines to try in a shell, with the catalogue beside them', async () => {
    const { page } = watched;
    await page.getByRole('link', { name: 'API', exact: true }).click();
    await page.getByText('Ask it yourself').waitFor({ timeout: PATIENCE_MS });
    expect(await page.locator('pre').count()).toBeGreaterThanOrEqual(5);
    expect(await page.locator('table tbody tr').count()).toBeGreaterThan(10);
  });
});
