/// <reference lib="dom.iterable" />
/// <reference lib="dom" />
// The page of `npm start`, without Go: the built plugin in the host page, answered by the aggregator that serves it.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { repositoryRoot } from '../support/repository-root.js';
import { buildTidemark, startTidemark, type Tidemark } from '../support/tidemark-process.js';
import { launchChromium, openPage, type WatchedPage } from './chromium.js';

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

  it('opens the bundled shop dashboard with panels of the built plugin', async () => {
    const { page } = watched;
    await page.goto(tidemark.url);
    await page.waitForURL(/\/d\//);
    await page.getByText('Active users').first().waitFor();
    expect(await page.locator('[data-testid^="data-testid Panel header"]').count()).toBeGreaterThan(5);
  });

  it('keeps the lines to try in a shell, with the catalogue beside them', async () => {
    const { page } = watched;
    await page.getByRole('link', { name: 'API', exact: true }).click();
    await page.getByText('Ask it yourself').waitFor();
    expect(await page.locator('pre').count()).toBeGreaterThanOrEqual(5);
    expect(await page.locator('table tbody tr').count()).toBeGreaterThan(10);
  });
});
