import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Clock } from '../../clock.js';
import type { LogWriter } from '../log.js';
import { createDemoRunner, type DemoRunner } from './demo-runner.js';
import { createShop } from './shop.js';

const START = Date.UTC(2026, 2, 2, 12);
const demo = { seed: 4, rate: 10, historyMs: 5 * 60_000, incidentsEveryMs: null };

let dir = '';
let nowMs = START;
const clock: Clock = { now: () => nowMs, monotonic: () => nowMs };
let written: string[] = [];
let failing = false;
const writer: LogWriter = {
  append: async (events) => {
    if (failing) throw new Error('disk full');
    for (const { value } of events) written.push(Buffer.from(value).toString());
    return Promise.resolve(events.map((_, i) => ({ partition: 'embedded/0', offset: i })));
  },
  close: async () => Promise.resolve(),
};

function newRunner(onHistory?: (share: number) => void): DemoRunner {
  return createDemoRunner({ demo, writer, clock, statePath: join(dir, 'demo.json'), ...(onHistory === undefined ? {} : { onHistory }) });
}

function expected(fromMs: number, toMs: number): string[] {
  return createShop(demo)
    .eventsBetween(fromMs, toMs)
    .filter(({ timeMs }) => timeMs >= START - demo.historyMs)
    .map(({ json }) => json);
}

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'demo-runner-'));
  nowMs = START;
  written = [];
  failing = false;
});
afterEach(() => rm(dir, { recursive: true }));

describe('demo runner', () => {
  it('writes its history first, with progress, then what has become due since', async () => {
    const shares: number[] = [];
    const runner = newRunner((share) => shares.push(share));
    await runner.step();
    expect(written).toEqual(expected(START - demo.historyMs, START));
    expect(shares.at(-1)).toBe(1);
    for (let i = 0; i < 8; i++) {
      nowMs += 250;
      await runner.step();
    }
    expect(written).toEqual(expected(START - demo.historyMs, START + 2_000));
    nowMs += 0;
    expect(await runner.step()).toBe(0);
  });

  it('sends nothing that happened before its history, also after a restart', async () => {
    await newRunner().step();
    nowMs += 40 * 60_000;
    await newRunner().step();
    const times = written.map((json) => Date.parse((JSON.parse(json) as { ts: string }).ts));
    expect(Math.min(...times)).toBeGreaterThanOrEqual(START - demo.historyMs);
    const all = createShop(demo).eventsBetween(START - demo.historyMs, nowMs);
    expect(all.some(({ timeMs }) => timeMs < START - demo.historyMs)).toBe(true);
  });

  it('goes on after a restart without a gap, also over the time that it did not run', async () => {
    await newRunner().step();
    nowMs += 90_000;
    await newRunner().step();
    expect(written).toEqual(expected(START - demo.historyMs, START + 90_000));
  });

  it('writes the same events again after a step that failed', async () => {
    const runner = newRunner();
    await runner.step();
    nowMs += 1_000;
    failing = true;
    await expect(runner.step()).rejects.toThrow('disk full');
    failing = false;
    nowMs += 1_000;
    await runner.step();
    expect(written).toEqual(expected(START - demo.historyMs, START + 2_000));
  });

  it('begins anew when its state is not readable', async () => {
    await writeFile(join(dir, 'demo.json'), '{"writtenTo');
    await newRunner().step();
    expect(written).toEqual(expected(START - demo.historyMs, START));
  });

  it('steps by itself until it is stopped', async () => {
    const runner = newRunner();
    runner.start();
    await expect.poll(() => written.length, { timeout: 20_000 }).toBe(expected(START - demo.historyMs, START).length);
    await runner.stop();
    nowMs += 60_000;
    const before = written.length;
    await new Promise((resolve) => setImmediate(resolve));
    expect(written.length).toBe(before);
  });
});
