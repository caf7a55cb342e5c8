// `tidemark generate`: the demo shop's events to standard output, or to the topic of a definition, with progress on the way.

import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../clock.js';
import { TidemarkError } from '../errors.js';
import { parseDuration, parseTime } from '../query/time-expression.js';
import { INCIDENT_SLOT_MS } from '../source/demo/incidents.js';
import { createShop, type ShopEvent } from '../source/demo/shop.js';
import { createKafkaWriter } from '../source/kafka-writer.js';
import { readDefinitionFile } from './definition-file.js';
import { EXIT } from './exit-codes.js';
import type { Io } from './io.js';

export interface GenerateOptions {
  readonly definition: string;
  readonly to: 'stdout' | 'kafka';
  readonly seed: string;
  readonly rate: string;
  readonly incidents: string;
  readonly from: string;
  readonly until: string;
}

const STEP_MS = 250;
const PROGRESS_EVERY_MS = 1_000;
const ENOUGH_EVENTS = 20_000;

export async function generate(options: GenerateOptions, io: Io): Promise<number> {
  const nowMs = systemClock.now();
  const fromMs = timeOf('--from', options.from, nowMs);
  const untilMs = options.until === 'forever' ? Number.POSITIVE_INFINITY : timeOf('--until', options.until, nowMs);
  if (untilMs <= fromMs) {
    throw new TidemarkError(
      'invalid',
      'OPTION',
      `--until (${options.until}) is not after --from (${options.from}).`,
      'Swap them, or widen the range.',
    );
  }
  const rate = numberOf('--rate', options.rate);
  const shop = createShop({ seed: numberOf('--seed', options.seed), rate, incidentsEveryMs: incidentsOf(options.incidents) });
  const sink = options.to === 'stdout' ? stdoutSink(io) : kafkaSink(options.definition, io);
  const stop = new AbortController();
  const onSignal = (): void => stop.abort();
  process.once('SIGINT', onSignal);
  process.once('SIGTERM', onSignal);
  let written = 0;
  let progressAtMs = nowMs + PROGRESS_EVERY_MS;
  // One step holds some thousands of events, but never less than the live step.
  const stepMs = Math.max(STEP_MS, Math.min(60_000, Math.floor((ENOUGH_EVENTS / rate) * 1_000)));
  try {
    for (let at = fromMs; at < untilMs && !stop.signal.aborted;) {
      const dueMs = Math.min(untilMs, systemClock.now());
      if (at >= dueMs) {
        await sleep(STEP_MS, undefined, { signal: stop.signal }).catch(() => undefined);
        continue;
      }
      const to = Math.min(at + stepMs, dueMs);
      const events = shop.eventsBetween(at, to);
      await sink.write(events);
      written += events.length;
      at = to;
      if (systemClock.now() >= progressAtMs) {
        progressAtMs = systemClock.now() + PROGRESS_EVERY_MS;
        const share = Number.isFinite(untilMs) ? ` (${Math.floor((100 * (at - fromMs)) / (untilMs - fromMs))} %)` : '';
        io.stderr.write(`${written} events, up to ${new Date(at).toISOString()}${share}\n`);
      }
    }
    io.stderr.write(`${written} events written\n`);
    return EXIT.ok;
  } finally {
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
    await sink.close();
  }
}

interface Sink {
  write(events: readonly ShopEvent[]): Promise<void>;
  close(): Promise<void>;
}

function stdoutSink(io: Io): Sink {
  return {
    write: async (events) => {
      if (events.length > 0 && !io.stdout.write(events.map((e) => `${e.json}\n`).join(''))) {
        await once(io.stdout, 'drain');
      }
    },
    close: async () => Promise.resolve(),
  };
}

function kafkaSink(definitionPath: string, io: Io): Sink {
  const { kafka } = readDefinitionFile(definitionPath, io).source;
  if (kafka === null) {
    throw new TidemarkError(
      'invalid',
      'NO_KAFKA',
      `${definitionPath} names no Kafka source.`,
      'Use a definition with source.kafka, or --to stdout.',
    );
  }
  const writer = createKafkaWriter(kafka, () => systemClock.now());
  return {
    write: async (events) => {
      if (events.length > 0) {
        await writer.append(events.map((e) => ({ key: e.userId, value: Buffer.from(e.json) })));
      }
    },
    close: () => writer.close(),
  };
}

function timeOf(option: string, text: string, nowMs: number): number {
  const parsed = parseTime(/^\d+$/.test(text) ? Number(text) : text, { nowMs, timeZone: 'UTC', roundUp: false });
  if (!parsed.ok) {
    throw new TidemarkError('invalid', 'OPTION', `${option}: found ${JSON.stringify(text)}, expected ${parsed.expected}.`);
  }
  return parsed.value;
}

/** @returns null: never */
function incidentsOf(text: string): number | null {
  if (text === 'never') return null;
  const parsed = parseDuration(text);
  if (!parsed.ok || parsed.value < INCIDENT_SLOT_MS || parsed.value % 1_000 !== 0) {
    throw new TidemarkError('invalid', 'OPTION', `--incidents: found ${JSON.stringify(text)}, expected a duration from 15m on, or never.`);
  }
  return parsed.value;
}

function numberOf(option: string, text: string): number {
  const value = Number(text);
  if (!(value > 0) || !Number.isFinite(value)) {
    throw new TidemarkError('invalid', 'OPTION', `${option}: found ${JSON.stringify(text)}, expected a number above 0.`);
  }
  return value;
}
