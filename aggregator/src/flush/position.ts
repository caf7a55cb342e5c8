// A partition's state as text: the metadata of a Kafka commit, the marker in the hot tier, the embedded log's position file.
// Invariant: what was encoded by an older version is either read exactly or refused, never guessed.

import { TidemarkError } from '../errors.js';
import type { PartitionState } from '../window/flush-batch.js';

const FORMAT = 1;
const KEYS = ['offset', 'maxEventTimeMs', 'warmFrom', 'consumed', 'applied', 'duplicates', 'deadLettered', 'late', 'lost'] as const;

/** A state for a partition that nothing was read of. */
export function emptyState(offset: number): PartitionState {
  return { offset, maxEventTimeMs: 0, warmFrom: offset, consumed: 0, applied: 0, duplicates: 0, deadLettered: 0, late: 0, lost: 0 };
}

/** At most some 150 bytes; Kafka refuses metadata of more than about 4,000. */
export function encodePosition(state: PartitionState): string {
  return JSON.stringify([FORMAT, ...KEYS.map((key) => state[key])]);
}

/**
 * @returns null for an empty text (somebody committed the offset by another tool).
 * @throws TidemarkError fatal when the text is not ours
 */
export function decodePosition(text: string): PartitionState | null {
  if (text === '') {
    return null;
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    parsed = null;
  }
  if (
    !Array.isArray(parsed) ||
    parsed[0] !== FORMAT ||
    parsed.length !== KEYS.length + 1 ||
    !parsed.every((n) => Number.isSafeInteger(n))
  ) {
    throw new TidemarkError(
      'fatal',
      'POSITION_UNREADABLE',
      `The committed position's metadata was not written by this version of Tidemark: ${text.slice(0, 120)}`,
      'Use a consumer group of its own for Tidemark, or upgrade this process to the version that wrote it.',
    );
  }
  const numbers: readonly number[] = parsed;
  const [, offset, maxEventTimeMs, warmFrom, consumed, applied, duplicates, deadLettered, late, lost] = numbers;
  return { offset, maxEventTimeMs, warmFrom, consumed, applied, duplicates, deadLettered, late, lost };
}
