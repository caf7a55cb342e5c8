// Arrays for sketches, in sizes of powers of two, used again and again: panes come and go each second by the thousands.
// Invariant: an array in the pool is all zeros and belongs to nobody. One pool per process (or per test).

/** Arrays kept per size; more are left to the garbage collector. */
const KEPT_BYTES_PER_SIZE = 4 * 1024 * 1024;

export class ArrayPool {
  readonly #int32: Int32Array[][] = [];
  readonly #float64: Float64Array[][] = [];

  /** @param length a power of two @returns zeros */
  takeInt32(length: number): Int32Array {
    return this.#int32[31 - Math.clz32(length)]?.pop() ?? new Int32Array(length);
  }

  /** The caller must not use the array any more. */
  giveInt32(array: Int32Array): void {
    const size = 31 - Math.clz32(array.length);
    const kept = (this.#int32[size] ??= []);
    if (kept.length * array.byteLength >= KEPT_BYTES_PER_SIZE) return;
    array.fill(0);
    kept.push(array);
  }

  takeFloat64(length: number): Float64Array {
    return this.#float64[31 - Math.clz32(length)]?.pop() ?? new Float64Array(length);
  }

  giveFloat64(array: Float64Array): void {
    const size = 31 - Math.clz32(array.length);
    const kept = (this.#float64[size] ??= []);
    if (kept.length * array.byteLength >= KEPT_BYTES_PER_SIZE) return;
    array.fill(0);
    kept.push(array);
  }
}
