/// <reference lib="dom" />
// The demo shop shortly before something goes wrong in it, on the bundled dashboard of the page of `npm start`: what a person sees of the
// anomaly, live, by what the panels themselves say.

import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Locator } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Incident } from '../../aggregator/src/source/demo/incidents.js';
import { repositoryRoot } from '../support/repository-root.js';
import { shopWithIncident } from '../support/shop-incident.js';
import { buildTidemark, startTidemark, type Tidemark } from '../support/tidemark-process.js';
import { until } from '../support/until.js';
import { launchChromium, openPage, type WatchedPage } from './chromium.js';
import { routeJudgedPanels } from './judged-panels.js';

const PATIENCE_MS = 60_000;
const BUCKET_MS = 10_000;
const LATENESS_MS = 5_000;
/** To learn from: a few minutes more than are shown. */
const HISTORY_MS = 20 * 60_000;
/** From the choice of the incident to its begin: time to start everything and to see that all is quiet. */
const LEAD_MS = 75_000;
/** From the end of a bucket's lateness to the picture: flush, push, draw, on a busy machine. */
const SLACK_MS = 15_000;
const PICTURES = join(repositoryRoot(), '.cache', 'test', 'pictures');

interface Case {
  readonly name: string;
  readonly picture: string;
  readonly rate: number;
  readonly fits: (incident: Incident) => boolean;
}

const CASES: readonly Case[] = [
  {
    name: 'a burst of errors in one country',
    picture: 'burst',
    rate: 50,
    fits: ({ kind, affects, fromMs, toMs }) => kind === 'error_burst' && affects.country === 'DE' && toMs - fromMs >= 120_000,
  },
  {
    name: 'an outage of payments',
    // A payment that fails is an error.
    picture: 'outage',
    rate: 80,
    fits: ({ kind, affects, fromMs, toMs }) => kind === 'payment_outage' && affects.country === undefined && toMs - fromMs >= 120_000,
  },
];

/** What a person saw of an incident. */
interface Sighting {
  /** What the chart said of itself last before the incident began. */
  readonly before: string;
  /** When it first said that there is an anomaly, epoch ms. */
  readonly seenMs: number;
  /** Begin of the flagged bucket, and the words of its tooltip. */
  readonly bucketMs: number;
  readonly words: string;
}

/** One shop with its page. */
class Scene {
  readonly incident: Incident;
  readonly watched: WatchedPage;
  readonly sighting: Promise<Sighting>;
  readonly #tidemark: Tidemark;
  readonly #chart: Locator;
  readonly #folder: string;

  private constructor(incident: Incident, tidemark: Tidemark, watched: WatchedPage, folder: string) {
    this.incident = incident;
    this.watched = watched;
    this.#tidemark = tidemark;
    this.#chart = watched.page.getByRole('group', { name: /^Errors: / });
    this.#folder = folder;
    this.sighting = this.#watch();
    // Whoever asks for it hears of a failure; until then it is not nobody's.
    this.sighting.catch(() => undefined);
  }

  static async open(browser: Browser, { rate, fits }: Case): Promise<Scene> {
    const now = Date.now();
    const { seed, incidentsEveryMs, incident } = shopWithIncident({
      beginFromMs: now + LEAD_MS,
      beginToMs: now + LEAD_MS + BUCKET_MS,
      quietFromMs: now - HISTORY_MS - 10 * 60_000,
      fits,
    });
    const folder = await mkdtemp(join(tmpdir(), 'tidemark-anomaly-'));
    const tidemark = await startTidemark({
      definition: join(repositoryRoot(), 'definitions', 'demo.yaml'),
      env: {
        TIDEMARK_DATA_DIR: folder,
        TIDEMARK_LATENESS: `${LATENESS_MS / 1_000}s`,
        TIDEMARK_SOURCE_DEMO_SEED: String(seed),
        TIDEMARK_SOURCE_DEMO_RATE: String(rate),
        TIDEMARK_SOURCE_DEMO_HISTORY: `${HISTORY_MS / 60_000}m`,
        TIDEMARK_SOURCE_DEMO_INCIDENTS: `${incidentsEveryMs / 60_000}m`,
      },
    });
    await until('the history is in', LEAD_MS, async () => (await tidemark.status()).watermarkMs > Date.now() - 60_000);
    const watched = await openPage(browser, { width: 1400, height: 900 });
    const path = await routeJudgedPanels(watched.page, { bucket: `${BUCKET_MS / 1_000}s` });
    await watched.page.goto(`${tidemark.url}${path}?from=now-10m&to=now&refresh=10s`);
    return new Scene(incident, tidemark, watched, folder);
  }

  async #watch(): Promise<Sighting> {
    let before = '';
    await until('the chart is judged', PATIENCE_MS, async () => /anomal/i.test((before = await this.#summary())));
    const overdueMs = this.incident.fromMs + 3 * BUCKET_MS + LATENESS_MS + PATIENCE_MS;
    await until('the chart has an anomaly', overdueMs - Date.now(), async () => {
      const summary = await this.#summary();
      if (Date.now() < this.incident.fromMs) before = summary;
      return /\d anomal(y|ies)\./.test(summary);
    });
    const seenMs = Date.now();
    const words = await until('its words', PATIENCE_MS, () => this.newestAnomaly());
    const [time = ''] = /\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/.exec(words) ?? [];
    return { before, seenMs, bucketMs: new Date(time.replace(' ', 'T')).getTime(), words };
  }

  async #summary(): Promise<string> {
    return (await this.#chart.getAttribute('aria-label', { timeout: PATIENCE_MS })) ?? '';
  }

  /** Goes to the newest anomaly by keyboard. @returns the tooltip's words, null where it is not about one */
  async newestAnomaly(): Promise<string | null> {
    await this.#chart.focus();
    await this.#chart.press('Escape');
    await this.#chart.press('PageUp');
    const words = await this.tooltip.innerText({ timeout: 1_000 });
    return words.includes('anomaly score') ? words : null;
  }

  get tooltip(): Locator {
    return this.watched.page.locator('[aria-live="polite"]').filter({ hasText: 'anomaly score' }).first();
  }

  async picture(name: string): Promise<void> {
    // A tooltip finds its place once it has its size.
    await this.watched.page.waitForTimeout(500);
    await mkdir(PICTURES, { recursive: true });
    await this.watched.page.screenshot({ path: join(PICTURES, `${name}.png`) });
  }

  async close(): Promise<void> {
    await this.#tidemark.process.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

describe('something goes wrong in the demo shop', () => {
  let browser: Browser;
  let scenes: readonly Scene[];

  beforeAll(async () => {
    await buildTidemark();
    browser = await launchChromium();
    scenes = await Promise.all(CASES.map((one) => Scene.open(browser, one)));
  });
  afterAll(async () => {
    await browser?.close();
    await Promise.all(scenes?.map((scene) => scene.close()) ?? []);
  });

  describe.each(CASES.map((one, index) => ({ ...one, index })))('$name', ({ picture, index }) => {
    it('is found within two buckets after it begins, and all was quiet before', async () => {
      const { incident, sighting } = scenes[index]!;
      const { before, seenMs, bucketMs, words } = await sighting;
      expect(before).toMatch(/No anomalies\./);
      const firstMs = Math.floor(incident.fromMs / BUCKET_MS) * BUCKET_MS;
      // The bucket in which it begins may hold only its last moment: two whole ones after it.
      expect(bucketMs).toBeGreaterThanOrEqual(firstMs);
      expect(bucketMs).toBeLessThanOrEqual(firstMs + 2 * BUCKET_MS);
      expect(seenMs).toBeLessThanOrEqual(firstMs + 3 * BUCKET_MS + LATENESS_MS + SLACK_MS);
      expect(words).toMatch(/expected.*\+[\d.]+σ/s);
    });

    it('leads from there to what contributed and to the raw events, in both themes', async () => {
      const scene = scenes[index]!;
      const { page } = scene.watched;
      await until('a pinned tooltip', PATIENCE_MS, async () => {
        if ((await scene.newestAnomaly()) === null) return false;
        await page.keyboard.press('Enter');
        return scene.tooltip.getByRole('link', { name: 'What contributed' }).isVisible();
      });
      expect(await scene.tooltip.getByRole('link', { name: 'Raw events' }).isVisible()).toBe(true);
      await scene.picture(`${picture}-dark`);
      await page.keyboard.press('Escape');
      await page.getByRole('button', { name: 'Switch to the light theme' }).click();
      await until('an anomaly in the other theme', PATIENCE_MS, () => scene.newestAnomaly());
      await scene.picture(`${picture}-light`);
    });

    it('raised no complaint of the page', () => {
      expect(scenes[index]!.watched.complaints()).toEqual([]);
    });
  });

  it('puts the country that is out of line on top of the swimlanes', async () => {
    const { page } = scenes[0]!.watched;
    await scenes[0]!.sighting;
    const lanes = page.getByRole('group', { name: /^Countries out of line: \d+ series .* with anomalies, first DE\./ });
    await lanes.waitFor({ timeout: PATIENCE_MS });
  });
});
