import { describe, expect, it } from 'vitest';
import { readDependencies, readStatus } from './aggregator-status';
import { problemOf } from './ask-aggregator';
import { NOW, statusBody } from './status.fixture';

describe('readStatus', () => {
  it('reads what the aggregator says', () => {
    expect(readStatus(statusBody())).toMatchObject({
      name: 'shop',
      nowMs: NOW,
      startedAtMs: NOW - 3_600_000,
      partitions: [
        { partition: 'orders/0', lag: 0 },
        { partition: 'orders/1', lag: 300, deadLettered: 10 },
      ],
      hot: { kind: 'redis', memoryBytes: 1_048_576 },
      cold: { dirtyMinutes: 2 },
    });
  });

  it('takes what an older aggregator leaves out for unknown, not for zero or now', () => {
    expect(
      readStatus(statusBody({ nowMs: undefined, startedAt: 'yesterday', source: undefined, partitions: [{ partition: 'p' }] })),
    ).toMatchObject({
      nowMs: null,
      startedAtMs: null,
      source: { kind: '' },
      partitions: [{ partition: 'p', lag: null, consumed: 0 }],
    });
  });

  it('refuses what is no status', () => {
    for (const body of [null, 'hello', [], { title: 'Welcome to nginx' }, { name: 'x' }]) expect(readStatus(body)).toBeNull();
    expect(readDependencies({ message: 'x' })).toBeNull();
  });
});

describe('problemOf', () => {
  it('passes on the words of the aggregator and of the backend', () => {
    expect(problemOf(502, { error: { code: 'UNREACHABLE', message: 'The aggregator does not answer.', remedy: 'Start it.' } })).toEqual({
      status: 502,
      message: 'The aggregator does not answer.',
      remedy: 'Start it.',
    });
  });

  it('has words of its own for what only Grafana knows', () => {
    expect(problemOf(403, { message: 'Access denied' }).remedy).toMatch(/administrator/);
    expect(problemOf(404, {}).remedy).toMatch(/Install the plugin again/);
    expect(problemOf(500, null)).toMatchObject({ message: 'Grafana answered with status 500.', remedy: expect.stringMatching(/log/) });
  });
});
