// One browser page on one Grafana stand-in with the real backend binary, before one real aggregator: what the tests of the built plugin
// share. Whoever opens a session must close it.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { startGrafanaServer, type GrafanaServer } from '../plugin-host/grafana-server.js';
import { buildPluginBinary } from '../plugin-host/plugin-process.js';
import { repositoryRoot } from '../support/repository-root.js';
import { buildTidemark } from '../support/tidemark-process.js';
import { until } from '../support/until.js';
import { launchChromium, openPage, type WatchedPage } from './chromium.js';
import { framesOf, type ShownFrame } from './panel-frames.js';
import { eventsAt, openShop, type Shop } from './shop.js';

/** Long, because a busy machine is no defect of the page. */
export const PATIENCE_MS = 90_000;
export const EVENTS_PER_SECOND = 10;
const HISTORY_S = 240;
const SHOP_DASHBOARD = '**/dashboards/shop-overview.json';

/** As a dashboard's JSON has it; what is left out is usual. */
export interface PanelOfDashboard {
  readonly type: string;
  readonly title: string;
  readonly queries: readonly object[];
  readonly gridPos?: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly options?: object;
  readonly fieldConfig?: object;
}

export class GrafanaSession {
  readonly shop: Shop;
  readonly grafana: GrafanaServer;
  readonly watched: WatchedPage;
  readonly #browser: Browser;

  private constructor(shop: Shop, grafana: GrafanaServer, browser: Browser, watched: WatchedPage) {
    this.shop = shop;
    this.grafana = grafana;
    this.#browser = browser;
    this.watched = watched;
  }

  /**
   * With a few minutes of events up to now.
   * @param directory of the page @param makePage once the plugin is built
   */
  static async open(
    directory = join(repositoryRoot(), 'preview', 'dist'),
    makePage: () => Promise<unknown> = () => Promise.resolve(),
  ): Promise<GrafanaSession> {
    const [binary] = await Promise.all([buildPluginBinary(), buildTidemark()]);
    await makePage();
    const shop = await openShop();
    const nowMs = Math.floor(Date.now() / 1_000) * 1_000;
    const seconds = Array.from({ length: HISTORY_S }, (_, ago) => nowMs - (HISTORY_S - ago) * 1_000);
    await shop.send(seconds.flatMap((atMs) => eventsAt(atMs, EVENTS_PER_SECOND, 'history')));
    const files = { '/': directory };
    const grafana = await startGrafanaServer({ binary, jsonData: { url: shop.url }, files });
    const browser = await launchChromium();
    return new GrafanaSession(shop, grafana, browser, await openPage(browser));
  }

  async close(): Promise<void> {
    await this.#browser.close();
    await this.grafana.close();
    await this.shop.close();
  }

  get page(): Page {
    return this.watched.page;
  }

  /** Saves other settings of the data source, as 'Save & test' does. */
  async configure(jsonData: Readonly<Record<string, unknown>>, secureJsonData: Readonly<Record<string, string>> = {}): Promise<void> {
    await fetch(`${this.grafana.url}/api/datasources/uid/${this.grafana.uid}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ jsonData, secureJsonData }),
    });
  }

  /** Opens Explore with one query, as a link of Grafana's would. */
  async explore(query: object, range = { from: 'now-5m', to: 'now' }): Promise<void> {
    const datasource = { type: 'tidemark-realtime-datasource', uid: this.grafana.uid };
    const pane = { queries: [{ refId: 'A', datasource, schemaVersion: 1, kind: 'metric', ...query }], range };
    await this.page.goto(`${this.grafana.url}/explore?schemaVersion=1&panes=${encodeURIComponent(JSON.stringify({ a: pane }))}`);
  }

  /** Opens the bundled shop dashboard with only these of its panels, by title. @returns their keys in the scene */
  async openShopDashboard(...titles: readonly string[]): Promise<string[]> {
    const file = join(repositoryRoot(), 'dist', 'dashboards', 'shop-overview.json');
    const dashboard = JSON.parse(await readFile(file, 'utf8')) as { uid: string; panels: { id: number; title?: string }[] };
    const panels = titles.map((title) => {
      const found = dashboard.panels.find((panel) => panel.title === title);
      if (found === undefined) throw new Error(`the shop dashboard has no panel ${title}`);
      return found;
    });
    await this.#open({ ...dashboard, panels });
    return panels.map(({ id }) => `panel-${id}`);
  }

  /**
   * Opens a dashboard of these panels, one below the other.
   * @param search of the address, from `&` on @param variables as a dashboard's JSON has them @returns the panels' keys in the scene
   */
  async openDashboard(panels: readonly PanelOfDashboard[], search = '', variables: readonly object[] = []): Promise<string[]> {
    const datasource = { type: 'tidemark-realtime-datasource', uid: this.grafana.uid };
    const stored = panels.map(({ queries, ...panel }, index) => ({
      id: index + 1,
      gridPos: { x: 0, y: index * 8, w: 24, h: 8 },
      datasource,
      targets: queries.map((query, at) => ({ refId: 'ABCDEFGH'[at], datasource, schemaVersion: 1, kind: 'metric', ...query })),
      ...panel,
    }));
    const list = variables.map((variable) => ({ datasource, ...variable }));
    const time = { from: 'now-5m', to: 'now' };
    await this.#open({ uid: 'tidemark-shop', title: 'Of a test', time, templating: { list }, panels: stored }, search);
    return stored.map(({ id }) => `panel-${id}`);
  }

  async #open(dashboard: { readonly uid: string; readonly [field: string]: unknown }, search = ''): Promise<void> {
    await this.page.unroute(SHOP_DASHBOARD);
    await this.page.route(SHOP_DASHBOARD, (route) => route.fulfill({ json: dashboard }));
    await this.page.goto(`${this.grafana.url}/d/${dashboard.uid}?refresh=${search}`);
  }

  /** Waits for frames of the panel that satisfy. */
  async shown(key: string, what: string, holds: (frames: readonly ShownFrame[]) => boolean): Promise<readonly ShownFrame[]> {
    let last: readonly ShownFrame[] = [];
    await until(what, PATIENCE_MS, async () => {
      last = (await framesOf(this.page, key)) ?? [];
      return last.length > 0 && holds(last);
    });
    return last;
  }

  /** The aggregator's own answer, past page and plugin. @returns the first value field by time */
  async series(query: object, fromMs: number, toMs: number): Promise<Map<number, number | null>> {
    const [times = [], values = []] = await this.#ask({ ...query }, fromMs, toMs);
    return new Map(times.map((time, row) => [Number(time), values[row] ?? null]));
  }

  async total(measure: string, filters: readonly object[] = []): Promise<number> {
    const [[value] = []] = await this.#ask({ measure, filters, format: 'total' }, Date.now() - 3_600_000, Date.now());
    return value ?? Number.NaN;
  }

  async #ask(query: object, fromMs: number, toMs: number): Promise<(number | null)[][]> {
    const response = await fetch(`${this.shop.url}/api/v1/query`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ from: fromMs, to: toMs, queries: [{ refId: 'A', ...query }] }),
    });
    const { results } = (await response.json()) as {
      results: { A: { error?: string; frames: { data: { values: (number | null)[][] } }[] } };
    };
    if (results.A.error !== undefined) throw new Error(results.A.error);
    return results.A.frames[0]?.data.values ?? [];
  }
}

/** Values by time of a frame's first number field. */
export function pointsOf(frames: readonly ShownFrame[]): Map<number, unknown> {
  const fields = frames[0]?.fields ?? [];
  return new Map((fields[0]?.values ?? []).map((time, row) => [Number(time), fields[1]?.values[row]]));
}

export function sumOf(points: ReadonlyMap<number, unknown>): number {
  return [...points.values()].reduce<number>((sum, value) => sum + (typeof value === 'number' ? value : 0), 0);
}
