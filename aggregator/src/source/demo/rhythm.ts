// How many people visit the demo shop by hour and weekday (UTC): quiet nights, a bump at noon, a peak in the evening, fuller weekends.

const DAY_MS = 86_400_000;
/** 1970-01-01 was a Thursday. */
const FIRST_SUNDAY_MS = 3 * DAY_MS;

/**
 * Factor on the mean rate at a time in epoch ms. Its mean over a week is exactly 1: harmonics of the day and of the week, whose products
 * have no constant part.
 */
export function rhythm(ms: number): number {
  const day = (ms / DAY_MS) * 2 * Math.PI;
  const week = ((ms - FIRST_SUNDAY_MS - DAY_MS / 2) / (7 * DAY_MS)) * 2 * Math.PI;
  const hour = (h: number): number => (h / 24) * 2 * Math.PI;
  const daily = 1 + 0.5 * Math.cos(day - hour(19)) + 0.2 * Math.cos(2 * (day - hour(12.5)));
  return daily * (1 + 0.12 * Math.cos(week));
}
