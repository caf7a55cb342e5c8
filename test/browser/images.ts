/// <reference lib="dom" />
// `npm run images`: makes docs/images again, from the demo shop on the page of `npm start`: every panel, editor and page, dark and light, wide
// and narrow. WebP, encoded by the browser itself, each below the limit that keeps the repository small.

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { repositoryRoot } from '../support/repository-root.js';
import { shopWithIncident } from '../support/shop-incident.js';
import { startTidemark } from '../support/tidemark-process.js';
import { until } from '../support/until.js';
import { launchChromium, openPage, type PageSize } from './chromium.js';
import { routeJudgedPanels } from './judged-panels.js';

const MINUTE_MS = 60_000;
const LIMIT_BYTES = 120_000;
const PATIENCE_MS = 180_000;
const WIDE: PageSize = { width: 1400, height: 900 };
const NARROW: PageSize = { width: 420, height: 900 };
const THEMES = ['dark', 'light'] as const;

interface Shot {
  readonly name: string;
  readonly path: string;
  readonly size: PageSize;
  /** Before the page is opened. @returns the path, where it is not the one above */
  readonly prepare?: (page: Page) => Promise<string>;
  /** Waits until the page shows what the picture is of. */
  readonly until: (page: Page) => Promise<unknown>;
}

const drawn = (count: number) => (page: Page) =>
  page.waitForFunction((least) => document.querySelectorAll('.u-over, canvas[role=img]').length >= least, count, { timeout: PATIENCE_MS });
const text = (pattern: RegExp) => (page: Page) => page.getByText(pattern).first().waitFor({ timeout: PATIENCE_MS });
const explored = (query: object): string => {
  const datasource = { type: 'tidemark-realtime-datasource', uid: 'tidemark' };
  const pane = { queries: [{ refId: 'A', datasource, schemaVersion: 1, ...query }], range: { from: 'now-15m', to: 'now' } };
  return `/explore?schemaVersion=1&panes=${encodeURIComponent(JSON.stringify({ a: pane }))}`;
};
const RANGE = '?refresh=&from=now-30m&to=now';
const SHOP = `/d/tidemark-shop${RANGE}`;
/** Goes to the newest anomaly by keyboard, as a person may, and waits for its words. */
const anomalous = async (page: Page): Promise<void> => {
  const chart = page.getByRole('group', { name: /^Errors per minute: .*\d anomal(y|ies)\./ });
  await chart.waitFor({ timeout: PATIENCE_MS });
  await page.getByRole('group', { name: /^Countries out of line: .* with anomalies, first/ }).waitFor({ timeout: PATIENCE_MS });
  await chart.press('PageUp');
  await page.getByText('anomaly score').first().waitFor({ timeout: PATIENCE_MS });
};
const SHOTS: readonly Shot[] = [
  { name: 'dashboard', path: SHOP, size: { width: 1400, height: 1500 }, until: drawn(4) },
  { name: 'dashboard-narrow', path: SHOP, size: NARROW, until: drawn(1) },
  {
    name: 'query-editor',
    path: explored({ kind: 'metric', measure: 'latency', stat: ['p50', 'p95'], groupBy: ['device'], limit: 6 }),
    size: WIDE,
    until: drawn(1),
  },
  {
    name: 'query-editor-narrow',
    path: explored({ kind: 'metric', measure: 'revenue', groupBy: ['country'] }),
    size: NARROW,
    until: drawn(1),
  },
  { name: 'raw-events', path: explored({ kind: 'events', limit: 50 }), size: WIDE, until: text(/purchase|page_view/) },
  {
    name: 'config-editor',
    path: '/connections/datasources/edit/tidemark',
    size: { width: 1000, height: 1300 },
    until: text(/Save & test/),
  },
  { name: 'setup-check', path: '/a/tidemark-realtime-app/setup', size: WIDE, until: text(/aggregator/i) },
  { name: 'pipeline-health', path: '/a/tidemark-realtime-app/health', size: WIDE, until: text(/watermark|freshness|lag/i) },
  { name: 'pipeline-health-narrow', path: '/a/tidemark-realtime-app/health', size: NARROW, until: text(/watermark|freshness|lag/i) },
  {
    name: 'anomalies',
    path: '',
    size: { width: 1100, height: 780 },
    prepare: async (page) => `${await routeJudgedPanels(page, { titles: ['Errors per minute', 'Countries out of line'] })}${RANGE}`,
    until: anomalous,
  },
  { name: 'api', path: '/try', size: WIDE, until: text(/What can be asked/) },
];

async function main(wanted: readonly string[]): Promise<void> {
  const folder = join(repositoryRoot(), 'docs', 'images');
  await mkdir(folder, { recursive: true });
  const data = await mkdtemp(join(tmpdir(), 'tidemark-images-'));
  const nowMs = Date.now();
  // So that there is something to see: a burst of errors a quarter of an hour ago, and nothing else.
  const { seed, incidentsEveryMs } = shopWithIncident({
    beginFromMs: nowMs - 16 * MINUTE_MS,
    beginToMs: nowMs - 12 * MINUTE_MS,
    quietFromMs: nowMs - 60 * MINUTE_MS,
    fits: ({ kind, affects, fromMs, toMs }) => kind === 'error_burst' && affects.country === 'DE' && toMs - fromMs >= 2 * MINUTE_MS,
  });
  const tidemark = await startTidemark({
    definition: join(repositoryRoot(), 'definitions', 'demo.yaml'),
    env: {
      TIDEMARK_DATA_DIR: data,
      TIDEMARK_SOURCE_DEMO_HISTORY: '65m',
      TIDEMARK_SOURCE_DEMO_SEED: String(seed),
      TIDEMARK_SOURCE_DEMO_INCIDENTS: `${incidentsEveryMs / MINUTE_MS}m`,
    },
  });
  await until('the history is in', PATIENCE_MS, async () => (await tidemark.status()).watermarkMs > Date.now() - 2 * MINUTE_MS);
  const browser = await launchChromium();
  try {
    for (const theme of THEMES) {
      for (const shot of SHOTS) {
        const name = `${shot.name}-${theme}`;
        if (wanted.length > 0 && !wanted.some((part) => name.includes(part))) continue;
        const bytes = await take(browser, tidemark.url, shot, theme);
        await writeFile(join(folder, `${name}.webp`), bytes);
        console.log(`${name}.webp ${Math.round(bytes.length / 1_024)} KB`);
      }
    }
  } finally {
    await browser.close();
    await tidemark.process.stop();
    await rm(data, { recursive: true, force: true });
  }
}

async function take(browser: Browser, url: string, shot: Shot, theme: string): Promise<Buffer> {
  const { page, complaints } = await openPage(browser, shot.size);
  try {
    const path = (await shot.prepare?.(page)) ?? shot.path;
    await page.goto(`${url}${path}${path.includes('?') ? '&' : '?'}theme=${theme}`);
    await shot.until(page);
    await settled(page);
    const bytes = await webp(page, await page.screenshot());
    for (const complaint of complaints()) console.error(`${shot.name}-${theme}: ${complaint}`);
    return bytes;
  } finally {
    await page.close();
  }
}

/** Until nothing is loading any more, or has loaded for long. */
async function settled(page: Page): Promise<void> {
  await page
    .waitForFunction(() => document.querySelectorAll('[aria-label="Panel loading bar"]').length === 0, undefined, { timeout: PATIENCE_MS })
    .catch(() => undefined);
  await page.waitForTimeout(1_500);
}

/** The best quality that stays below the limit. */
async function webp(page: Page, png: Buffer): Promise<Buffer> {
  for (const quality of [0.9, 0.8, 0.65, 0.5]) {
    const encoded = await page.evaluate(
      async ({ source, q }) => {
        const image = await createImageBitmap(await (await fetch(source)).blob());
        const canvas = new OffscreenCanvas(image.width, image.height);
        canvas.getContext('2d')?.drawImage(image, 0, 0);
        const blob = await canvas.convertToBlob({ type: 'image/webp', quality: q });
        return Array.from(new Uint8Array(await blob.arrayBuffer()));
      },
      { source: `data:image/png;base64,${png.toString('base64')}`, q: quality },
    );
    const bytes = Buffer.from(encoded);
    if (bytes.length < LIMIT_BYTES) return bytes;
  }
  throw new Error('the picture is too large at any quality; make its page smaller');
}

await main(process.argv.slice(2));
