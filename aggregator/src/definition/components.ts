// What is stored for the measures: components, shared wherever kind, field and condition are the same.
// Invariant: component 0 is the plain count. A key depends only on what the component computes, never on the order or the names
// of measures, so that rollups written under an older definition keep their meaning.

import { createHash } from 'node:crypto';
import type { Component, ComponentKind, Field, FieldId, Where } from './model.js';

const MAX_KEY_CHARS = 96;

export interface ComponentRequest {
  readonly kind: ComponentKind;
  readonly field: FieldId;
  readonly where: Where;
  readonly weightField?: FieldId;
  readonly keep?: number;
  readonly quantiles?: readonly number[];
}

export class ComponentTable {
  readonly #fields: readonly Field[];
  readonly #components: Component[] = [];
  readonly #bySignature = new Map<string, number>();

  constructor(fields: readonly Field[]) {
    this.#fields = fields;
    this.add({ kind: 'count', field: -1, where: [] });
  }

  /** Index of the component that computes this, new or shared. Shared sketches keep the most that any measure asks for. */
  add(request: ComponentRequest): number {
    const { kind, field, where, weightField = -1, keep = 0, quantiles = [] } = request;
    const signature = this.#signature(request);
    const known = this.#bySignature.get(signature);
    if (known !== undefined) {
      const old = this.#components[known];
      this.#components[known] = { ...old, keep: Math.max(old.keep, keep), quantiles: union(old.quantiles, quantiles) };
      return known;
    }
    const measured = kind === 'top' ? weightField : kind === 'count' || kind === 'unique' ? -1 : field;
    const index = this.#components.length;
    this.#bySignature.set(signature, index);
    this.#components.push({
      index,
      kind,
      key: this.#key(request, signature),
      field,
      where,
      decimals: measured === -1 ? 0 : this.#fields[measured].decimals,
      weightField,
      keep,
      quantiles: union([], quantiles),
    });
    return index;
  }

  all(): readonly Component[] {
    return this.#components;
  }

  /** Canonical text of what is computed: paths instead of indices. */
  #signature({ kind, field, where, weightField = -1 }: ComponentRequest): string {
    return JSON.stringify([kind, this.#path(field), this.#path(weightField), this.#whereText(where)]);
  }

  #whereText(where: Where): string {
    return JSON.stringify(where.map((condition) => JSON.stringify([this.#path(condition.field), condition.op, condition.values])).sort());
  }

  #path(field: FieldId): readonly string[] | null {
    return field === -1 ? null : this.#fields[field].path;
  }

  /** e.g. `count`, `sum_amount`, `top_product_id_by_quantity`, `count_w1a2b3c4d`: conditions go in as a hash. */
  #key({ kind, field, where, weightField = -1 }: ComponentRequest, signature: string): string {
    let key: string = kind;
    if (field !== -1) key += `_${this.#fields[field].name}`;
    if (weightField !== -1) key += `_by_${this.#fields[weightField].name}`;
    if (where.length > 0) key += `_w${hash(this.#whereText(where))}`;
    const isTaken = this.#components.some((component) => component.key === key);
    return isTaken || key.length > MAX_KEY_CHARS ? `${key.slice(0, MAX_KEY_CHARS - 10)}_h${hash(signature)}` : key;
  }
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}

function union(a: readonly number[], b: readonly number[]): readonly number[] {
  return [...new Set([...a, ...b])].sort((x, y) => x - y);
}
