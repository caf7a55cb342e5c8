// What the consumer of the embedded log committed last: one small file, replaced as a whole.
// Invariant: after a crash the file holds one complete commit, the last or the one before it.

import { open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { TidemarkError } from '../errors.js';
import { syncDirectory } from './embedded-segments.js';

export interface EmbeddedPosition {
  readonly offset: number;
  readonly metadata: string;
}

/** @returns null before the first commit @throws TidemarkError when the file is not what was written */
export async function readPosition(path: string): Promise<EmbeddedPosition | null> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
  const remedy = 'Restore the file, or delete it: the whole log is then read again, which changes nothing in the stores.';
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new TidemarkError('fatal', 'POSITION_DAMAGED', `${path} is not JSON`, remedy, { cause: error });
  }
  if (typeof parsed === 'object' && parsed !== null && 'offset' in parsed && 'metadata' in parsed) {
    const { offset, metadata } = parsed;
    if (typeof offset === 'number' && Number.isSafeInteger(offset) && typeof metadata === 'string') return { offset, metadata };
  }
  throw new TidemarkError('fatal', 'POSITION_DAMAGED', `${path} does not hold an offset and its metadata`, remedy);
}

/** Resolves when the position is on disk. */
export async function writePosition(path: string, position: EmbeddedPosition): Promise<void> {
  const next = `${path}.next`;
  const file = await open(next, 'w');
  try {
    await file.writeFile(JSON.stringify(position));
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(next, path);
  await syncDirectory(dirname(path));
}
