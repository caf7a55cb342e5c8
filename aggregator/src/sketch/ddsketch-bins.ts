// The bins of the quantile sketch (DDSketch, Masson, Rim, Lee 2019) at a relative error of 1 %. The SQL of the cold tier computes
// the same bins: for v > 0,  index = ceil(ln(v) / ln(γ))  with  γ = 1.01 / 0.99,  as 64-bit floating point numbers.
//
//   bin of v > 0:  index + 16384, kept within 1 … 32767        every value v of bin b > 0 lies in (γ^(b-16385), γ^(b-16384)]
//   bin of 0:      0
//   bin of v < 0:  -(bin of -v)
//   value of b > 0: 2 γ^(b-16384) / (γ + 1),  of b < 0: -(value of -b),  of 0: 0      off by at most 1 % of v
//   coarse bin of b > 0: intDiv(b, 16) + 1,  of b < 0: -(coarse bin of -b),  of 0: 0   (16 bins, a factor of 1.377)
//
// Bins and coarse bins sort as their values do. Values below 10^-142 and above 10^142 fall into the outermost bins.

const ALPHA = 0.01;
export const GAMMA = (1 + ALPHA) / (1 - ALPHA);
export const LN_GAMMA = Math.log(GAMMA);
/** Added to the index of a positive value to make its bin positive. */
export const BIN_OFFSET = 16_384;
export const MAX_BIN = 32_767;
export const BINS_PER_COARSE_BIN = 16;

/** The plain formula. @param value any number but NaN */
export function binOf(value: number): number {
  if (value > 0) return clampBin(Math.ceil(Math.log(value) / LN_GAMMA) + BIN_OFFSET);
  return value < 0 ? -clampBin(Math.ceil(Math.log(-value) / LN_GAMMA) + BIN_OFFSET) : 0;
}

/** The value that stands for a bin. */
export function valueOfBin(bin: number): number {
  if (bin === 0) return 0;
  const value = (2 * GAMMA ** (Math.abs(bin) - BIN_OFFSET)) / (GAMMA + 1);
  return bin > 0 ? value : -value;
}

export function coarseBin(bin: number): number {
  if (bin === 0) return 0;
  const coarse = Math.floor(Math.abs(bin) / BINS_PER_COARSE_BIN) + 1;
  return bin > 0 ? coarse : -coarse;
}

/** Between which values those of a coarse bin lie: (from, to] for positive ones, [from, to) for negative ones, 0 alone for 0. */
export function coarseBinBounds(coarse: number): { readonly from: number; readonly to: number } {
  if (coarse === 0) return { from: 0, to: 0 };
  const first = (Math.abs(coarse) - 1) * BINS_PER_COARSE_BIN;
  const inner = GAMMA ** (first - 1 - BIN_OFFSET);
  const outer = GAMMA ** (first + BINS_PER_COARSE_BIN - 1 - BIN_OFFSET);
  return coarse > 0 ? { from: inner, to: outer } : { from: -outer, to: -inner };
}

function clampBin(bin: number): number {
  return Math.min(Math.max(bin, 1), MAX_BIN);
}

/** Values below this are looked up whole. */
const DIRECT_VALUES = 1024;
/** Bits kept of larger ones: cells of 0.1-0.2 %, so that a cell has parts of two bins at most. */
const CELL_BITS = 10;
const SHIFTS = 31 - CELL_BITS;

/**
 * `binOf` for the integers of the hot path by table: a logarithm costs ten times as much. Immutable after construction.
 * An integer of up to 31 bits is cut to its topmost 10; the table gives the bin of the cell's smallest value, and where the cell
 * reaches into the next bin, the last value before it.
 */
export class BinTable {
  /** By integer below DIRECT_VALUES, then by shift and cell. */
  readonly #bin = new Int16Array(DIRECT_VALUES + SHIFTS * (DIRECT_VALUES / 2));
  /** The last integer of the cell that is in this bin; the largest there is where the cell does not reach into the next. */
  readonly #last = new Int32Array(this.#bin.length).fill(0x7fffffff);

  constructor() {
    for (let value = 1; value < DIRECT_VALUES; value++) this.#bin[value] = binOf(value);
    for (let shift = 1; shift <= SHIFTS; shift++) {
      for (let top = DIRECT_VALUES / 2; top < DIRECT_VALUES; top++) {
        const first = top * 2 ** shift;
        const last = first + 2 ** shift - 1;
        const bin = binOf(first);
        const cell = cellOf(shift, top);
        this.#bin[cell] = bin;
        if (binOf(last) !== bin) this.#last[cell] = lastOfBin(bin, first, last);
      }
    }
  }

  /** Equal to the plain `binOf` for every number. */
  binOf(value: number): number {
    const integer = value | 0;
    if (integer !== value || integer < 0) return binOf(value);
    if (integer < 1024) return this.#bin[integer];
    const shift = 22 - Math.clz32(integer);
    const cell = 1024 + ((shift - 1) << 9) + (integer >>> shift) - 512;
    return integer <= this.#last[cell] ? this.#bin[cell] : this.#bin[cell] + 1;
  }
}

function cellOf(shift: number, top: number): number {
  return DIRECT_VALUES + (shift - 1) * (DIRECT_VALUES / 2) + top - DIRECT_VALUES / 2;
}

/** By bisection over the plain formula, so that rounding is the same. */
function lastOfBin(bin: number, first: number, last: number): number {
  let inside = first;
  let beyond = last;
  while (beyond - inside > 1) {
    const middle = Math.floor((inside + beyond) / 2);
    if (binOf(middle) === bin) inside = middle;
    else beyond = middle;
  }
  return inside;
}
