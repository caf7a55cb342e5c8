// Defects of the way from the log into both tiers that a review found, each by the promise that it broke.

import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Definition } from '../../aggregator/src/definition/model.js';
import { emptyState } from '../../aggregator/src/flush/position.js';
import { shopDefinition } from '../bad-input/bench.js';
import { embeddedStores, openStack, type Stack } from '../oracle/stack.js';
import { ScriptedLog, SetClock, type ScriptedRecord } from '../support/scripted-log.js';
import { until } from '../support/until.js';

const PARTITION = 'shop/0';
const NOW = Math.floor(Date.now() / 60_000) * 60_000 - 30_000;
const NEVER = new AbortController().signal;

interface Running {
  readonly stack: Stack;
  readonly log: ScriptedLog;
  readonly records: ScriptedRecord[];
  add(value: string): void;
  committed(offset: number): Promise<void>;
}

const ends: (() => Promise<void>)[] = [];

async function run(
  definition: Definition,
  before: (stack: Stack, log: ScriptedLog) => Promise<void> = async () => undefined,
): Promise<Running> {
  const records: ScriptedRecord[] = [];
  const log = new ScriptedLog(new Map([[PARTITION, records]]));
  const stack = await openStack(definition, new SetClock(NOW), log, embeddedStores);
  ends.push(async () => {
    await stack.pipeline.drain();
    await stack.close();
  });
  await before(stack, log);
  stack.pipeline.start();
  return {
    stack,
    log,
    records,
    add: (value) => records.push({ offset: records.length, timestampMs: NOW, value }),
    committed: async (offset) => {
      await until(`${offset} is committed`, 20_000, async () => Promise.resolve(log.committed.get(PARTITION)?.offset === offset), 20);
    },
  };
}

function event(id: number, country: string, timeMs = NOW - 5_000): string {
  return JSON.stringify({ event_id: `e${id}`, ts: timeMs, type: 'page_view', user_id: 'u', geo: { country }, device: 'phone', amount: 1 });
}

describe('the pipeline', { timeout: 60_000 }, () => {
  afterEach(async () => {
    vi.restoreAllMocks();
    for (const end of ends.splice(0)) await end();
  });

  it('lets no newcomer take the place of a value in use when the hot tier loses everything while it runs', async () => {
    const { stack, log, add, committed } = await run(shopDefinition(['cap: 100', 'cap: 2']));
    await log.start(stack.pipeline);
    ['DE', 'FR'].forEach((country, i) => add(event(i, country)));
    await log.deliverAll();
    await committed(2);
    await stack.hot.clear();
    ['IT', 'DE', 'FR'].forEach((country, i) => add(event(2 + i, country)));
    await log.deliverAll();
    // The first flush after the loss is fenced; recovery delivers again.
    await until('recovery', 10_000, async () => (await log.deliver(PARTITION, 100), log.committed.get(PARTITION)?.offset === 5), 20);
    const kept = await stack.cold.readValues(stack.definition.tenants[0].name, 0, NOW - 60_000, NOW, '', 10, NEVER);
    expect([...kept].sort()).toEqual(['DE', 'FR', '__other__']);
    expect([...(await stack.hot.admit(stack.definition.tenants[0].name, 0, ['DE', 'FR', 'IT']))].sort()).toEqual(['DE', 'FR']);
  });

  it('counts a partition whose log ends in records without a value as read to its end', async () => {
    const { stack, log, add, committed } = await run(shopDefinition());
    await log.start(stack.pipeline);
    add(event(0, 'DE', NOW - 600_000));
    await log.deliverAll();
    await committed(1);
    // A transaction's marker stands at offset 1: a fetch from there brings nothing and says that the log ends at 2.
    stack.pipeline.idle(PARTITION, 2);
    await committed(2);
    const { watermarkMs } = stack.freshness.freshness(await stack.hot.coverage());
    expect(watermarkMs).toBe(NOW - stack.definition.latenessMs);
  });

  // Found by `npm run test:faults -- --seed 1 --actions 40`: a slow flush held a fetched batch back for seconds, and by the time it was
  // processed the partition was called read to its end as of then, although the log had grown since the fetch.
  it('knows a partition as read to its end only as of the fetch that said so', async () => {
    const { stack, log, add, committed } = await run(shopDefinition());
    await log.start(stack.pipeline);
    add(event(0, 'DE', NOW - 600_000));
    await log.deliverAll();
    await committed(1);
    stack.pipeline.idle(PARTITION, 1, NOW - 4_000);
    const { watermarkMs } = stack.freshness.freshness(await stack.hot.coverage());
    expect(watermarkMs).toBe(NOW - 4_000 - stack.definition.latenessMs);
  });

  it('begins no coverage before it knows the newest event that the cold tier has', async () => {
    let answer: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (answer = resolve));
    const { stack, log, add, records } = await run(shopDefinition());
    await log.start(stack.pipeline);
    for (let i = 0; i < 5; i++) add(event(i, 'DE'));
    for (let i = 5; i < 10; i++) add('no event');
    await log.deliverAll();
    await until('all is committed', 10_000, async () => Promise.resolve(log.committed.get(PARTITION)?.offset === 10), 20);
    // One shard keeps its marker, the others lose theirs, and somebody sets the group back by hand to where only refused records follow.
    for (let shard = 1; shard < stack.hot.shards; shard++) await stack.hot.dropMarker(shard, PARTITION);
    await log.commit([{ partition: PARTITION, offset: 5, metadata: '' }]);
    const newest = stack.cold.newestEventMs.bind(stack.cold);
    let asked = false;
    vi.spyOn(stack.cold, 'newestEventMs').mockImplementation(async (partition, below) => {
      asked = true;
      await held;
      return newest(partition, below);
    });
    await log.reassign();
    const delivered = log.deliverAll();
    await until('the cold tier is asked', 10_000, async () => Promise.resolve(asked), 10);
    // Some ticks of the flush timer.
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect((await stack.hot.coverage()).missing).toEqual([PARTITION]);
    answer();
    await delivered;
    await until('coverage', 10_000, async () => (await stack.hot.coverage()).missing.length === 0, 20);
    expect((await stack.hot.coverage()).fromMs).toBe(NOW - 5_000 + 1);
    expect(records).toHaveLength(10);
    expect(stack.fatal).toEqual([]);
  });

  it('reads on no further when refused records pile up because they cannot be stored', async () => {
    const { stack, log, add } = await run(shopDefinition());
    let store: () => void = () => undefined;
    const stored = new Promise<void>((resolve) => (store = resolve));
    vi.spyOn(stack.letters, 'write').mockImplementation(() => stored);
    await log.start(stack.pipeline);
    const large = `no event ${'x'.repeat(200_000)}`;
    for (let i = 0; i < 1_600; i++) add(large);
    const delivered = log.deliverAll(50);
    await until('the pipeline to hold on', 20_000, async () => {
      const before = stack.pipeline.partitions[0].next;
      await new Promise((resolve) => setTimeout(resolve, 300));
      return before > 0 && stack.pipeline.partitions[0].next === before;
    });
    // Twice the bound: what is being stored, and what is gathered meanwhile.
    expect(stack.pipeline.partitions[0].next).toBeLessThan(1_200);
    store();
    await delivered;
    await until('all is committed', 20_000, async () => Promise.resolve(log.committed.get(PARTITION)?.offset === 1_600), 20);
    expect((await stack.hot.coverage()).partitions.get(PARTITION)).toMatchObject({
      ...emptyState(1_600),
      warmFrom: 1_600,
      consumed: 1_600,
      deadLettered: 1_600,
    });
  });
});
