// Durations as the aggregator writes them: a whole number and one of s, m, h, d, w. Pure.

const SECOND_MS = 1_000;
const UNITS_MS: readonly (readonly [string, number])[] = [
  ['w', 604_800_000],
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', SECOND_MS],
];

/** @returns ms, or null where the text is no duration */
export function parseDuration(text: string): number | null {
  const match = /^(\d{1,10})([smhdw])$/.exec(text);
  const unit = UNITS_MS.find(([name]) => name === match?.[2]);
  const ms = match === null || unit === undefined ? 0 : Number(match[1]) * unit[1];
  return ms > 0 ? ms : null;
}

/** The shortest exact spelling of whole seconds; parts of a second are cut off, and a second is the least. */
export function formatDuration(ms: number): string {
  const whole = Math.max(SECOND_MS, Math.floor(ms / SECOND_MS) * SECOND_MS);
  const [name, length] = UNITS_MS.find(([unit, size]) => unit !== 'w' && whole % size === 0) ?? ['s', SECOND_MS];
  return `${whole / length}${name}`;
}
