// The coarse bin of a value in SQL: the formula of sketch/ddsketch-bins.ts with its constants, so that histograms of both tiers add up.

import { BIN_OFFSET, BINS_PER_COARSE_BIN, LN_GAMMA } from '../sketch/ddsketch-bins.js';

/**
 * @param value SQL of an Int64 (fixed point), not NULL; beyond ±2^63 nothing can be stored, so bins need no clamping
 * @returns SQL of an Int16
 */
export function coarseBinSql(value: string): string {
  const index = `toInt32(ceil(log(abs(${value})) / ${LN_GAMMA}))`;
  const magnitude = `intDiv(${index} + ${BIN_OFFSET}, ${BINS_PER_COARSE_BIN}) + 1`;
  return `if(${value} = 0, toInt16(0), toInt16(sign(${value}) * (${magnitude})))`;
}
