// What the live room asks of the query engine: one question that is known to be right, at a moment that is known already. Data only.

import type { Tenant } from '../definition/model.js';
import type { Ask } from './ask.js';
import type { DataFrame } from './data-frame.js';

/** One question of a live subscription. */
export interface LiveQuestion {
  readonly tenant: Tenant;
  readonly ask: Ask;
  /** Epoch ms, half open. */
  readonly fromMs: number;
  readonly toMs: number;
  /** Groups that are in a time series even without an event in the range. */
  readonly groups: readonly (readonly string[])[];
}

export interface LiveAnswer {
  readonly frame: DataFrame;
  /** 0: rows have no bucket. */
  readonly bucketMs: number;
  /** First bucket that is not finished; null: all are. */
  readonly partialFromMs: number | null;
}
