// The figures of the pipeline health page out of one status, or of two in a row where a rate is asked. Pure.

import { durationWords } from '../../panels/frames/duration-words';
import type { AggregatorStatus, PartitionStatus } from '../status/aggregator-status';

export type Mood = 'good' | 'warning' | 'bad' | 'neutral';

export interface Figure {
  readonly id: 'lag' | 'watermark' | 'freshness' | 'rate' | 'ledger' | 'dead-letters' | 'late';
  readonly title: string;
  readonly value: string;
  readonly detail: string;
  readonly mood: Mood;
  /** What the line under the figure follows; null: none. */
  readonly sample: number | null;
}

export interface Sample {
  readonly atMs: number;
  readonly consumed: number;
}

/** Longer than the watermark's usual distance; beyond it buckets stay open noticeably. */
const WATERMARK_LATE_MS = 60_000;

export function sampleOf(status: AggregatorStatus, atMs: number): Sample {
  return { atMs: status.nowMs ?? atMs, consumed: total(status.partitions, 'consumed') };
}

export function figuresOf(status: AggregatorStatus, before: Sample | null, now: Sample): Figure[] {
  return [
    rate(before, now),
    lag(status),
    watermark(status, now.atMs),
    freshness(status, now.atMs),
    ledger(status),
    late(status),
    deadLetters(status),
  ];
}

function rate(before: Sample | null, now: Sample): Figure {
  const perSecond =
    before === null || now.atMs <= before.atMs ? null : Math.max(0, ((now.consumed - before.consumed) * 1_000) / (now.atMs - before.atMs));
  return {
    id: 'rate',
    title: 'Records per second',
    value: perSecond === null ? '…' : perSecond < 10 ? perSecond.toFixed(1) : count(Math.round(perSecond)),
    detail: `${count(now.consumed)} read in all`,
    mood: 'neutral',
    sample: perSecond,
  };
}

function lag(status: AggregatorStatus): Figure {
  const known = status.partitions.filter((partition) => partition.lag !== null);
  const records = known.reduce((sum, partition) => sum + (partition.lag ?? 0), 0);
  const unknown = status.partitions.length - known.length;
  const worst = known.reduce<PartitionStatus | null>((most, one) => ((one.lag ?? 0) > (most?.lag ?? 0) ? one : most), null);
  return {
    id: 'lag',
    title: 'Lag',
    value: known.length === 0 ? 'unknown' : count(records),
    detail:
      known.length === 0
        ? 'This process does not read the log’s end.'
        : worst === null
          ? `records waiting${unknown > 0 ? `, unknown for ${unknown} partitions` : ''}`
          : `records waiting, most in ${worst.partition}`,
    mood: known.length === 0 ? 'neutral' : records === 0 ? 'good' : 'neutral',
    sample: known.length === 0 ? null : records,
  };
}

function watermark(status: AggregatorStatus, nowMs: number): Figure {
  if (status.watermarkMs === 0) {
    return {
      id: 'watermark',
      title: 'Watermark',
      value: 'unknown',
      detail: status.reason || 'No event yet.',
      mood: 'warning',
      sample: null,
    };
  }
  const behindMs = Math.max(0, nowMs - status.watermarkMs);
  return {
    id: 'watermark',
    title: 'Watermark',
    value: `${durationWords(behindMs)} behind`,
    detail: status.complete ? 'Buckets before it are finished.' : status.reason,
    mood: !status.complete ? 'bad' : behindMs > WATERMARK_LATE_MS ? 'warning' : 'good',
    sample: behindMs / 1_000,
  };
}

function freshness(status: AggregatorStatus, nowMs: number): Figure {
  if (status.newestEventMs === 0) {
    return { id: 'freshness', title: 'Freshness', value: 'no event yet', detail: '', mood: 'neutral', sample: null };
  }
  const ageMs = Math.max(0, nowMs - status.newestEventMs);
  return {
    id: 'freshness',
    title: 'Freshness',
    value: durationWords(ageMs),
    detail: 'since the newest event that panels can show',
    mood: 'neutral',
    sample: ageMs / 1_000,
  };
}

/** What came in must be what was applied, was there before, or could not be read. */
function ledger(status: AggregatorStatus): Figure {
  const consumed = total(status.partitions, 'consumed');
  const accounted = total(status.partitions, 'applied') + total(status.partitions, 'duplicates') + total(status.partitions, 'deadLettered');
  const lost = total(status.partitions, 'lost');
  const base = { id: 'ledger', title: 'Ledger', sample: null } as const;
  if (lost > 0) {
    return {
      ...base,
      value: `${count(lost)} lost`,
      detail: 'The log dropped them before they were read: raise the topic’s retention.',
      mood: 'bad',
    };
  }
  if (consumed !== accounted) {
    const difference = consumed - accounted;
    return {
      ...base,
      value: `${difference > 0 ? '+' : ''}${count(difference)}`,
      detail: 'read, but neither applied, known nor unreadable',
      mood: 'bad',
    };
  }
  return {
    ...base,
    value: 'balanced',
    detail: `${count(consumed)} read = ${count(total(status.partitions, 'applied'))} applied + ${count(total(status.partitions, 'duplicates'))} duplicates + ${count(total(status.partitions, 'deadLettered'))} dead letters`,
    mood: 'good',
  };
}

function late(status: AggregatorStatus): Figure {
  const events = total(status.partitions, 'late');
  const applied = total(status.partitions, 'applied');
  const share = applied === 0 ? 0 : (events / applied) * 100;
  return {
    id: 'late',
    title: 'Late events',
    value: count(events),
    detail: events === 0 ? 'came after their bucket had closed' : `${Number(share.toPrecision(2))} % of all; they corrected closed buckets`,
    mood: 'neutral',
    sample: events,
  };
}

function deadLetters(status: AggregatorStatus): Figure {
  const records = total(status.partitions, 'deadLettered');
  return {
    id: 'dead-letters',
    title: 'Dead letters',
    value: count(records),
    detail: records === 0 ? 'Every record could be read.' : `in ${status.source.deadLetters || 'the dead letters'}, each with its reason`,
    mood: records === 0 ? 'good' : 'warning',
    sample: records,
  };
}

function total(
  partitions: readonly PartitionStatus[],
  field: 'consumed' | 'applied' | 'duplicates' | 'deadLettered' | 'late' | 'lost',
): number {
  return partitions.reduce((sum, partition) => sum + partition[field], 0);
}

function count(amount: number): string {
  return amount.toLocaleString('en-US');
}
