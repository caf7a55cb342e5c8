// Work in the background that is done in rounds: at intervals, one at a time over all processes, by a lease in the hot tier.

import type { HotTier } from '../hot/hot-tier.js';

export class Rounds {
  readonly #hot: HotTier;
  readonly #leaseName: string;
  readonly #owner: string;
  readonly #round: (signal: AbortSignal) => Promise<void>;
  readonly #failed: (error: unknown) => void;
  readonly #abort = new AbortController();
  #timer: NodeJS.Timeout | null = null;
  #running: Promise<void> | null = null;

  /** @param owner names this process in the lease @param round takes the lease itself, once there is something to do */
  constructor(
    lease: { readonly hot: HotTier; readonly name: string; readonly owner: string },
    round: (signal: AbortSignal) => Promise<void>,
    failed: (error: unknown) => void,
  ) {
    this.#hot = lease.hot;
    this.#leaseName = lease.name;
    this.#owner = lease.owner;
    this.#round = round;
    this.#failed = failed;
  }

  start(intervalMs: number): void {
    this.#timer = setInterval(() => void this.runOnce(), intervalMs);
  }

  /** One round, to its end; joins the one that is under way. Errors are reported, not thrown: the next round goes on. */
  async runOnce(): Promise<void> {
    this.#running ??= this.#reported().finally(() => {
      this.#running = null;
    });
    await this.#running;
  }

  async stop(): Promise<void> {
    if (this.#timer !== null) {
      clearInterval(this.#timer);
    }
    this.#abort.abort();
    await this.#running;
    await this.#hot.releaseLease(this.#leaseName, this.#owner).catch(() => undefined);
  }

  async #reported(): Promise<void> {
    try {
      await this.#round(this.#abort.signal);
    } catch (error) {
      if (!this.#abort.signal.aborted) {
        this.#failed(error);
      }
    }
  }
}
