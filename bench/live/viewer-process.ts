// Viewers in a process of their own, seen from the benchmark.

import { fork, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { repositoryRoot } from '../../test/support/repository-root.js';
import type { ViewerOrder, ViewerReport } from './viewer-protocol.js';

export class ViewerProcess {
  readonly #child: ChildProcess;

  constructor() {
    const root = repositoryRoot();
    this.#child = fork(join(root, 'scripts', 'run-ts.mjs'), [join(root, 'bench', 'live', 'viewers.ts')], { cwd: root });
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error('the viewers did not start');
    return this.#child.pid;
  }

  /** @throws Error when the process ends instead of answering */
  async order(order: ViewerOrder): Promise<ViewerReport | null> {
    return new Promise((resolve, reject) => {
      const ended = (code: number | null): void => reject(new Error(`the viewers ended with ${code ?? 'a signal'}`));
      this.#child.once('exit', ended);
      this.#child.once('message', (answer: ViewerReport | { readonly done: string }) => {
        this.#child.off('exit', ended);
        resolve('done' in answer ? null : answer);
      });
      this.#child.send(order);
    });
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}
