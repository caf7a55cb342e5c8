// For tests: databases of their own over one running engine, and the comparison of any read with the plain answer.

import { expect } from 'vitest';
import type { Definition } from '../definition/model.js';
import { TidemarkError } from '../errors.js';
import type { Filter, GroupResult, Output, TierRead, TierResult } from '../query/tier-read.js';
import type { ColdTier } from './cold-tier.js';
import {
  allOutputs,
  COUNTRIES,
  DAY,
  expectedRead,
  HOUR,
  MINUTE,
  pick,
  START,
  TestClock,
  testDefinition,
  toRawRows,
  type Expected,
  type Random,
  type TestEvent,
} from './cold.fixture.js';
import type { Engine } from './engine.js';
import { decodeNative } from './native-reader.js';
import { createColdTier } from './tier.js';

export const NEVER = new AbortController().signal;
export const NOW = START + 4 * DAY;

/** Several tiers over one running engine: each test has a database of its own. */
export function shared(engine: Engine): Engine {
  return {
    kind: engine.kind,
    start: async () => ({ version: 'shared' }),
    query: (sql, options) => engine.query(sql, options),
    command: (sql, options) => engine.command(sql, options),
    insertNative: (table, columns, blocks, options) => engine.insertNative(table, columns, blocks, options),
    ping: () => engine.ping(),
    stop: async () => undefined,
  };
}

export interface Bench {
  readonly tier: ColdTier;
  readonly definition: Definition;
  readonly clock: TestClock;
  readonly engine: Engine;
  readonly events: TestEvent[];
  insert(events: readonly TestEvent[]): Promise<void>;
  compact(untilMs: number): Promise<void>;
}

/** What the tests of one engine share. */
export class TestRoom {
  readonly engine: Engine;
  #databases = 0;

  constructor(engine: Engine) {
    this.engine = engine;
  }

  /** A name that no other test has. */
  database(): string {
    return `t${this.#databases++}`;
  }

  /** A migrated tier. @param more replaces parts of the test definition */
  async bench(more: Partial<Definition> = {}, database = this.database(), nowMs = NOW): Promise<Bench> {
    const definition = { ...testDefinition(database), ...more };
    const clock = new TestClock(nowMs);
    const tier = createColdTier(definition, shared(this.engine), clock, { batchRows: 700 });
    await tier.start();
    await tier.migrate(() => undefined);
    const events: TestEvent[] = [];
    return {
      tier,
      definition,
      clock,
      engine: this.engine,
      events,
      insert: async (list) => {
        events.push(...list);
        await tier.insert(toRawRows(definition, list));
      },
      compact: (untilMs) => tier.compact(untilMs, NEVER),
    };
  }

  async column(sql: string, name: string): Promise<readonly string[]> {
    return decodeNative(await this.engine.query(sql, { lane: 'query' })).strings(name);
  }

  async figure(sql: string): Promise<number> {
    return decodeNative(await this.engine.query(`SELECT toFloat64(${sql}) AS x`, { lane: 'query' })).numbers('x')[0];
  }
}

export function whole(definition: Definition): Omit<TierRead, 'signal'> {
  return {
    tenant: 'shop',
    grouping: 0,
    groupBy: [],
    filters: [],
    outputs: allOutputs(definition),
    fromMs: START,
    toMs: START + 2 * DAY,
    bucketMs: 0,
    windowSizeMs: null,
    maxRows: 1_000_000,
  };
}

/** Random reads: any grouping, groups, filters, resolution and outputs, over any part of the range. */
export async function compareSome(at: Bench, random: Random, count: number, fromMs = START - DAY, toMs = START + 3 * DAY): Promise<void> {
  const { definition } = at;
  for (let i = 0; i < count; i++) {
    const grouping = pick(random, definition.groupings);
    const groupBy = grouping.dimensions.filter(() => random() < 0.5).sort(() => random() - 0.5);
    const filters = grouping.dimensions.filter(() => random() < 0.4).map((dimension): Filter => randomFilter(random, dimension));
    const outputs = allOutputs(definition).filter(() => random() < 0.4);
    const bucketMs = pick(random, [0, 0, 10_000, MINUTE, MINUTE, 5 * MINUTE, HOUR, HOUR, 6 * HOUR, DAY]);
    const step = bucketMs === 0 ? 1_000 : bucketMs;
    const longest = bucketMs === 0 ? toMs - fromMs : Math.min(toMs - fromMs, step * 300);
    const begin = Math.floor((fromMs + random() * (toMs - fromMs - longest)) / step) * step;
    const end = begin + Math.max(1, Math.ceil((random() * longest) / step)) * step;
    const windowSizeMs = bucketMs > 0 && random() < 0.25 ? step * Math.ceil(random() * 6) : null;
    await compare(at, {
      tenant: pick(random, ['shop', 'shop', 'other', 'nobody']),
      grouping: grouping.index,
      groupBy,
      filters,
      bucketMs,
      windowSizeMs,
      fromMs: begin,
      toMs: end,
      outputs: outputs.length === 0 ? [{ component: 0, stat: 'value' }] : outputs,
      maxRows: 1_000_000,
    });
  }
}

function randomFilter(random: Random, dimension: number): Filter {
  const values = [COUNTRIES, ['phone', 'desktop', ''], ['view', 'buy', '']][dimension];
  const op = pick(random, ['=', '=', '!=', 'in', 'not in', '=~', '!~'] as const);
  if (op === '=~' || op === '!~') return { dimension, op, values: [pick(random, ['e', '^D', "'|\\\\", 'o|u'])] };
  return { dimension, op, values: op === 'in' || op === 'not in' ? values.filter(() => random() < 0.5) : [pick(random, values)] };
}

export async function compare(at: Bench, read: Omit<TierRead, 'signal'>): Promise<void> {
  const result = await at.tier.read({ ...read, signal: NEVER });
  const expected = expectedRead(at.definition, at.events, read);
  const say = JSON.stringify({ ...read, source: result.detail.source });
  expect(result.groups.map((group) => JSON.stringify(group.values)).sort(), say).toEqual([...expected.keys()].sort());
  expect(result.timesMs.length, say).toBe(read.bucketMs === 0 ? 1 : (read.toMs - read.fromMs) / read.bucketMs);
  for (const group of result.groups) {
    const cells = expected.get(JSON.stringify(group.values));
    if (cells === undefined) throw new Error(say);
    read.outputs.forEach((output, o) => {
      cells[o].forEach((cell, bucket) => compareCell(at.definition, output, group, o, bucket, cell, result, say));
    });
  }
}

function compareCell(
  definition: Definition,
  output: Output,
  group: GroupResult,
  o: number,
  bucket: number,
  cell: Expected,
  result: TierResult,
  read: string,
): void {
  const say = (): string =>
    `${definition.components[output.component].key} ${JSON.stringify(output)} of ${JSON.stringify(group.values)} in bucket ${bucket} of ${read}`;
  if (output.stat === 'items') {
    const list = group.items[o]?.[bucket] ?? [];
    const truth = new Map(cell.items.map(({ item, weight }) => [item, weight]));
    for (const { item, weight } of list) {
      const real = truth.get(item) ?? -1;
      if (weight > real + 1e-9 || weight < real - result.topError - 1e-9) expect({ item, weight }, say()).toEqual({ item, weight: real });
    }
    if (definition.components[output.component].keep >= 1000) expect(list, say()).toEqual(cell.items.slice(0, output.limit));
    return;
  }
  if (output.stat === 'histogram') {
    const bins = group.histograms[o]?.[bucket] ?? new Map<number, number>();
    if (bins.size > 0 || cell.bins.size > 0)
      expect(
        [...bins].sort((a, b) => a[0] - b[0]),
        say(),
      ).toEqual([...cell.bins].sort((a, b) => a[0] - b[0]));
    return;
  }
  const value = group.numbers[o][bucket];
  const slack = output.stat === 'quantile' ? Math.abs(cell.number) * 0.010_000_001 : 0;
  if (!(Number.isNaN(value) && Number.isNaN(cell.number)) && !(Math.abs(value - cell.number) <= slack))
    expect(value, say()).toBe(cell.number);
}

/** An engine that breaks off at the n-th writing statement, before it. */
export function failAfter(engine: Engine, allowed: number): { readonly engine: Engine; readonly stopped: () => boolean } {
  let left = allowed;
  let stopped = false;
  return {
    stopped: () => stopped,
    engine: {
      ...shared(engine),
      command: async (sql, options) => {
        if (left-- <= 0) {
          stopped = true;
          throw new TidemarkError('unavailable', 'TEST_STOP', 'stopped by the test');
        }
        await engine.command(sql, options);
      },
    },
  };
}
