// Defects of recovery that the fault harness and reviews found, each by the promise that it broke.

import { afterEach, describe, expect, it } from 'vitest';
import { emptyState } from '../../aggregator/src/flush/position.js';
import type { AssignedPartition, PartitionId } from '../../aggregator/src/source/log.js';
import type { RawRows } from '../../aggregator/src/window/flush-batch.js';
import { PartitionProcessor } from '../../aggregator/src/window/partition-processor.js';
import { shopDefinition } from '../bad-input/bench.js';
import { openStack, type Stack } from '../oracle/stack.js';
import { ScriptedLog, SetClock, toBatch, type ScriptedRecord } from '../support/scripted-log.js';
import { until } from '../support/until.js';

const PARTITION = 'shop/0';
const NOW = Math.floor(Date.now() / 60_000) * 60_000 - 30_000;

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

async function run(): Promise<{ stack: Stack; log: ScriptedLog; add(count: number, timeMs?: number): void }> {
  const records: ScriptedRecord[] = [];
  const log = new ScriptedLog(new Map([[PARTITION, records]]));
  const stack = await openStack(shopDefinition(), new SetClock(NOW), log);
  ends.push(async () => {
    await stack.pipeline.drain();
    await stack.close();
  });
  stack.pipeline.start();
  const add = (count: number, timeMs = NOW - 5_000): void => {
    for (let i = 0; i < count; i++) {
      const offset = records.length;
      const event = {
        event_id: `e${offset}`,
        ts: timeMs,
        type: 'page_view',
        user_id: 'u',
        geo: { country: 'DE' },
        device: 'phone',
        amount: 1,
      };
      records.push({ offset, timestampMs: NOW, value: JSON.stringify(event) });
    }
  };
  return { stack, log, add };
}

async function flushed(stack: Stack, log: ScriptedLog, offset: number): Promise<void> {
  await until(`${offset} is committed`, 20_000, () => Promise.resolve(log.committed.get(PARTITION)?.offset === offset), 20);
  expect(stack.fatal).toEqual([]);
}

describe('an assignment', { timeout: 60_000 }, () => {
  const assigned = (log: ScriptedLog, logEnd: number): AssignedPartition => {
    const commit = log.committed.get(PARTITION);
    const committed = { committedOffset: commit?.offset ?? null, committedMetadata: commit?.metadata ?? '' };
    return { id: PARTITION, ...committed, logStart: 0, logEnd, startOffset: 0 };
  };

  it('whose log end was asked before a zombie flushed past it asks again instead of ending the process', async () => {
    const { stack, log, add } = await run();
    await log.start(stack.pipeline);
    add(10);
    await log.deliverAll();
    await flushed(stack, log, 10);
    let asked = 0;
    log.reassign = () => Promise.resolve(void asked++);
    const old = await stack.pipeline.assigned(7, [assigned(log, 6)], [PARTITION]);
    expect(old.get(PARTITION)).toBe(6);
    expect(asked).toBe(1);
    expect(stack.pipeline.state).toBe('recovering');
    const fresh = await stack.pipeline.assigned(8, [assigned(log, 10)], [PARTITION]);
    expect(fresh.get(PARTITION)).toBeLessThanOrEqual(10);
    expect(stack.pipeline.state).toBe('running');
    expect(stack.fatal).toEqual([]);
  });

  it('to a log that stays shorter than what was applied ends with the reason', async () => {
    const { stack, log, add } = await run();
    await log.start(stack.pipeline);
    add(10);
    await log.deliverAll();
    await flushed(stack, log, 10);
    log.reassign = () => Promise.resolve();
    await stack.pipeline.assigned(7, [assigned(log, 6)], [PARTITION]);
    await expect(stack.pipeline.assigned(8, [assigned(log, 6)], [PARTITION])).rejects.toMatchObject({ code: 'LOG_BEHIND_POSITION' });
  });
});

describe('a coverage that begins behind records which the log dropped', { timeout: 60_000 }, () => {
  it('begins after the newest event that the cold tier has, counted by a marker or not', async () => {
    const { stack, log, add } = await run();
    add(4, NOW - 60_000);
    await log.start(stack.pipeline);
    await log.deliverAll();
    await flushed(stack, log, 4);
    // Killed between the tiers: rows 4 to 6 are in the cold tier, and no marker has them.
    const rows = await rowsOf(stack, log, add);
    await stack.cold.insert(rows);
    const gone: AssignedPartition = {
      id: PARTITION,
      committedOffset: 4,
      committedMetadata: log.committed.get(PARTITION)?.metadata ?? '',
      logStart: 7,
      logEnd: 7,
      startOffset: 0,
    };
    await stack.pipeline.assigned(9, [gone], [PARTITION]);
    await until('the coverage begins anew', 10_000, async () => (await stack.hot.coverage()).fromMs === NOW - 1_000 + 1, 20);
  });
});

describe('what the cold tier says of how far each partition was read', { timeout: 60_000 }, () => {
  it('is the offset after its newest row', async () => {
    const { stack, log, add } = await run();
    expect(await stack.cold.newestOffsets()).toEqual(new Map());
    add(5);
    await log.start(stack.pipeline);
    await log.deliverAll();
    await flushed(stack, log, 5);
    expect(await stack.cold.newestOffsets()).toEqual(new Map<PartitionId, number>([[PARTITION, 5]]));
  });
});

/** Three more records, a second before now, as the rows that a flush would write of them. */
async function rowsOf(stack: Stack, log: ScriptedLog, add: (count: number, timeMs: number) => void): Promise<RawRows> {
  const { processor } = stack.pipeline;
  add(3, NOW - 1_000);
  const partition = new PartitionProcessor(PARTITION, stack.definition, emptyState(4), 4);
  const accumulation = processor.open();
  const records = log.recordsOf(PARTITION).slice(4);
  processor.process(toBatch(PARTITION, 0, records, 7), 0, 10, Number.POSITIVE_INFINITY, partition, accumulation);
  accumulation.close();
  return (await processor.seal(accumulation, stack.hot)).raw;
}
