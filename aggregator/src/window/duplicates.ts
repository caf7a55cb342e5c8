// Duplicate detection of one partition: the last records' event ids, as 64-bit hashes in log order.
// Invariant: the verdict is a pure function of the partition's last `maxEvents` records that carried an id, so that reading
// them again (from `oldestOffset`) rebuilds the same memory. Only its partition processor touches it.

const INITIAL_CAPACITY = 4096;
/** Each growth copies everything. */
const GROWTH = 4;

/**
 * A record is a duplicate when the same id stood in one of the last `maxEvents` records with an id, and that record's log
 * timestamp is at most `windowMs` older. A duplicate is remembered like any other record, so repeats extend the memory.
 * Two ids are held to be the same when their 64-bit hashes are (at 500,000 remembered ids: 1 in 4 × 10^13 events).
 */
export class DuplicateFilter {
  readonly #maxEvents: number;
  readonly #windowMs: number;
  // A ring in log order …
  #capacity: number;
  #lo: Int32Array;
  #hi: Int32Array;
  #timeMs: Float64Array;
  #offset: Float64Array;
  #head = 0;
  #count = 0;
  // … and an open-addressing table by the lower half of the hash: a ring position + 1 (0 is empty) in the low bits of an entry, and in
  // the others those of the upper half of the hash, so that a probe that meets another id need not look into the ring. Every
  // event misses the processor's cache here, so entries are as small as they can be.
  #table: Int32Array;
  #mask: number;
  readonly #positionMask: number;

  constructor(options: { readonly windowMs: number; readonly maxEvents: number }) {
    this.#maxEvents = Math.max(1, Math.floor(options.maxEvents));
    this.#windowMs = options.windowMs;
    this.#capacity = Math.min(INITIAL_CAPACITY, this.#maxEvents);
    this.#lo = new Int32Array(this.#capacity);
    this.#hi = new Int32Array(this.#capacity);
    this.#timeMs = new Float64Array(this.#capacity);
    this.#offset = new Float64Array(this.#capacity);
    this.#positionMask = 2 ** (32 - Math.clz32(this.#maxEvents)) - 1;
    const slots = tableSize(this.#capacity);
    this.#table = new Int32Array(slots);
    this.#mask = slots - 1;
  }

  /** Offset from which reading again rebuilds this memory; `next` when nothing is remembered. */
  oldestOffset(next: number): number {
    return this.#count === 0 ? next : this.#offset[this.#head];
  }

  get size(): number {
    return this.#count;
  }

  /** Remembers the record and says whether it is a duplicate. */
  observe(hashLo: number, hashHi: number, logTimeMs: number, offset: number): boolean {
    const lo = hashLo | 0;
    const hi = hashHi | 0;
    if (this.#count === this.#capacity) {
      if (this.#capacity < this.#maxEvents) {
        this.#grow();
      } else {
        this.#forgetOldest();
      }
    }
    let position = this.#head + this.#count;
    if (position >= this.#capacity) {
      position -= this.#capacity;
    }
    this.#lo[position] = lo;
    this.#hi[position] = hi;
    this.#timeMs[position] = logTimeMs;
    this.#offset[position] = offset;
    this.#count++;

    const table = this.#table;
    const mask = this.#mask;
    const positionMask = this.#positionMask;
    const entered = (hi & ~positionMask) | (position + 1);
    let slot = lo & mask;
    for (;;) {
      const entry = table[slot];
      if (entry === 0) {
        table[slot] = entered;
        return false;
      }
      if (((entry ^ entered) & ~positionMask) === 0) {
        const earlier = (entry & positionMask) - 1;
        if (this.#lo[earlier] === lo && this.#hi[earlier] === hi) {
          table[slot] = entered;
          return logTimeMs - this.#timeMs[earlier] <= this.#windowMs;
        }
      }
      slot = (slot + 1) & mask;
    }
  }

  #forgetOldest(): void {
    const oldest = this.#head;
    let slot = this.#lo[oldest] & this.#mask;
    // The table names the newest record of an id: where it is a younger one, there is nothing to take out.
    for (;;) {
      const entry = this.#table[slot];
      if (entry === 0) {
        break;
      }
      if ((entry & this.#positionMask) === oldest + 1) {
        this.#removeSlot(slot);
        break;
      }
      slot = (slot + 1) & this.#mask;
    }
    this.#head = oldest + 1 === this.#capacity ? 0 : oldest + 1;
    this.#count--;
  }

  /** Linear probing without tombstones: entries behind the hole move up where their probe path allows (Knuth 6.4, algorithm R). */
  #removeSlot(removed: number): void {
    const table = this.#table;
    let hole = removed;
    let slot = hole;
    for (;;) {
      slot = (slot + 1) & this.#mask;
      const entry = table[slot];
      if (entry === 0) {
        break;
      }
      const home = this.#lo[(entry & this.#positionMask) - 1] & this.#mask;
      if (((slot - home) & this.#mask) >= ((slot - hole) & this.#mask)) {
        table[hole] = entry;
        hole = slot;
      }
    }
    table[hole] = 0;
  }

  #grow(): void {
    const capacity = Math.min(this.#maxEvents, this.#capacity * GROWTH);
    const lo = new Int32Array(capacity);
    const hi = new Int32Array(capacity);
    const timeMs = new Float64Array(capacity);
    const offset = new Float64Array(capacity);
    const slots = tableSize(capacity);
    const mask = slots - 1;
    const positionMask = this.#positionMask;
    const table = new Int32Array(slots);
    for (let i = 0; i < this.#count; i++) {
      const from = (this.#head + i) % this.#capacity;
      lo[i] = this.#lo[from];
      hi[i] = this.#hi[from];
      timeMs[i] = this.#timeMs[from];
      offset[i] = this.#offset[from];
      let slot = lo[i] & mask;
      for (let entry = table[slot]; entry !== 0; entry = table[slot]) {
        const earlier = (entry & positionMask) - 1;
        if (lo[earlier] === lo[i] && hi[earlier] === hi[i]) {
          break;
        }
        slot = (slot + 1) & mask;
      }
      table[slot] = (hi[i] & ~positionMask) | (i + 1);
    }
    this.#capacity = capacity;
    this.#lo = lo;
    this.#hi = hi;
    this.#timeMs = timeMs;
    this.#offset = offset;
    this.#table = table;
    this.#mask = mask;
    this.#head = 0;
  }
}

/** A power of two, at most half full. */
function tableSize(capacity: number): number {
  let size = 8;
  while (size < capacity * 2) {
    size *= 2;
  }
  return size;
}
