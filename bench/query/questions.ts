// The panels that are timed. Each time a panel is asked it differs from the time before (another country, a range moved by some
// minutes), as people's panels do, so that no cache and no coalescing can help by accident.

import { countryName, COUNTRIES } from './traffic.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

export interface Asked {
  readonly from: number;
  readonly to: number;
  readonly queries: readonly object[];
}

export interface Question {
  readonly name: string;
  /** For people. */
  readonly text: string;
  /** Which tiers must answer. */
  readonly tiers: readonly ('hot' | 'cold')[];
  /** Fewest points that a right answer has, over all series. */
  readonly leastPoints: number;
  ask(nowMs: number, turn: number): Asked;
}

function country(turn: number): string {
  return countryName((turn * 17) % COUNTRIES);
}

/** The oldest minute of a day is about to leave the hot tier and comes from the cold one: without it, hot answers alone. */
const HOT_EDGE_MS = 2 * MINUTE_MS;

/** Moves a range into the past by up to an hour, another step each turn. */
function moved(turn: number): number {
  return ((turn * 7) % 60) * MINUTE_MS;
}

function series(measure: string, options: object): object {
  return { refId: 'A', measure, ...options };
}

/** A range of a day, all of it per minute. */
function day(
  name: string,
  text: string,
  tiers: Question['tiers'],
  endsBeforeMs: number,
  leastPoints: number,
  query: (turn: number) => object,
  moves: boolean,
  shorterByMs = 0,
): Question {
  return {
    name,
    text,
    tiers,
    leastPoints,
    ask: (nowMs, turn) => {
      const to = nowMs - endsBeforeMs - (moves ? moved(turn) : 0);
      return { from: to - DAY_MS + shorterByMs, to, queries: [query(turn)] };
    },
  };
}

const filtered = (turn: number): object => series('events', { bucket: '1m', filters: [{ dimension: 'country', value: country(turn) }] });
const byCountry = (turn: number): object => series(turn % 2 === 0 ? 'events' : 'revenue', { bucket: '1m', groupBy: ['country'] });

export const QUESTIONS: readonly Question[] = [
  day('minutes_last_day', 'the last 24 h per minute, one filter', ['cold', 'hot'], 0, 1_380, filtered, false),
  day('minutes_hot', '24 h per minute, one filter, hot', ['hot'], 0, 1_380, filtered, false, HOT_EDGE_MS),
  day('minutes_cold', '24 h per minute, one filter, cold', ['cold'], 24.1 * HOUR_MS, 1_380, filtered, true),
  day('minutes_spanning', '24 h per minute, one filter, half cold, half hot', ['cold', 'hot'], 12 * HOUR_MS, 1_380, filtered, true),
  day('countries_hot', '24 h per minute by country, hot', ['hot'], 0, 50 * 1_380, byCountry, false, HOT_EDGE_MS),
  day('countries_cold', '24 h per minute by country, cold', ['cold'], 24.1 * HOUR_MS, 50 * 1_380, byCountry, true),
  day('countries_spanning', '24 h per minute by country, half cold, half hot', ['cold', 'hot'], 12 * HOUR_MS, 50 * 1_380, byCountry, true),
  {
    name: 'active_users',
    text: 'active users of the last 5 minutes, each 30 s, one hour',
    tiers: ['hot'],
    leastPoints: 100,
    ask: (nowMs, turn) => ({
      from: nowMs - HOUR_MS,
      to: nowMs,
      queries: [
        series('active_users', {
          bucket: '30s',
          ...(turn % 2 === 0 ? {} : { filters: [{ dimension: 'device', value: ['mobile', 'desktop', 'tablet', 'tv'][turn % 4] }] }),
        }),
      ],
    }),
  },
  day(
    'p95',
    'p95 of the latency per minute, 24 h',
    ['cold', 'hot'],
    0,
    1_380,
    (turn) =>
      series('latency', {
        stat: 'p95',
        bucket: '1m',
        ...(turn % 2 === 0 ? {} : { filters: [{ dimension: 'country', value: country(turn) }] }),
      }),
    false,
  ),
  {
    name: 'hours_30d',
    text: '30 days hourly, one filter',
    tiers: ['cold', 'hot'],
    leastPoints: 60,
    ask: (nowMs, turn) => ({
      from: nowMs - 30 * DAY_MS,
      to: nowMs,
      queries: [series('revenue', { bucket: '1h', filters: [{ dimension: 'category', value: `c${turn % 10}` }] })],
    }),
  },
  {
    name: 'top_products',
    text: 'top 10 products of the last hour, one filter',
    tiers: ['hot'],
    leastPoints: 10,
    ask: (nowMs, turn) => ({
      from: nowMs - HOUR_MS,
      to: nowMs,
      queries: [{ refId: 'A', kind: 'top', measure: 'top_products', limit: 10, filters: [{ dimension: 'country', value: country(turn) }] }],
    }),
  },
  {
    name: 'top_products_day',
    text: 'top 10 products of 24 h',
    tiers: ['cold'],
    leastPoints: 10,
    ask: (nowMs, turn) => ({
      from: nowMs - DAY_MS - moved(turn),
      to: nowMs - moved(turn),
      queries: [{ refId: 'A', kind: 'top', measure: 'top_products', limit: 10 }],
    }),
  },
  {
    name: 'top_countries',
    text: 'top 10 countries by revenue of 24 h',
    tiers: ['hot'],
    leastPoints: 10,
    ask: (nowMs) => ({
      from: nowMs - DAY_MS,
      to: nowMs,
      queries: [{ refId: 'A', kind: 'top', measure: 'revenue', by: 'country', limit: 10 }],
    }),
  },
];
