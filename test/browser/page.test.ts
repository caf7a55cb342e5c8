/// <reference lib="dom.iterable" />
/// <reference lib="dom" />
// The page that `npm start` serves, in real Chromium against the built program on embedded stores.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePorts, startProcess, type ManagedProcess } from '../support/managed-process.js';
import { repositoryRoot } from '../support/repository-root.js';

const CHROMIUM = process.env['CHROMIUM'] ?? '/usr/bin/chromium';

describe('the page of npm start', () => {
  let dataDir: string;
  let program: ManagedProcess;
  let browser: Browser;
  let page: Page;
  let url: string;
  const complaints: string[] = [];

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'tidemark-page-'));
    const [port] = await freePorts(1);
    url = `http://127.0.0.1:${port}/`;
    const root = repositoryRoot();
    program = await startProcess({
      name: 'tidemark serve',
      command: process.execPath,
      args: [join(root, 'aggregator', 'dist', 'tidemark.js'), 'serve', '-d', join(root, 'definitions', 'demo.yaml')],
      env: { TIDEMARK_SERVER_PORT: String(port), TIDEMARK_DATA_DIR: dataDir, TIDEMARK_SOURCE_DEMO_HISTORY: '20m' },
      ready: async () => (await fetch(`${url}readyz`).catch(() => null))?.ok === true,
      readyWithinMs: 30_000,
    });
    browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: [
        '--headless',
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    });
    page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') {
        complaints.push(message.text());
      }
    });
    await page.goto(url);
  });

  afterAll(async () => {
    await browser?.close();
    await program?.stop();
    await rm(dataDir, { recursive: true, force: true });
  });

  it('draws four charts, the catalogue and lines to try', async () => {
    await page.waitForFunction(() => document.querySelectorAll('.plot canvas').length === 4, undefined, { timeout: 20_000 });
    expect(await page.locator('#catalog tbody tr').count()).toBeGreaterThan(10);
    expect(await page.locator('#curl pre').count()).toBeGreaterThanOrEqual(4);
    await page.waitForFunction(() => document.querySelector('#state')?.classList.contains('good'), undefined, { timeout: 30_000 });
  });

  it('keeps up with the data by itself', async () => {
    const applied = async (): Promise<number> =>
      Number(/([\d,]+) events applied/.exec((await page.textContent('#state')) ?? '')?.[1].replaceAll(',', ''));
    const before = await applied();
    await page.waitForFunction(
      (least) =>
        Number(/([\d,]+) events applied/.exec(document.querySelector('#state')?.textContent ?? '')?.[1].replaceAll(',', '')) > least,
      before,
      { timeout: 20_000 },
    );
    expect(await applied()).toBeGreaterThan(before);
  });

  it('draws another measure when one is chosen, and says in words when the aggregator is gone', async () => {
    await page.locator('article select').first().selectOption('error_rate');
    await page.waitForFunction(() => [...document.querySelectorAll('.u-axis, .plot canvas')].length > 0);
    expect(complaints).toEqual([]);
    await program.stop();
    await page.waitForFunction(() => document.querySelector('#state')?.textContent?.includes('does not answer'), undefined, {
      timeout: 20_000,
    });
  });
});
