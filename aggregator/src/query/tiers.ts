// Joins the query room to the tiers as their rooms export them. Wiring only.

import { readHot, type HotReadContext } from '../hot/hot-read.js';
import type { HotSource } from './execute.js';

/** The hot tier as queries see it. */
export function hotSource(context: HotReadContext): HotSource {
  const { tier } = context;
  return {
    coverage: () => tier.coverage(),
    cacheGet: (keys) => tier.cacheGet(keys),
    cacheSet: (key, value, ttlMs) => tier.cacheSet(key, value, ttlMs),
    read: (read, coverage) => readHot(context, read, coverage),
  };
}
