// A length of time as people say it, in its largest unit: `42 s`, `3 min`, `2 h`, `5 d`. Pure.

const UNITS: readonly (readonly [string, number])[] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1_000],
];

/** From a length of at least 0, in ms. Below a second: `0.4 s`. */
export function durationWords(lengthMs: number): string {
  for (const [unit, sizeMs] of UNITS) {
    if (lengthMs < sizeMs) continue;
    const amount = lengthMs / sizeMs;
    return `${amount < 10 && unit !== 's' && unit !== 'min' ? Number(amount.toFixed(1)) : Math.round(amount)} ${unit}`;
  }
  return `${Number((lengthMs / 1_000).toFixed(1))} s`;
}
