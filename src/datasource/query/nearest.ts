// The nearest known name to one that is not known, for remedies. Pure.

/** @returns the name with the fewest edits, or null where none is close enough to have been meant */
export function nearest(found: string, known: readonly string[]): string | null {
  const lower = found.toLowerCase();
  const limit = Math.max(1, Math.floor(found.length / 3) + 1);
  let best: string | null = null;
  let least = limit + 1;
  for (const name of known) {
    const edits = name.toLowerCase().startsWith(lower) && lower.length > 2 ? 1 : editDistance(lower, name.toLowerCase());
    if (edits < least) [best, least] = [name, edits];
  }
  return best;
}

/** Levenshtein's, by one row. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
