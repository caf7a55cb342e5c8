// The whole way of a record, without a broker: a log of one partition that a test appends to, the pipeline, a hot tier and the real
// engine. What every test of bad input asks afterwards stands here too: does it still work, and is every record accounted for?

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { loadDefinition } from '../../aggregator/src/definition/load.js';
import type { Definition } from '../../aggregator/src/definition/model.js';
import type { DeadLetter } from '../../aggregator/src/source/log.js';
import { embeddedStores, openStack, type OpenStores, type Stack } from '../oracle/stack.js';
import { ScriptedLog, SetClock, type ScriptedRecord } from '../support/scripted-log.js';
import { until } from '../support/until.js';

export const SHOP_YAML = join(import.meta.dirname, 'shop.yaml');
export const PARTITION = 'shop/0';

const MINUTE_MS = 60_000;

export interface Ledger {
  readonly consumed: number;
  readonly applied: number;
  readonly duplicates: number;
  readonly deadLettered: number;
}

export interface Frame {
  readonly fields: readonly {
    readonly name: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly config?: { readonly displayNameFromDS?: string };
  }[];
  readonly values: readonly (readonly (number | string | null)[])[];
  readonly notices: readonly string[];
}

export interface Answer {
  readonly status: number;
  readonly error: string;
  readonly frame: Frame;
}

/** @param changes of the YAML's text, as pairs of what is replaced and by what */
export function shopDefinition(...changes: readonly (readonly [string, string])[]): Definition {
  let text = readFileSync(SHOP_YAML, 'utf8');
  for (const [from, to] of changes) {
    if (!text.includes(from)) throw new Error(`shop.yaml has no ${from}`);
    text = text.replace(from, to);
  }
  return loadDefinition({ path: SHOP_YAML, text });
}

export class Bench {
  readonly stack: Stack;
  readonly nowMs: number;
  readonly #records: ScriptedRecord[];
  readonly #log: ScriptedLog;
  #goodEvents = 0;

  private constructor(stack: Stack, log: ScriptedLog, records: ScriptedRecord[], nowMs: number) {
    this.stack = stack;
    this.nowMs = nowMs;
    this.#log = log;
    this.#records = records;
  }

  /** The clock stands still, thirty seconds into a minute near now. */
  static async open(definition: Definition, openStores: OpenStores = embeddedStores): Promise<Bench> {
    const nowMs = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS - 30_000;
    const clock = new SetClock(nowMs);
    const records: ScriptedRecord[] = [];
    const log = new ScriptedLog(new Map([[PARTITION, records]]));
    const stack = await openStack(definition, clock, log, openStores);
    await log.start(stack.pipeline);
    stack.pipeline.start();
    return new Bench(stack, log, records, nowMs);
  }

  async close(): Promise<void> {
    await this.stack.pipeline.drain();
    await this.stack.close();
  }

  /** An event of now with everything in it; `more` lies over it. */
  event(id: string, more: object = {}): string {
    return JSON.stringify({
      event_id: id,
      ts: this.nowMs - 5_000,
      type: 'page_view',
      user_id: 'u-1',
      geo: { country: 'DE' },
      device: 'phone',
      amount: 1.25,
      ...more,
    });
  }

  /** Appends records and resolves when all are flushed and committed. @returns the first one's offset */
  async send(values: readonly (string | Uint8Array | null)[]): Promise<number> {
    const first = this.#records.length;
    values.forEach((value, i) => this.#records.push({ offset: first + i, timestampMs: this.nowMs, value }));
    await this.#log.deliverAll(2_000);
    await until(
      `${values.length} records are committed`,
      30_000,
      async () => {
        if (this.stack.fatal.length > 0) throw this.stack.fatal[0];
        return Promise.resolve(this.#log.committed.get(PARTITION)?.offset === this.#records.length);
      },
      20,
    );
    return first;
  }

  letters(fromOffset: number): readonly DeadLetter[] {
    return this.stack.letters.letters.filter((letter) => letter.offset >= fromOffset);
  }

  async ledger(): Promise<Ledger> {
    const state = (await this.stack.hot.coverage()).partitions.get(PARTITION);
    const { consumed = 0, applied = 0, duplicates = 0, deadLettered = 0 } = state ?? {};
    return { consumed, applied, duplicates, deadLettered };
  }

  /** One query, answered by one tier alone. */
  async ask(tier: 'hot' | 'cold', query: object, minutes = 10): Promise<Answer> {
    const state = (await this.stack.hot.coverage()).partitions.get(PARTITION);
    if (state !== undefined) this.stack.freshness.flushed(PARTITION, state);
    const engine = this.stack.engine(tier === 'hot' ? 0 : Number.POSITIVE_INFINITY);
    const body = { from: this.nowMs - minutes * MINUTE_MS, to: this.nowMs + 1_000, queries: [{ refId: 'A', ...query }] };
    const { results } = await engine.run(this.stack.definition.tenants[0], body, new AbortController().signal);
    const result = results['A'];
    const [frame] = result.frames;
    return {
      status: result.status,
      error: result.error ?? '',
      frame: { fields: frame.schema.fields, values: frame.data.values, notices: (frame.schema.meta.notices ?? []).map(({ text }) => text) },
    };
  }

  /** One number, which both tiers must agree on; 0 where there is nothing. */
  async total(measure: string, filters: readonly object[] = []): Promise<number> {
    const numbers: number[] = [];
    for (const tier of ['hot', 'cold'] as const) {
      const { status, error, frame } = await this.ask(tier, { measure, filters, format: 'total' });
      expect({ status, error }).toEqual({ status: 200, error: '' });
      numbers.push(Number(frame.values[0]?.[0] ?? 0));
    }
    expect(numbers[1], `${measure} of the cold tier`).toBeCloseTo(numbers[0], 6);
    return numbers[0];
  }

  /** A total by group, which both tiers must agree on. */
  async totals(measure: string, dimension: string, filters: readonly object[] = []): Promise<ReadonlyMap<string, number>> {
    const answers: ReadonlyMap<string, number>[] = [];
    for (const tier of ['hot', 'cold'] as const) {
      const { status, error, frame } = await this.ask(tier, { measure, groupBy: [dimension], filters, format: 'total' });
      expect({ status, error }).toEqual({ status: 200, error: '' });
      answers.push(new Map(frame.fields.map((field, i) => [field.labels?.[dimension] ?? '?', Number(frame.values[i][0])])));
    }
    expect(answers[1]).toEqual(answers[0]);
    return answers[0];
  }

  /** After any input: events are still counted, once, in both tiers, and no record is unaccounted for. */
  async expectSound(): Promise<void> {
    const { pipeline, letters, fatal } = this.stack;
    const before = await this.total('events', [{ dimension: 'device', op: '=', value: 'witness' }]);
    await this.send([this.event(`witness-${++this.#goodEvents}`, { device: 'witness' })]);
    expect(await this.total('events', [{ dimension: 'device', op: '=', value: 'witness' }])).toBe(before + 1);
    const { consumed, applied, duplicates, deadLettered } = await this.ledger();
    expect(consumed).toBe(this.#records.length);
    expect(consumed).toBe(applied + duplicates + deadLettered);
    expect(letters.letters).toHaveLength(deadLettered);
    expect(await this.total('events')).toBe(applied);
    expect(fatal).toEqual([]);
    expect(pipeline.state).toBe('running');
  }
}
