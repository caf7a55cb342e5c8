import { describe, expect, it } from 'vitest';
import { ListCold, ListFreshness, ListHot, TestClock, type TestEvent } from '../query/event-list.fixture.js';
import { testDefinition } from '../query/shop.fixture.js';
import { readStatus } from './status.js';

const NOW = Date.UTC(2025, 5, 10, 12, 0, 30);
const EVENT: TestEvent = {
  timeMs: NOW - 2_000,
  tenant: 'shop',
  country: 'DE',
  device: 'phone',
  type: 'view',
  user: 'u1',
  page: '/a',
  amount: 0,
  latency: 1,
};

async function statusOf(more: Parameters<typeof testDefinition>[0] = {}, healthFails = false) {
  const definition = testDefinition(more);
  const clock = new TestClock(NOW);
  const [hot, cold] = [new ListHot(definition, [EVENT], clock, 0), new ListCold(definition, [EVENT])];
  const health = async () => {
    if (healthFails) throw new Error('connection refused');
    return { ok: true, detail: 'here', memoryBytes: 1, rawRows: 1, diskBytes: 1 };
  };
  return readStatus({
    definition,
    hot: Object.assign(hot, { health }) as never,
    cold: Object.assign(cold, { health }) as never,
    freshness: new ListFreshness(definition, [EVENT], clock),
    startedAtMs: NOW - 60_000,
    pipelineState: () => 'running',
  });
}

describe('status', () => {
  it('carries its own clock, its version and the newest event, so that others can compare theirs', async () => {
    const status = await statusOf();
    expect(status).toMatchObject({ nowMs: NOW, newestEventMs: EVENT.timeMs, startedAt: new Date(NOW - 60_000).toISOString() });
    expect(status.version).toMatch(/^\d+\.\d+\.\d+/);
  });

  it('names the kinds of source and stores, and where unreadable records go', async () => {
    expect(await statusOf()).toMatchObject({
      source: { kind: 'embedded', topics: [], deadLetters: expect.stringMatching(/dead-letters\.ndjson/) },
      hot: { kind: testDefinition().hot.kind },
      cold: { kind: testDefinition().cold.kind },
    });
    const kafka = { topics: ['orders', 'clicks'], deadLetterTopic: '' } as never;
    expect((await statusOf({ source: { kafka, demo: null, format: 'json' } })).source).toEqual({
      kind: 'kafka',
      topics: ['orders', 'clicks'],
      deadLetters: 'the topic orders.dead-letters',
    });
  });

  it('answers with the reason when a store does not', async () => {
    expect(await statusOf({}, true)).toMatchObject({
      hot: { ok: false, detail: 'connection refused' },
      cold: { ok: false, detail: 'connection refused' },
    });
  });
});
