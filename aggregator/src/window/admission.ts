// Which dimension values are kept under their caps. The hot tier's registry decides for all processes; this is one process's
// memory of its answers. Invariant: a value counts as kept only after the registry said so, and every flush asks about the
// values it has not had an answer for, so both tiers get the same decision.

import { OTHER_VALUE, type Definition } from '../definition/model.js';
import type { HotTier } from '../hot/hot-tier.js';
import { tenantValueKey } from './raw-columns.js';

const UNKNOWN = 0;
const KEPT = 1;
const BEYOND_CAP = 2;

/** Values that one accumulation has used without knowing whether they are kept: by dimension, `tenantValueKey` → how many events. */
export type UnansweredValues = readonly Map<number, number>[];

export class Admission {
  readonly #dimensions: number;
  /** By dimension, by tenant id, by intern id. */
  #known: Uint8Array[][];
  /** By dimension: values that a condition names. They are kept whatever the cap, so that both tiers evaluate it alike. */
  readonly #named: readonly ReadonlySet<string>[];
  /** Events whose value went to `__other__`, by dimension, since the start of this process. */
  readonly foldedEvents: Float64Array;

  constructor(definition: Definition) {
    this.#dimensions = definition.dimensions.length;
    this.#known = Array.from({ length: this.#dimensions }, () => []);
    this.foldedEvents = new Float64Array(this.#dimensions);
    this.#named = definition.dimensions.map(
      (d) =>
        new Set(
          definition.components
            .flatMap((c) => c.where)
            .filter((condition) => condition.field === d.field)
            .flatMap((condition) => condition.values.map(String)),
        ),
    );
  }

  newUnanswered(): UnansweredValues {
    return Array.from({ length: this.#dimensions }, () => new Map<number, number>());
  }

  /** @returns the id to count under: the value's own, or that of `__other__`. */
  idFor(dimension: number, tenant: number, id: number, otherId: number, unanswered: UnansweredValues): number {
    const known = this.#known[dimension][tenant];
    const state = known !== undefined && id < known.length ? known[id] : UNKNOWN;
    if (state === KEPT || id === 0 || id === otherId) {
      return id;
    }
    if (state === BEYOND_CAP) {
      this.foldedEvents[dimension]++;
      return otherId;
    }
    const key = tenantValueKey(tenant, id);
    unanswered[dimension].set(key, (unanswered[dimension].get(key) ?? 0) + 1);
    return id;
  }

  /** Forgets all answers: after intern ids were renumbered, and each hour so that values in use are seen to be in use. */
  reset(): void {
    this.#known = Array.from({ length: this.#dimensions }, () => []);
  }

  /**
   * Asks the registry about what an accumulation could not know.
   * @param names a sealed view of the dictionaries: value of an id, by dimension
   * @returns by dimension: keys to fold into `__other__`
   */
  async resolve(
    hot: HotTier,
    unanswered: UnansweredValues,
    tenants: readonly string[],
    names: (dimension: number, id: number) => string,
    otherIds: readonly number[],
    sameIds: () => boolean,
  ): Promise<(ReadonlyMap<number, number> | null)[]> {
    const folds: (ReadonlyMap<number, number> | null)[] = [];
    const folded = new Float64Array(this.#dimensions);
    for (let dimension = 0; dimension < this.#dimensions; dimension++) {
      const byTenant = new Map<number, number[]>();
      for (const key of unanswered[dimension].keys()) {
        const tenant = Math.floor(key / 0x100000000);
        const ids = byTenant.get(tenant) ?? [];
        ids.push(key % 0x100000000);
        byTenant.set(tenant, ids);
      }
      const fold = new Map<number, number>();
      for (const [tenant, ids] of byTenant) {
        const values = ids.map((id) => names(dimension, id));
        const kept = await hot.admit(tenants[tenant], dimension, values);
        ids.forEach((id, i) => {
          const isKept = kept.has(values[i]) || values[i] === OTHER_VALUE || this.#named[dimension].has(values[i]);
          if (!isKept) {
            const key = tenantValueKey(tenant, id);
            fold.set(key, otherIds[dimension]);
            folded[dimension] += unanswered[dimension].get(key) ?? 0;
          }
          if (sameIds()) {
            this.#remember(dimension, tenant, id, isKept ? KEPT : BEYOND_CAP);
          }
        });
      }
      folds.push(fold.size > 0 ? fold : null);
    }
    // Not before all are answered: after an error the same accumulation is asked about again.
    folded.forEach((events, dimension) => (this.foldedEvents[dimension] += events));
    return folds;
  }

  #remember(dimension: number, tenant: number, id: number, state: number): void {
    const tenants = this.#known[dimension];
    let known = tenants[tenant];
    if (known === undefined || id >= known.length) {
      const grown = new Uint8Array(Math.max(256, (known?.length ?? 0) * 2, id + 1));
      if (known !== undefined) {
        grown.set(known);
      }
      known = grown;
      tenants[tenant] = known;
    }
    known[id] = state;
  }
}
