// Orders to the aggregators' failpoints: one file each, which the process that obeys it renames. So an order is obeyed once, by
// whoever reaches the point first, and what was obeyed can be read afterwards.

import { mkdtemp, readdir, readFile, rm, writeFile, rename } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FailpointName } from '../../../aggregator/src/failpoints.js';

export interface FailpointOrder {
  readonly at: FailpointName;
  /** kill: SIGKILL. stop: SIGSTOP, until somebody wakes the process. wait: the step is slow. */
  readonly act: 'kill' | 'stop' | 'wait';
  readonly waitMs: number;
  /** null: any aggregator. */
  readonly slot: number | null;
}

export interface ObeyedOrder {
  readonly id: string;
  readonly order: FailpointOrder;
  readonly pid: number;
}

export class Orders {
  readonly folder: string;
  #given = 0;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async open(): Promise<Orders> {
    return new Orders(await mkdtemp(join(tmpdir(), 'tidemark-orders-')));
  }

  /** @returns the order's id */
  async give(order: FailpointOrder): Promise<string> {
    const id = String(++this.#given).padStart(4, '0');
    const path = join(this.folder, id);
    await writeFile(path, JSON.stringify(order));
    // Whole before it is seen.
    await rename(path, `${path}.order`);
    return id;
  }

  async withdraw(id: string): Promise<void> {
    await rm(join(this.folder, `${id}.order`), { force: true });
  }

  async withdrawAll(): Promise<void> {
    for (const name of await readdir(this.folder)) {
      if (name.endsWith('.order')) await rm(join(this.folder, name), { force: true });
    }
  }

  async obeyed(): Promise<readonly ObeyedOrder[]> {
    const obeyed: ObeyedOrder[] = [];
    for (const name of (await readdir(this.folder)).sort()) {
      const match = /^(\d+)\.order\.(\d+)\.taken$/.exec(name);
      if (match !== null) {
        const order = JSON.parse(await readFile(join(this.folder, name), 'utf8')) as FailpointOrder;
        obeyed.push({ id: match[1], order, pid: Number(match[2]) });
      }
    }
    return obeyed;
  }

  async close(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}
