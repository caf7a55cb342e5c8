// The shop of the browser tests: the demo's measures without its generator, so that a test knows every event, and an aggregator that can be
// stopped and started again on the same data.

import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from '../support/managed-process.js';
import { repositoryRoot } from '../support/repository-root.js';
import { startTidemark, type Tidemark } from '../support/tidemark-process.js';

export const COUNTRIES = ['DE', 'AT', 'CH', 'FR'];
const DEVICES = ['mobile', 'desktop'];

export interface Shop {
  readonly url: string;
  /** Takes events; resolves when the aggregator has them in its log. */
  send(events: readonly object[]): Promise<void>;
  stop(): Promise<void>;
  /** Again, at the same address and on the same data. */
  start(): Promise<void>;
  close(): Promise<void>;
}

/** @param env settings laid over the definition */
export async function openShop(env: Readonly<Record<string, string>> = {}): Promise<Shop> {
  const folder = await mkdtemp(join(tmpdir(), 'tidemark-browser-'));
  const definition = join(folder, 'shop.yaml');
  await mkdir(join(folder, 'data'));
  const demo = await readFile(join(repositoryRoot(), 'definitions', 'demo.yaml'), 'utf8');
  await writeFile(definition, demo.replace(/^ {2}demo: .*$/m, '').replace(/^lateness: .*$/m, 'lateness: 5s\nflush: { interval: 200ms }'));
  const [port = 0] = await freePorts(1);
  const run = (): Promise<Tidemark> => startTidemark({ definition, port, env: { ...env, TIDEMARK_DATA_DIR: join(folder, 'data') } });
  let tidemark = await run();
  return {
    url: tidemark.url,
    send: async (events) => {
      const response = await fetch(`${tidemark.url}/api/v1/events`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(events),
      });
      if (!response.ok) throw new Error(`events were refused with ${response.status}: ${await response.text()}`);
    },
    stop: () => tidemark.process.stop(),
    start: async () => {
      tidemark = await run();
    },
    close: async () => {
      await tidemark.process.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Page views, and a purchase of 10.00 in every fifth: the same for the same time and number. */
export function eventsAt(atMs: number, count: number, name: string): object[] {
  return Array.from({ length: count }, (_, index) => ({
    event_id: `${name}-${atMs}-${index}`,
    ts: new Date(atMs).toISOString(),
    type: index % 5 === 0 ? 'purchase' : 'page_view',
    user_id: `u-${index}`,
    geo: { country: COUNTRIES[index % COUNTRIES.length] },
    device: DEVICES[index % DEVICES.length],
    page: '/p',
    product: { id: `p-${index % 3}`, category: 'shoes' },
    latency_ms: 20 + index,
    ...(index % 5 === 0 ? { amount: 10, quantity: 1 } : {}),
  }));
}
