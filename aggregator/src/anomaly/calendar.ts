// Local time of a zone, holidays and maintenance: what a rhythm of days and weeks follows, daylight saving included.
// The zone's offset is looked up once per quarter of an hour of event time (offsets change only at such times).

import type { MaintenanceWindow } from './detector.js';

const QUARTER_MS = 900_000;
export const DAY_MS = 86_400_000;
export const WEEK_MS = 7 * DAY_MS;

export class Calendar {
  readonly #format: Intl.DateTimeFormat | null;
  readonly #holidays: ReadonlySet<number>;
  readonly #maintenance: readonly MaintenanceWindow[];
  #quarter = Number.NaN;
  #offsetMs = 0;

  constructor(timeZone: string, holidays: readonly string[], maintenance: readonly MaintenanceWindow[]) {
    this.#format =
      timeZone === 'UTC'
        ? null
        : new Intl.DateTimeFormat('en-US', {
            timeZone,
            hourCycle: 'h23',
            year: 'numeric',
            month: 'numeric',
            day: 'numeric',
            hour: 'numeric',
            minute: 'numeric',
            second: 'numeric',
          });
    this.#holidays = new Set(holidays.map((day) => Math.floor(Date.parse(day) / DAY_MS)));
    this.#maintenance = maintenance;
  }

  /** The wall clock's reading as if it were UTC, epoch ms. */
  localMs(timeMs: number): number {
    if (this.#format === null) return timeMs;
    const quarter = Math.floor(timeMs / QUARTER_MS);
    if (quarter !== this.#quarter) {
      this.#quarter = quarter;
      this.#offsetMs = this.#lookUp(quarter * QUARTER_MS);
    }
    return timeMs + this.#offsetMs;
  }

  #lookUp(timeMs: number): number {
    const at: Record<string, number> = {};
    for (const part of this.#format?.formatToParts(timeMs) ?? []) if (part.type !== 'literal') at[part.type] = Number(part.value);
    const { year = 1970, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = at;
    return Date.UTC(year, month - 1, day, hour, minute, second) - timeMs;
  }

  /** 0 is Sunday; takes local ms. */
  weekday(localMs: number): number {
    const day = (Math.floor(localMs / DAY_MS) + 4) % 7;
    return day < 0 ? day + 7 : day;
  }

  /** Saturday, Sunday or a holiday; takes local ms. */
  dayOff(localMs: number): boolean {
    const weekday = this.weekday(localMs);
    return weekday === 0 || weekday === 6 || this.holiday(localMs);
  }

  holiday(localMs: number): boolean {
    return this.#holidays.size > 0 && this.#holidays.has(Math.floor(localMs / DAY_MS));
  }

  inMaintenance(timeMs: number): boolean {
    for (const window of this.#maintenance) {
      if (!('days' in window)) {
        if (timeMs >= window.fromMs && timeMs < window.toMs) return true;
        continue;
      }
      const local = this.localMs(timeMs);
      const minute = (local - Math.floor(local / DAY_MS) * DAY_MS) / 60_000;
      const weekday = this.weekday(local);
      if (window.days.includes(weekday) && minute >= window.fromMinute && minute < window.toMinute) return true;
      if (window.days.includes((weekday + 6) % 7) && minute + 1440 < window.toMinute) return true;
    }
    return false;
  }
}
