// Lets the demo shop's events into the log: first its history as fast as the log takes it, then live, four times a second.
// Invariant: how far it has come is stored only after the log has the events, so a restart repeats at most the last step, whose event ids
// are the same and are found to be duplicates; nothing is left out.

import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Clock } from '../../clock.js';
import type { DemoConfig } from '../../definition/model.js';
import { SILENT_LOG, type SourceLog } from '../kafka-client.js';
import type { LogWriter } from '../log.js';
import { createShop, type Shop } from './shop.js';

export interface DemoRunnerOptions {
  readonly demo: DemoConfig;
  readonly writer: LogWriter;
  readonly clock: Clock;
  /** Where it is kept how far the demo has come. */
  readonly statePath: string;
  readonly log?: SourceLog;
  /** While history is written: the share that is done, 0 to 1. */
  readonly onHistory?: (share: number) => void;
}

export interface DemoRunner {
  /** Writes what is due by now. @returns events written */
  step(): Promise<number>;
  /** Steps until `stop`; a failing log is tried again each second. */
  start(): void;
  stop(): Promise<void>;
}

const STEP_MS = 250;
const RETRY_MS = 1_000;
/** Time covered by one append: enough events to be quick, few enough to be repeated. */
const EVENTS_PER_APPEND = 20_000;
const APPEND_MAX_MS = 60_000;

interface State {
  readonly seed: number;
  readonly rate: number;
  /** Arrivals before this time are in the log, epoch ms. */
  readonly writtenToMs: number;
  /** Where the history begins, epoch ms. */
  readonly openedMs: number;
}

export function createDemoRunner(options: DemoRunnerOptions): DemoRunner {
  return new Runner(options);
}

class Runner implements DemoRunner {
  readonly #options: DemoRunnerOptions;
  readonly #shop: Shop;
  readonly #log: SourceLog;
  #writtenToMs: number | null = null;
  /** Nothing that happened before is sent: hours with a straggler each would be taken for a shop that hardly anybody visits. */
  #openedMs = 0;
  #stopping = false;
  #running: Promise<void> | null = null;
  #wake: () => void = () => undefined;

  constructor(options: DemoRunnerOptions) {
    this.#options = options;
    this.#shop = createShop(options.demo);
    this.#log = options.log ?? SILENT_LOG;
  }

  async step(): Promise<number> {
    const { demo, clock, writer, onHistory } = this.#options;
    const fromMs = (this.#writtenToMs ??= await this.#begin());
    const firstMs = fromMs;
    const chunkMs = Math.min(APPEND_MAX_MS, Math.max(STEP_MS, Math.floor(EVENTS_PER_APPEND / demo.rate) * 1_000));
    let written = 0;
    for (let at = fromMs; at < clock.now() && !this.#stopping;) {
      const toMs = Math.min(at + chunkMs, clock.now());
      const events = this.#shop.eventsBetween(at, toMs).filter(({ timeMs }) => timeMs >= this.#openedMs);
      if (events.length > 0) await writer.append(events.map(({ userId, json }) => ({ key: userId, value: Buffer.from(json, 'latin1') })));
      await this.#writeState(toMs);
      this.#writtenToMs = toMs;
      written += events.length;
      at = toMs;
      if (at - firstMs > 2 * STEP_MS) onHistory?.(Math.min(1, (at - firstMs) / Math.max(1, clock.now() - firstMs)));
    }
    return written;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      let pauseMs = STEP_MS;
      try {
        await this.step();
      } catch (error) {
        this.#log.warn(
          { error: error instanceof Error ? error.message : String(error) },
          'the demo could not write its events; trying again',
        );
        pauseMs = RETRY_MS;
      }
      await this.#pause(pauseMs);
    }
  }

  async #pause(ms: number): Promise<void> {
    if (this.#stopping) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    this.#wake();
    await this.#running;
  }

  /** @returns where to go on, epoch ms; another seed or rate is another shop, which goes on where the former was */
  async #begin(): Promise<number> {
    const state = await this.#readState();
    const { clock, demo } = this.#options;
    const newMs = clock.now() - demo.historyMs;
    this.#openedMs = state === null ? newMs : state.openedMs;
    return state?.writtenToMs ?? newMs;
  }

  /** @returns null when this shop has not run yet */
  async #readState(): Promise<Pick<State, 'writtenToMs' | 'openedMs'> | null> {
    let text: string;
    try {
      text = await readFile(this.#options.statePath, 'utf8');
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
      throw error;
    }
    try {
      const state: unknown = JSON.parse(text);
      if (typeof state === 'object' && state !== null && 'writtenToMs' in state && typeof state.writtenToMs === 'number') {
        // Of a state that an earlier version wrote it is not known.
        const openedMs = 'openedMs' in state && typeof state.openedMs === 'number' ? state.openedMs : 0;
        return { writtenToMs: state.writtenToMs, openedMs };
      }
    } catch (error) {
      this.#log.warn(
        { error: error instanceof Error ? error.message : String(error) },
        'the demo state is not JSON; its history is written again',
      );
    }
    return null;
  }

  async #writeState(writtenToMs: number): Promise<void> {
    const { statePath, demo } = this.#options;
    const state: State = { seed: demo.seed, rate: demo.rate, writtenToMs, openedMs: this.#openedMs };
    await mkdir(dirname(statePath), { recursive: true });
    const file = await open(`${statePath}.next`, 'w');
    try {
      await file.writeFile(JSON.stringify(state));
      await file.datasync();
    } finally {
      await file.close();
    }
    await rename(`${statePath}.next`, statePath);
  }
}
