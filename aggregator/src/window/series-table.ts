// From dimension values (intern ids) to a series' slot, for one grouping in one pane. Two forms: an array by id for one
// dimension, a map by the joined ids for several. The grouping without dimensions has one slot.

export class SeriesTable {
  readonly #dimensions: readonly number[];
  #single = -1;
  #byId: Int32Array = new Int32Array(0);
  readonly #byKey = new Map<number | string, { readonly ids: readonly number[]; readonly slot: number }>();

  constructor(dimensions: readonly number[]) {
    this.#dimensions = dimensions;
    if (dimensions.length === 1) {
      this.#byId = new Int32Array(64).fill(-1);
    }
  }

  /** @param dimensionIds by dimension index. @returns the slot or -1. */
  find(dimensionIds: Uint32Array): number {
    const dimensions = this.#dimensions;
    if (dimensions.length === 0) {
      return this.#single;
    }
    if (dimensions.length === 1) {
      const id = dimensionIds[dimensions[0]];
      return id < this.#byId.length ? this.#byId[id] : -1;
    }
    return this.#byKey.get(this.#keyOf(dimensionIds))?.slot ?? -1;
  }

  insert(dimensionIds: Uint32Array, slot: number): void {
    this.insertValues(
      this.#dimensions.map((d) => dimensionIds[d]),
      slot,
    );
  }

  /** @param ids in the order of the grouping's dimensions. */
  findValues(ids: readonly number[]): number {
    if (ids.length === 0) {
      return this.#single;
    }
    if (ids.length === 1) {
      return ids[0] < this.#byId.length ? this.#byId[ids[0]] : -1;
    }
    return this.#byKey.get(joined(ids))?.slot ?? -1;
  }

  insertValues(ids: readonly number[], slot: number): void {
    if (ids.length === 0) {
      this.#single = slot;
    } else if (ids.length === 1) {
      if (ids[0] >= this.#byId.length) {
        const byId = new Int32Array(Math.max(this.#byId.length * 2, ids[0] + 1)).fill(-1);
        byId.set(this.#byId);
        this.#byId = byId;
      }
      this.#byId[ids[0]] = slot;
    } else {
      this.#byKey.set(joined(ids), { ids: [...ids], slot });
    }
  }

  remove(ids: readonly number[]): void {
    if (ids.length === 0) {
      this.#single = -1;
    } else if (ids.length === 1) {
      this.#byId[ids[0]] = -1;
    } else {
      this.#byKey.delete(joined(ids));
    }
  }

  forEach(visit: (ids: readonly number[], slot: number) => void): void {
    if (this.#dimensions.length === 0) {
      if (this.#single >= 0) {
        visit([], this.#single);
      }
    } else if (this.#dimensions.length === 1) {
      for (let id = 0; id < this.#byId.length; id++) {
        if (this.#byId[id] >= 0) {
          visit([id], this.#byId[id]);
        }
      }
    } else {
      for (const entry of this.#byKey.values()) {
        visit(entry.ids, entry.slot);
      }
    }
  }

  #keyOf(dimensionIds: Uint32Array): number | string {
    const dimensions = this.#dimensions;
    if (dimensions.length === 2) {
      return dimensionIds[dimensions[0]] * 0x4000000 + dimensionIds[dimensions[1]];
    }
    let key = '';
    for (let i = 0; i < dimensions.length; i++) {
      key += `${dimensionIds[dimensions[i]]},`;
    }
    return key;
  }
}

/** The same key as `#keyOf`: ids are below 2^26, so two of them fit one exact number. */
function joined(ids: readonly number[]): number | string {
  return ids.length === 2 ? ids[0] * 0x4000000 + ids[1] : ids.map((id) => `${id},`).join('');
}
