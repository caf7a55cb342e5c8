// A status as a healthy aggregator gives it, with Kafka, Redis and ClickHouse.

export const NOW = Date.UTC(2025, 5, 10, 12, 0, 0);

export function statusBody(more: object = {}): object {
  return {
    name: 'shop',
    version: '0.1.0',
    nowMs: NOW,
    source: { kind: 'kafka', topics: ['orders'], deadLetters: 'the topic orders.dead-letters' },
    state: 'running',
    startedAt: new Date(NOW - 3_600_000).toISOString(),
    roles: ['ingest', 'query', 'compact'],
    watermarkMs: NOW - 5_000,
    newestEventMs: NOW - 400,
    complete: true,
    reason: '',
    partitions: [partition('orders/0', {}), partition('orders/1', { lag: 300, duplicates: 10, applied: 980, deadLettered: 10, late: 5 })],
    hot: {
      kind: 'redis',
      ok: true,
      detail: 'Redis 7.0.15, round trip 0.4 ms',
      memoryBytes: 1_048_576,
      coverageFromMs: 0,
      coverageReason: '',
    },
    cold: {
      kind: 'http',
      ok: true,
      detail: 'ClickHouse',
      rawRows: 12_345,
      diskBytes: 2_097_152,
      closedUntilMs: NOW - 60_000,
      dirtyMinutes: 2,
    },
    ...more,
  };
}

export function partition(id: string, more: object): object {
  return {
    partition: id,
    offset: 1_000,
    lag: 0,
    watermarkMs: NOW - 5_000,
    idle: false,
    consumed: 1_000,
    applied: 1_000,
    duplicates: 0,
    deadLettered: 0,
    late: 0,
    lost: 0,
    ...more,
  };
}
