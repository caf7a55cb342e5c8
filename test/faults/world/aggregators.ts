// The group of aggregators: each slot has one process at a time, on its own port. Whatever ends a process, another is started in its
// slot, as a supervisor would; a process that ends without having been told is a finding.

import { join } from 'node:path';
import { repositoryRoot } from '../../support/repository-root.js';
import { startTidemark, type Tidemark } from '../../support/tidemark-process.js';
import { until } from '../../support/until.js';
import type { Orders } from './orders.js';

export interface GroupOptions {
  /** The program with failpoints. */
  readonly program: string;
  readonly definition: string;
  readonly env: Readonly<Record<string, string>>;
  readonly orders: Orders;
  readonly say: (line: string) => void;
}

interface Slot {
  readonly index: number;
  tidemark: Tidemark | null;
  starting: Promise<void> | null;
  /** The next end of the process is wanted. */
  ending: boolean;
  /** No process is wanted here. */
  empty: boolean;
  /** Seen dead at the last look: by now it is known whether an order killed it. */
  dead: boolean;
}

export interface SelfEnded {
  readonly slot: number;
  readonly code: number | NodeJS.Signals;
  readonly lastWords: string;
}

const FREEZE_MS = 9_000;
const LOOK_EVERY_MS = 100;
const START_WITHIN_MS = 200_000;

export class Aggregators {
  readonly selfEnded: SelfEnded[] = [];
  readonly counts = { kills: 0, pauses: 0, starts: 0, ordersObeyed: 0 };
  readonly #options: GroupOptions;
  readonly #slots: Slot[];
  readonly #obeyed = new Set<string>();
  #timer: NodeJS.Timeout | null = null;
  #looking: Promise<void> | null = null;
  #closed = false;

  constructor(options: GroupOptions, size: number) {
    this.#options = options;
    this.#slots = Array.from({ length: size }, (_, index) => ({
      index,
      tidemark: null,
      starting: null,
      ending: false,
      empty: false,
      dead: false,
    }));
  }

  /** How many processes there should be. */
  get size(): number {
    return this.#wanted().length;
  }

  /** Slots but those that somebody has left for good. */
  #wanted(): readonly Slot[] {
    return this.#slots.filter(({ empty }) => !empty);
  }

  /** @param number any: it is counted round */
  #slot(number: number): Slot {
    const wanted = this.#wanted();
    return wanted[number % wanted.length];
  }

  /** Starts a process in every slot and waits until each listens. */
  async start(): Promise<void> {
    await Promise.all(this.#slots.map((slot) => this.#launch(slot)));
    this.#timer = setInterval(() => void this.#look(), LOOK_EVERY_MS);
  }

  /** Base addresses of the processes that are there now. */
  urls(): string[] {
    return this.#slots.flatMap(({ tidemark, empty }) => (tidemark !== null && !empty ? [tidemark.url] : []));
  }

  process(number: number): Promise<Tidemark> {
    return this.#processIn(this.#slot(number));
  }

  async #processIn(slot: Slot): Promise<Tidemark> {
    return until(`a process in slot ${slot.index}`, START_WITHIN_MS, async () => {
      const { tidemark } = slot;
      return Promise.resolve(tidemark?.process.running() === true ? tidemark : null);
    });
  }

  async kill(number: number): Promise<void> {
    const slot = this.#slot(number);
    const victim = await this.#processIn(slot);
    slot.ending = true;
    this.counts.kills++;
    await victim.process.kill();
  }

  /** SIGTERM; resolves when it has ended. */
  async terminate(number: number): Promise<void> {
    const slot = this.#slot(number);
    const victim = await this.#processIn(slot);
    slot.ending = true;
    await victim.process.stop(20_000);
  }

  /** SIGSTOP for so long that the group goes on without it, then SIGCONT. */
  async freeze(slot: number, ms: number): Promise<void> {
    const victim = await this.process(slot);
    this.counts.pauses++;
    victim.process.pause();
    await new Promise((resolve) => setTimeout(resolve, ms));
    victim.process.resume();
  }

  /** Another process joins the group: a slot of its own. @returns the slot */
  async join(): Promise<number> {
    const slot: Slot = { index: this.#slots.length, tidemark: null, starting: null, ending: false, empty: false, dead: false };
    this.#slots.push(slot);
    await this.#launch(slot);
    return slot.index;
  }

  /** SIGTERM, and the slot stays empty. */
  async leave(slot: number): Promise<void> {
    this.#slots[slot].empty = true;
    await this.#slots[slot].tidemark?.process.stop(20_000);
  }

  /** Nobody runs while `work` does. */
  async whileAllStand(work: () => Promise<void>): Promise<void> {
    const before = this.#slots.map(({ empty }) => empty);
    for (const slot of this.#slots) {
      slot.empty = true;
      slot.ending = true;
    }
    await Promise.all(this.#slots.map(async (slot) => (await slot.starting, slot.tidemark?.process.stop(20_000))));
    try {
      await work();
    } finally {
      this.#slots.forEach((slot, i) => {
        slot.empty = before[i];
      });
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#timer !== null) clearInterval(this.#timer);
    await this.#looking;
    await Promise.all(this.#slots.map(async (slot) => (await slot.starting?.catch(() => undefined), slot.tidemark?.process.kill())));
  }

  async #launch(slot: Slot): Promise<void> {
    slot.ending = false;
    slot.dead = false;
    const { program, definition, env, orders } = this.#options;
    this.counts.starts++;
    slot.starting = (async () => {
      const port = slot.tidemark?.port;
      slot.tidemark = await startTidemark({
        definition,
        program,
        env: { ...env, FAULTS_ORDERS: orders.folder, FAULTS_SLOT: String(slot.index) },
        until: 'listening',
        ...(port === undefined ? {} : { port }),
      });
    })();
    try {
      await slot.starting;
    } finally {
      slot.starting = null;
    }
  }

  /** One look at a time; the one under way ends before the folder goes. */
  async #look(): Promise<void> {
    if (this.#looking !== null || this.#closed) return;
    this.#looking = this.#lookOnce().finally(() => {
      this.#looking = null;
    });
    await this.#looking;
  }

  async #lookOnce(): Promise<void> {
    for (const { id, order, pid } of await this.#options.orders.obeyed()) {
      if (this.#obeyed.has(id)) continue;
      this.#obeyed.add(id);
      this.counts.ordersObeyed++;
      const slot = this.#slots.find(({ tidemark }) => tidemark?.process.pid === pid);
      this.#options.say(`  ${order.act} at ${order.at} in slot ${slot?.index ?? '?'}`);
      if (order.act === 'kill') {
        this.counts.kills++;
        if (slot !== undefined) slot.ending = true;
      }
      if (order.act === 'stop') {
        this.counts.pauses++;
        setTimeout(() => slot?.tidemark?.process.resume(), FREEZE_MS);
      }
    }
    for (const slot of this.#slots) this.#revive(slot);
  }

  #revive(slot: Slot): void {
    const { tidemark } = slot;
    if (slot.empty || slot.starting !== null || (tidemark !== null && tidemark.process.running())) return;
    if (!slot.dead) {
      slot.dead = true;
      return;
    }
    if (tidemark !== null && !slot.ending) void this.#note(slot.index, tidemark);
    void this.#launch(slot).catch((error: unknown) => {
      this.#options.say(`  slot ${slot.index} could not be started: ${String(error).split('\n')[0]}`);
      // A start that was ordered to die at a failpoint is one more kill; the next look starts it again.
      slot.ending = true;
    });
  }

  async #note(slot: number, tidemark: Tidemark): Promise<void> {
    const code = await tidemark.process.ended;
    const lastWords = tidemark.process.output().trim().split('\n').slice(-3).join('\n');
    this.selfEnded.push({ slot, code, lastWords });
    this.#options.say(`  slot ${slot} ended by itself with ${code}: ${lastWords}`);
  }
}

export const FAULTS_DEFINITION = join(repositoryRoot(), 'test', 'oracle', 'shop.yaml');
