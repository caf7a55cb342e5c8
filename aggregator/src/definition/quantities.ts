// Durations and sizes as people write them in tidemark.yaml (30s, 1h30m, 4GiB) and back again for messages.
// Pure functions; nothing here knows the definition.

const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
  y: 365 * 86_400_000,
};

const UNIT_BYTES: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};

/** Matches what `parseDurationMs` takes; also published in the JSON Schema. */
export const DURATION_PATTERN = /^(\d+(\.\d+)?(ms|s|m|h|d|w|y))+$/;
/** Matches what `parseBytes` takes in text form. */
export const BYTES_PATTERN = /^\d+(\.\d+)?\s?(B|KB|MB|GB|TB|KiB|MiB|GiB|TiB)$/;

/** Ten thousand years would be a typing mistake: no setting needs more than this. */
const MAX_DURATION_MS = 200 * UNIT_MS['y'];

/** @returns milliseconds (rounded), or null where the text is not a duration. A year is 365 days. */
export function parseDurationMs(text: string): number | null {
  if (!DURATION_PATTERN.test(text)) return null;
  let ms = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d|w|y)/g)) ms += Number(amount) * UNIT_MS[unit];
  return ms <= MAX_DURATION_MS ? Math.round(ms) : null;
}

/** @returns bytes (rounded), or null where the value is neither a size with a unit nor a plain number of bytes. */
export function parseBytes(value: string | number): number | null {
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? value : null;
  if (!BYTES_PATTERN.test(value)) return null;
  const unit = /[A-Za-z]+$/.exec(value)?.[0] ?? 'B';
  const bytes = Math.round(Number.parseFloat(value) * UNIT_BYTES[unit]);
  return Number.isSafeInteger(bytes) ? bytes : null;
}

/** The shortest exact form: 90000 is `1m30s`, 0 is `0s`. */
export function formatDuration(durationMs: number): string {
  if (durationMs === 0) return '0s';
  let rest = durationMs;
  let text = '';
  for (const unit of ['d', 'h', 'm', 's', 'ms']) {
    const count = Math.floor(rest / UNIT_MS[unit]);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * UNIT_MS[unit];
  }
  return text;
}

/** For people, three significant digits: 1610612736 is `1.5 GiB`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  for (const unit of ['B', 'KiB', 'MiB', 'GiB', 'TiB']) {
    if (value < 1024 || unit === 'TiB') return `${unit === 'B' ? Math.round(value) : Number(value.toPrecision(3))} ${unit}`;
    value /= 1024;
  }
  return `${bytes} B`;
}

/** Durations and sizes were checked before; a null here is a defect. */
export function durationMs(text: string): number {
  const value = parseDurationMs(text);
  if (value === null) throw new RangeError(`unchecked duration ${text}`);
  return value;
}

export function sizeBytes(size: string | number): number {
  const value = parseBytes(size);
  if (value === null) throw new RangeError(`unchecked size ${size}`);
  return value;
}
