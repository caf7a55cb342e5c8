import { describe, expect, it } from 'vitest';
import { readStatus } from '../status/aggregator-status';
import type { Answer, Report } from '../status/ask-aggregator';
import { NOW, partition, statusBody } from '../status/status.fixture';
import { checksOf, verdictOf, type Check } from './checks';

function answer(body: object = {}, more: Partial<Report> = {}): Answer {
  const healthy = [partition('orders/0', {})];
  const status = readStatus(statusBody({ partitions: healthy, ...body }));
  if (status === null) throw new Error('the fixture is no status');
  return {
    ok: true,
    report: { status, dependencies: [{ name: 'ingest', ok: true, detail: 'running' }], askedAtMs: NOW, uncertaintyMs: 20, ...more },
  };
}

const byId = (given: Answer, id: Check['id']): Check | undefined => checksOf(given).find((check) => check.id === id);

describe('checksOf', () => {
  it('is green through and through when everything works, and asks for nothing', () => {
    const checks = checksOf(answer());
    expect(checks.map((check) => [check.id, check.state])).toEqual([
      ['aggregator', 'ok'],
      ['source', 'ok'],
      ['hot', 'ok'],
      ['cold', 'ok'],
      ['clock', 'ok'],
      ['events', 'ok'],
    ]);
    expect(checks.every((check) => check.remedy === '')).toBe(true);
    expect(verdictOf(checks)).toEqual({ state: 'ok', text: 'Everything works' });
  });

  it('says what to do about an aggregator that does not answer, and claims nothing about what stands behind it', () => {
    const checks = checksOf({ ok: false, problem: { status: 502, message: 'No answer.', remedy: 'Start it.' } });
    expect(checks[0]).toMatchObject({ id: 'aggregator', state: 'failed', detail: 'No answer.', remedy: 'Start it.' });
    expect(checks.slice(1).every((check) => check.state === 'unknown')).toBe(true);
    expect(verdictOf(checks).text).toBe('1 thing does not work');
  });

  it('names the store that fails, and that the other answers meanwhile', () => {
    const down = answer({ hot: { kind: 'redis', ok: false, detail: 'connect ECONNREFUSED 10.0.0.4:6379' } });
    expect(byId(down, 'hot')).toMatchObject({
      title: 'Redis',
      state: 'failed',
      detail: expect.stringMatching(/6379/),
      remedy: expect.stringMatching(/slower, not wrong/),
    });
    expect(byId(answer({ cold: { kind: 'http', ok: false, detail: 'timeout' } }), 'cold')).toMatchObject({
      state: 'failed',
      remedy: expect.stringMatching(/Nothing is lost/),
    });
  });

  it('takes a memory tier for fine and says when it is not enough', () => {
    expect(byId(answer({ hot: { kind: 'memory', ok: true, detail: 'in memory, 5 series' } }), 'hot')).toMatchObject({
      state: 'ok',
      detail: expect.stringMatching(/give it a Redis/),
    });
  });

  it('reports ingest that waits for Kafka with the reason', () => {
    const waiting = answer({}, { dependencies: [{ name: 'ingest', ok: false, detail: 'starting: The topic orders does not exist' }] });
    expect(byId(waiting, 'source')).toMatchObject({
      title: 'Kafka',
      state: 'failed',
      detail: expect.stringMatching(/topic orders does not exist/),
    });
    expect(byId(answer({ partitions: [] }), 'source')?.state).toBe('warning');
    expect(byId(answer({ roles: ['query'], partitions: [] }), 'source')?.state).toBe('ok');
  });

  it('finds clocks that are apart, but not a slow network', () => {
    expect(byId(answer({}, { askedAtMs: NOW + 34_000 }), 'clock')).toMatchObject({
      state: 'warning',
      detail: 'This computer’s clock is 34 s ahead of the aggregator’s.',
    });
    expect(byId(answer({}, { askedAtMs: NOW - 3_000 }), 'clock')?.detail).toMatch(/3 s behind/);
    expect(byId(answer({}, { askedAtMs: NOW + 3_000, uncertaintyMs: 2_500 }), 'clock')?.state).toBe('ok');
    expect(byId(answer({ nowMs: undefined }), 'clock')?.state).toBe('unknown');
  });

  it('finds producers whose clock is ahead', () => {
    expect(byId(answer({ newestEventMs: NOW + 3_600_000 }), 'clock')).toMatchObject({
      state: 'warning',
      detail: expect.stringMatching(/1 h in the future/),
    });
  });

  it('tells that no event has arrived, and that some could not be read', () => {
    const silent = answer({ newestEventMs: 0, partitions: [partition('orders/0', { consumed: 0, applied: 0 })] });
    expect(byId(silent, 'events')).toMatchObject({ state: 'warning', detail: 'No event has arrived yet.' });
    const unreadable = answer({ partitions: [partition('orders/0', { deadLettered: 3 })] });
    expect(byId(unreadable, 'dead-letters')).toMatchObject({
      state: 'warning',
      remedy: expect.stringMatching(/the topic orders\.dead-letters/),
    });
    expect(verdictOf(checksOf(unreadable)).text).toBe('It works, and 1 thing needs a look');
  });
});
