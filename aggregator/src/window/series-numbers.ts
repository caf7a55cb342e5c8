// Numbers the series of one grouping as they come: dimension values (intern ids) ↔ 0, 1, 2 …, shared by all panes of an
// accumulation, so that a pane finds a series by an index instead of by a key. Grows only.

const FIRST_IDS = 64;

export class SeriesNumbers {
  readonly #dimensions: readonly number[];
  readonly #width: number;
  #count = 0;
  /** By series: its ids. */
  #ids: Int32Array;
  /** One dimension: series + 1 by id. Several: an open-addressing table of series + 1. */
  #table: Int32Array;

  /** @param dimensions of the grouping */
  constructor(dimensions: readonly number[]) {
    this.#dimensions = dimensions;
    this.#width = dimensions.length;
    this.#ids = new Int32Array(FIRST_IDS * this.#width);
    this.#table = new Int32Array(FIRST_IDS * 2);
    if (this.#width === 0) {
      this.#count = 1;
    }
  }

  get count(): number {
    return this.#count;
  }

  /** @param dimensionIds by dimension index */
  of(dimensionIds: Uint32Array): number {
    const dimensions = this.#dimensions;
    switch (this.#width) {
      case 0:
        return 0;
      case 1: {
        const id = dimensionIds[dimensions[0]];
        const known = id < this.#table.length ? this.#table[id] : 0;
        return known !== 0 ? known - 1 : this.#addSingle(id);
      }
      default: {
        let hash = 0;
        for (let i = 0; i < dimensions.length; i++) {
          hash = hashStep(hash, dimensionIds[dimensions[i]]);
        }
        const ids = this.#ids;
        const mask = this.#table.length - 1;
        let slot = spread(hash) & mask;
        for (;;) {
          const known = this.#table[slot];
          if (known === 0) {
            return this.#add(
              dimensions.map((d) => dimensionIds[d]),
              slot,
            );
          }
          const at = (known - 1) * dimensions.length;
          let i = 0;
          while (i < dimensions.length && ids[at + i] === dimensionIds[dimensions[i]]) {
            i++;
          }
          if (i === dimensions.length) {
            return known - 1;
          }
          slot = (slot + 1) & mask;
        }
      }
    }
  }

  /** @param ids in the order of the grouping's dimensions */
  ofValues(ids: readonly number[]): number {
    const dimensionIds = new Uint32Array(Math.max(0, ...this.#dimensions) + 1);
    this.#dimensions.forEach((dimension, i) => {
      dimensionIds[dimension] = ids[i];
    });
    return this.of(dimensionIds);
  }

  /** Ids of a series in the order of the grouping's dimensions. */
  values(series: number): number[] {
    return Array.from(this.#ids.subarray(series * this.#width, (series + 1) * this.#width));
  }

  #addSingle(id: number): number {
    if (id >= this.#table.length) {
      const table = new Int32Array(Math.max(this.#table.length * 2, id + 1));
      table.set(this.#table);
      this.#table = table;
    }
    const series = this.#append([id]);
    this.#table[id] = series + 1;
    return series;
  }

  #add(ids: readonly number[], slot: number): number {
    const series = this.#append(ids);
    this.#table[slot] = series + 1;
    if (this.#count * 2 > this.#table.length) {
      this.#grow();
    }
    return series;
  }

  #append(ids: readonly number[]): number {
    const at = this.#count * this.#width;
    if (at + this.#width > this.#ids.length) {
      const grown = new Int32Array(this.#ids.length * 2);
      grown.set(this.#ids);
      this.#ids = grown;
    }
    this.#ids.set(ids, at);
    return this.#count++;
  }

  #grow(): void {
    const table = new Int32Array(this.#table.length * 2);
    const mask = table.length - 1;
    for (let series = 0; series < this.#count; series++) {
      let hash = 0;
      for (let i = 0; i < this.#width; i++) {
        hash = hashStep(hash, this.#ids[series * this.#width + i]);
      }
      let slot = spread(hash) & mask;
      while (table[slot] !== 0) {
        slot = (slot + 1) & mask;
      }
      table[slot] = series + 1;
    }
    this.#table = table;
  }
}

function hashStep(hash: number, id: number): number {
  return Math.imul(hash ^ id, 0x9e3779b1);
}

/** The upper bits of a product are the well mixed ones. */
function spread(hash: number): number {
  return hash ^ (hash >>> 15);
}
