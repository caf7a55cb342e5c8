// The bundled shop dashboard with nothing on it but its panels of verdicts, as they are stored or with other buckets.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { repositoryRoot } from '../support/repository-root.js';

interface Panel {
  readonly title: string;
  readonly gridPos?: object;
  readonly targets?: readonly { readonly kind: string }[];
}

export interface JudgedPanels {
  /** Instead of a minute. */
  readonly bucket?: string;
  /** Only these, by title, one above the other. @default all, where they are */
  readonly titles?: readonly string[];
}

/** From now on the page is given that dashboard. @returns its path */
export async function routeJudgedPanels(page: Page, { bucket, titles }: JudgedPanels): Promise<string> {
  const file = join(repositoryRoot(), 'dist', 'dashboards', 'shop-overview.json');
  const dashboard = JSON.parse(await readFile(file, 'utf8')) as { uid: string; panels: Panel[] };
  const judged = dashboard.panels.filter(({ targets = [] }) => targets.some(({ kind }) => kind === 'anomaly'));
  const panels = judged
    .filter(({ title }) => titles?.includes(title) ?? true)
    .map((panel, row) => ({
      ...panel,
      title: bucket === undefined ? panel.title : panel.title.replace(' per minute', ''),
      gridPos: titles === undefined ? panel.gridPos : { x: 0, y: row * 8, w: 24, h: 8 },
      targets: panel.targets?.map((target) => ({ ...target, ...(bucket === undefined ? {} : { bucket }) })),
    }));
  await page.route('**/dashboards/shop-overview.json', (route) => route.fulfill({ json: { ...dashboard, panels } }));
  return `/d/${dashboard.uid}`;
}
