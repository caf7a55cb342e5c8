import { describe, expect, it } from 'vitest';
import { readStatus, type AggregatorStatus } from '../status/aggregator-status';
import { NOW, partition, statusBody } from '../status/status.fixture';
import { figuresOf, sampleOf, type Figure } from './pipeline';
import { trendPoints } from './Trend';

function statusOf(body: object = {}): AggregatorStatus {
  const status = readStatus(statusBody(body));
  if (status === null) throw new Error('the fixture is no status');
  return status;
}

const figure = (id: Figure['id'], body: object = {}): Figure | undefined => {
  const status = statusOf(body);
  return figuresOf(status, null, sampleOf(status, NOW)).find((one) => one.id === id);
};

describe('figuresOf', () => {
  it('adds up the lag and names the partition that holds the others back', () => {
    expect(figure('lag')).toMatchObject({ value: '300', detail: 'records waiting, most in orders/1' });
    expect(figure('lag', { partitions: [partition('a/0', { lag: null })] })).toMatchObject({ value: 'unknown', sample: null });
  });

  it('balances the ledger: what was read is applied, known or unreadable', () => {
    expect(figure('ledger')).toMatchObject({
      value: 'balanced',
      mood: 'good',
      detail: '2,000 read = 1,980 applied + 10 duplicates + 10 dead letters',
    });
    expect(figure('ledger', { partitions: [partition('a/0', { applied: 990 })] })).toMatchObject({ value: '+10', mood: 'bad' });
    expect(figure('ledger', { partitions: [partition('a/0', { lost: 7 })] })).toMatchObject({ value: '7 lost', mood: 'bad' });
  });

  it('calculates the rate from two samples by the aggregator’s own clock', () => {
    const status = statusOf();
    const now = sampleOf(status, NOW + 99_000);
    const rate = figuresOf(status, { atMs: now.atMs - 5_000, consumed: now.consumed - 500 }, now).find((one) => one.id === 'rate');
    expect(rate).toMatchObject({ value: '100', sample: 100 });
    expect(figure('rate')).toMatchObject({ value: '…', sample: null });
  });

  it('calls an incomplete watermark bad, with the reason', () => {
    expect(figure('watermark')).toMatchObject({ value: '5 s behind', mood: 'good' });
    expect(figure('watermark', { complete: false, reason: 'No position is known of 1 partition(s): orders/7.' })).toMatchObject({
      mood: 'bad',
      detail: expect.stringMatching(/orders\/7/),
    });
    expect(figure('watermark', { watermarkMs: 0 })).toMatchObject({ value: 'unknown' });
  });

  it('says where dead letters are', () => {
    expect(figure('dead-letters')).toMatchObject({ value: '10', mood: 'warning', detail: expect.stringMatching(/orders\.dead-letters/) });
  });
});

describe('trendPoints', () => {
  it('draws from zero to the largest, and nothing from one value', () => {
    expect(trendPoints([0, 5, 10], 200, 28)).toBe('0.0,27.0 100.0,14.0 200.0,1.0');
    expect(trendPoints([3], 200, 28)).toBe('');
    expect(trendPoints([0, 0], 200, 28)).toBe('0.0,27.0 200.0,27.0');
  });
});
