// Series without anomalies, of the kinds that people watch: what is normal, however wild it looks.

import type { Random } from './random.js';

export interface Background {
  readonly name: string;
  readonly bucketMs: number;
  readonly rows: number;
  /** Where in time zones the rhythm lives; absent: UTC. */
  readonly timeZone?: string;
  /** Lowest possible value, if there is one. */
  readonly least: number;
  readonly whole: boolean;
  readonly make: (random: Random, timesMs: readonly number[]) => number[];
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** 0 at night to 1 in the afternoon. */
function dayCurve(localMs: number): number {
  const hour = (((localMs % DAY) + DAY) % DAY) / HOUR;
  return 0.5 - 0.5 * Math.cos(((hour - 4) / 24) * 2 * Math.PI) + 0.12 * Math.sin((hour / 24) * 4 * Math.PI);
}

function weekend(localMs: number): boolean {
  const weekday = (Math.floor(localMs / DAY) + 4) % 7;
  return weekday === 0 || weekday === 6;
}

/** Central European time: summer from the last Sunday of March, 01:00 UTC, to that of October. */
export function berlinOffsetMs(timeMs: number): number {
  const year = new Date(timeMs).getUTCFullYear();
  const change = (month: number): number => {
    const last = new Date(Date.UTC(year, month + 1, 0));
    return Date.UTC(year, month, last.getUTCDate() - last.getUTCDay(), 1);
  };
  return timeMs >= change(2) && timeMs < change(9) ? 2 * HOUR : HOUR;
}

function autoregressive(random: Random, n: number, phi: number): number[] {
  const out: number[] = [];
  let x = 0;
  const sigma = Math.sqrt(1 - phi * phi);
  for (let i = 0; i < n; i++) {
    x = phi * x + sigma * random.normal();
    out.push(x);
  }
  return out;
}

export const BACKGROUNDS: readonly Background[] = [
  {
    name: 'requests-daily-weekly',
    bucketMs: 5 * MINUTE,
    rows: 5 * 7 * 288,
    least: 0,
    whole: true,
    make: (random, times) => times.map((t) => random.poisson((80 + 700 * dayCurve(t)) * (weekend(t) ? 0.6 : 1))),
  },
  {
    name: 'requests-berlin-daylight-saving',
    bucketMs: 10 * MINUTE,
    rows: 6 * 7 * 144,
    timeZone: 'Europe/Berlin',
    least: 0,
    whole: true,
    make: (random, times) => times.map((t) => random.poisson(40 + 400 * dayCurve(t + berlinOffsetMs(t)) ** 2)),
  },
  {
    name: 'cpu-idle-with-bursts',
    bucketMs: 5 * MINUTE,
    rows: 14 * 288,
    least: 0,
    whole: false,
    make: (random, times) => {
      let burst = 0;
      return times.map(() => {
        if (random.uniform() < 0.015) burst = random.between(5, 25);
        burst *= 0.55;
        return 3 + 0.25 * Math.abs(random.normal()) + burst;
      });
    },
  },
  {
    name: 'cpu-busy',
    bucketMs: 5 * MINUTE,
    rows: 14 * 288,
    least: 0,
    whole: false,
    make: (random, times) => autoregressive(random, times.length, 0.7).map((x) => 45 + 4 * x + random.normal()),
  },
  {
    name: 'temperature-drifting',
    bucketMs: HOUR,
    rows: 4000,
    least: -50,
    whole: false,
    make: (random, times) => {
      const slow = autoregressive(random, times.length, 0.995);
      return times.map((t, i) => 70 + 4 * slow[i] + 1.5 * dayCurve(t) + 0.4 * random.normal());
    },
  },
  {
    name: 'mentions-heavy-tailed',
    bucketMs: 5 * MINUTE,
    rows: 40 * 288,
    least: 0,
    whole: true,
    make: (random, times) => {
      let buzz = 0;
      return times.map((t) => {
        if (random.uniform() < 0.004) buzz += 12 * random.exponential() ** 1.5;
        buzz *= 0.85;
        return random.poisson(6 + 14 * dayCurve(t) + buzz);
      });
    },
  },
  {
    name: 'errors-sparse',
    bucketMs: MINUTE,
    rows: 7 * 1440,
    least: 0,
    whole: true,
    make: (random, times) => times.map((t) => random.poisson(0.15 + 0.5 * dayCurve(t))),
  },
  {
    name: 'latency-skewed',
    bucketMs: MINUTE,
    rows: 7 * 1440,
    least: 0,
    whole: false,
    make: (random, times) =>
      times.map((t) => (90 + 40 * dayCurve(t)) * Math.exp(0.22 * random.normal() + (random.uniform() < 0.01 ? 0.7 : 0))),
  },
  {
    name: 'cost-per-click',
    bucketMs: HOUR,
    rows: 1650,
    least: 0,
    whole: false,
    make: (random, times) => times.map((t) => (0.35 + 0.15 * dayCurve(t)) * Math.exp(0.35 * random.normal())),
  },
  {
    name: 'orders-growing',
    bucketMs: 30 * MINUTE,
    rows: 56 * 48,
    least: 0,
    whole: true,
    make: (random, times) =>
      times.map((t, i) => random.poisson((60 + 240 * dayCurve(t)) * (weekend(t) ? 1.3 : 1) * (1 + (0.8 * i) / times.length))),
  },
  {
    name: 'batch-every-night',
    bucketMs: 5 * MINUTE,
    rows: 14 * 288,
    least: 0,
    whole: false,
    make: (random, times) =>
      times.map((t) => {
        const minute = (t % DAY) / MINUTE;
        return 20 + 1.2 * random.normal() + (minute >= 120 && minute < 165 ? 55 + 3 * random.normal() : 0);
      }),
  },
  {
    name: 'two-states',
    bucketMs: 5 * MINUTE,
    rows: 14 * 288,
    least: 0,
    whole: false,
    make: (random, times) => {
      let high = false;
      return times.map(() => {
        if (random.uniform() < 0.01) high = !high;
        return (high ? 60 : 30) + 2 * random.normal();
      });
    },
  },
];
