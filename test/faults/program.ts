// The aggregator as a user runs it, with one difference: at its failpoints it looks for orders in a folder and obeys them. Only this
// program knows of the folder; the one that is shipped has nothing that could be switched on.

import { readdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from '../../aggregator/src/cli/program.js';
import type { FailpointName, Failpoints } from '../../aggregator/src/failpoints.js';
import type { FailpointOrder } from './world/orders.js';

/** Takes the first order for this point and this process, if there is one; a rename decides between processes. */
class ObeyedFailpoints implements Failpoints {
  readonly #folder: string;
  readonly #slot: number;

  constructor(folder: string, slot: number) {
    this.#folder = folder;
    this.#slot = slot;
  }

  reach(name: FailpointName): Promise<void> | undefined {
    for (const file of readdirSync(this.#folder).sort()) {
      if (!file.endsWith('.order')) continue;
      const path = join(this.#folder, file);
      const order = readOrder(path);
      if (order === null || order.at !== name || (order.slot !== null && order.slot !== this.#slot)) continue;
      try {
        renameSync(path, `${path}.${process.pid}.taken`);
      } catch {
        // Another process was faster.
        continue;
      }
      switch (order.act) {
        case 'kill':
          process.kill(process.pid, 'SIGKILL');
          return sleep(60_000);
        case 'stop':
          process.kill(process.pid, 'SIGSTOP');
          // The signal takes effect before the process does anything else with a socket.
          return sleep(1);
        case 'wait':
          return sleep(order.waitMs);
      }
    }
    return undefined;
  }
}

function readOrder(path: string): FailpointOrder | null {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as FailpointOrder;
  } catch {
    return null;
  }
}

const folder = process.env['FAULTS_ORDERS'];
if (folder === undefined) throw new Error('FAULTS_ORDERS names the folder with the orders');
process.exit(
  await run(process.argv.slice(2), {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    env: { ...process.env },
    previewDir: '',
    failpoints: new ObeyedFailpoints(folder, Number(process.env['FAULTS_SLOT'])),
  }),
);
