// The set-up check as data: what was looked at, how it is and what to do. Pure.

import { durationWords } from '../../panels/frames/duration-words';
import type { AggregatorStatus, Dependency, StoreStatus } from '../status/aggregator-status';
import type { Answer, Report } from '../status/ask-aggregator';

export type CheckState = 'ok' | 'warning' | 'failed' | 'unknown';

export interface Check {
  readonly id: 'aggregator' | 'source' | 'hot' | 'cold' | 'clock' | 'events' | 'dead-letters';
  readonly title: string;
  readonly state: CheckState;
  readonly detail: string;
  /** What to do; '' when nothing is. */
  readonly remedy: string;
}

/** Clocks this far apart make 'now' mean two different buckets. */
const SKEW_MS = 2_000;
/** Event times this far ahead of the aggregator are a producer's wrong clock. */
const AHEAD_MS = 60_000;

export function checksOf(answer: Answer): Check[] {
  if (!answer.ok) {
    const { message, remedy } = answer.problem;
    const waiting = (id: Check['id'], title: string): Check => ({
      id,
      title,
      state: 'unknown',
      detail: 'Can be checked once the aggregator answers.',
      remedy: '',
    });
    return [
      { id: 'aggregator', title: 'Aggregator', state: 'failed', detail: message, remedy },
      waiting('source', 'Kafka'),
      waiting('hot', 'Redis'),
      waiting('cold', 'ClickHouse'),
      waiting('clock', 'Clocks'),
      waiting('events', 'Events'),
    ];
  }
  const { report } = answer;
  const { status } = report;
  return [
    {
      id: 'aggregator',
      title: 'Aggregator',
      state: 'ok',
      detail: [`“${status.name}”`, status.version === '' ? '' : `version ${status.version}`, `${status.state}`, roles(status)]
        .filter((part) => part !== '')
        .join(', '),
      remedy: '',
    },
    sourceCheck(report),
    hotCheck(status),
    coldCheck(status),
    clockCheck(report),
    eventsCheck(status),
    ...deadLetterChecks(status),
  ];
}

function roles(status: AggregatorStatus): string {
  return status.roles.length === 0 || status.roles.length === 3 ? '' : `does ${status.roles.join(' and ')} only`;
}

function sourceCheck({ status, dependencies }: Report): Check {
  const kafka = status.source.kind === 'kafka';
  const base = { id: 'source', title: kafka ? 'Kafka' : 'Event source' } as const;
  const from = kafka ? `topics ${status.source.topics.join(', ')}` : 'the log inside the aggregator';
  if (!status.roles.includes('ingest')) {
    return { ...base, state: 'ok', detail: 'This process does not read events; another one does.', remedy: '' };
  }
  const ingest = named(dependencies, 'ingest');
  if (ingest !== undefined && !ingest.ok) {
    return {
      ...base,
      state: 'failed',
      detail: `Events are not being read: ${ingest.detail}.`,
      remedy: kafka
        ? 'Check source.kafka in tidemark.yaml: brokers, topics, TLS and SASL, and that the user may read the topics and join the group. The aggregator tries again by itself.'
        : 'Look into the aggregator’s log; it tries again by itself.',
    };
  }
  if (status.partitions.length === 0) {
    return {
      ...base,
      state: 'warning',
      detail: `No partition has been read yet from ${from}.`,
      remedy: kafka
        ? 'Check that the topics exist, and that no other process of the same consumer group holds all their partitions.'
        : 'Wait a moment and check again.',
    };
  }
  const lag = status.partitions.reduce((sum, partition) => sum + (partition.lag ?? 0), 0);
  const behind = lag > 0 ? `, ${lag.toLocaleString('en-US')} records to go` : ', up to date';
  return { ...base, state: 'ok', detail: `Reading ${from}: ${plural(status.partitions.length, 'partition')}${behind}.`, remedy: '' };
}

function hotCheck({ hot }: AggregatorStatus): Check {
  if (hot.kind === 'memory') {
    return {
      ...storeCheck('hot', 'Hot tier (no Redis)', hot, ''),
      ...(hot.ok
        ? {
            detail: `${capital(hot.detail)}. For several processes, or to keep it over a restart, give it a Redis: hot.redis in tidemark.yaml.`,
          }
        : {}),
    };
  }
  return storeCheck(
    'hot',
    'Redis',
    hot,
    'Check hot.redis in tidemark.yaml: nodes, user, password and TLS; and that Redis runs. Answers come from ClickHouse meanwhile: slower, not wrong.',
  );
}

function coldCheck({ cold }: AggregatorStatus): Check {
  return storeCheck(
    'cold',
    cold.kind === 'chdb' ? 'ClickHouse (embedded)' : 'ClickHouse',
    cold,
    'Check cold in tidemark.yaml: URL, user, password and database; and that ClickHouse runs. Nothing is lost meanwhile: events wait in the log.',
  );
}

function storeCheck(id: 'hot' | 'cold', title: string, store: StoreStatus, remedy: string): Check {
  return store.ok
    ? { id, title, state: 'ok', detail: `${capital(store.detail)}.`, remedy: '' }
    : { id, title, state: 'failed', detail: store.detail, remedy };
}

function clockCheck({ status, askedAtMs, uncertaintyMs }: Report): Check {
  const base = { id: 'clock', title: 'Clocks' } as const;
  if (status.nowMs === null) {
    return {
      ...base,
      state: 'unknown',
      detail: 'This aggregator does not tell its time.',
      remedy: 'Update the aggregator to the plugin’s version.',
    };
  }
  const aheadMs = askedAtMs - status.nowMs;
  if (Math.abs(aheadMs) - uncertaintyMs > SKEW_MS) {
    const which = aheadMs > 0 ? 'ahead of' : 'behind';
    return {
      ...base,
      state: 'warning',
      detail: `This computer’s clock is ${durationWords(Math.abs(aheadMs))} ${which} the aggregator’s.`,
      remedy:
        'Panels ask for “now” by this computer’s clock, so the newest points shift or are missing. Switch on time synchronisation (NTP) on whichever is wrong.',
    };
  }
  const aheadOfAggregatorMs = status.newestEventMs - status.nowMs;
  if (aheadOfAggregatorMs > AHEAD_MS) {
    return {
      ...base,
      state: 'warning',
      detail: `Events arrive with times ${durationWords(aheadOfAggregatorMs)} in the future.`,
      remedy: 'The clock of a producer is ahead, or event.time in tidemark.yaml reads it in the wrong unit or time zone.',
    };
  }
  return {
    ...base,
    state: 'ok',
    detail: `This computer and the aggregator agree within ${durationWords(Math.abs(aheadMs) + uncertaintyMs)}.`,
    remedy: '',
  };
}

function eventsCheck(status: AggregatorStatus): Check {
  const base = { id: 'events', title: 'Events' } as const;
  const rows = status.cold.rawRows > 0 ? `${status.cold.rawRows.toLocaleString('en-US')} kept` : '';
  if (status.newestEventMs === 0 && status.partitions.every((partition) => partition.applied === 0)) {
    return {
      ...base,
      state: 'warning',
      detail: 'No event has arrived yet.',
      remedy:
        'Produce some to the topic, or send one to POST /api/v1/events of an aggregator with an HTTP source. `tidemark generate` makes some.',
    };
  }
  const age =
    status.nowMs === null || status.newestEventMs === 0
      ? ''
      : `the newest is ${durationWords(Math.max(0, status.nowMs - status.newestEventMs))} old`;
  return {
    ...base,
    state: 'ok',
    detail: `${capital([age, rows].filter((part) => part !== '').join(', ') || 'Events have arrived')}.`,
    remedy: '',
  };
}

function deadLetterChecks(status: AggregatorStatus): Check[] {
  const deadLettered = status.partitions.reduce((sum, partition) => sum + partition.deadLettered, 0);
  if (deadLettered === 0) return [];
  return [
    {
      id: 'dead-letters',
      title: 'Dead letters',
      state: 'warning',
      detail: `${plural(deadLettered, 'record')} could not be read as ${deadLettered === 1 ? 'an event' : 'events'}.`,
      remedy: `They are kept, each with its reason, in ${status.source.deadLetters || 'the dead letters'}. Correct the producer, or event and dimensions in tidemark.yaml.`,
    },
  ];
}

/** In words, for the heading. */
export function verdictOf(checks: readonly Check[]): { readonly state: CheckState; readonly text: string } {
  const failed = checks.filter((check) => check.state === 'failed').length;
  const warnings = checks.filter((check) => check.state === 'warning').length;
  if (failed > 0) return { state: 'failed', text: `${plural(failed, 'thing')} ${failed === 1 ? 'does' : 'do'} not work` };
  if (warnings > 0)
    return { state: 'warning', text: `It works, and ${plural(warnings, 'thing')} ${warnings === 1 ? 'needs' : 'need'} a look` };
  return checks.some((check) => check.state === 'unknown')
    ? { state: 'unknown', text: 'Not everything could be checked' }
    : { state: 'ok', text: 'Everything works' };
}

function named(dependencies: readonly Dependency[] | null, name: string): Dependency | undefined {
  return dependencies?.find((dependency) => dependency.name === name);
}

function plural(amount: number, word: string): string {
  return `${amount.toLocaleString('en-US')} ${word}${amount === 1 ? '' : 's'}`;
}

function capital(sentence: string): string {
  return sentence.slice(0, 1).toUpperCase() + sentence.slice(1);
}
