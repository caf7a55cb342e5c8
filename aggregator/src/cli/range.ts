// --from and --to of the commands that work on a range of time.

import { checkRange } from '../query/request.js';

/** @returns epoch ms, half open. @throws QueryProblem naming the option, what was found and what was expected */
export function rangeOf(from: string, to: string, nowMs: number): { readonly fromMs: number; readonly toMs: number } {
  const plain = (text: string): number | string => (/^\d+$/.test(text) ? Number(text) : text);
  return checkRange(plain(from), plain(to), nowMs, 'UTC', ['--from', '--to']);
}
