// The oracle: what every answer must be, worked out in one plain pass over the event log. Independent of the code under test:
// it reads the YAML as an object and the events by JSON.parse, and keeps every value in lists. Slow and obvious on purpose.

import { parse as parseYaml } from 'yaml';

export interface LogRecord {
  readonly partition: string;
  readonly offset: number;
  readonly timestampMs: number;
  readonly value: string;
}

type Json = Record<string, unknown>;

export interface ReferenceEvent {
  readonly timeMs: number;
  readonly json: Json;
  readonly record: LogRecord;
}

interface MeasureSpec {
  readonly kind: string;
  readonly field?: string;
  readonly weight?: string;
  readonly where?: Record<string, unknown>;
  readonly of?: string;
  readonly to?: string;
  readonly limit?: number;
  readonly quantiles?: readonly number[];
  readonly window?: { readonly size: string; readonly slide: string };
}

export interface Ask {
  readonly measure: string;
  readonly stat: string;
  readonly groupBy: readonly string[];
  readonly filters: readonly { dimension: string; op: string; values: readonly string[] }[];
}

export class Reference {
  readonly applied: ReferenceEvent[] = [];
  readonly duplicates: LogRecord[] = [];
  readonly refused: LogRecord[] = [];
  readonly #byMinute = new Map<number, ReferenceEvent[]>();
  readonly #spec: {
    event: Record<string, unknown>;
    dimensions: Record<string, { path?: string } | null>;
    measures: Record<string, MeasureSpec>;
  };

  /** @param records in log order within each partition */
  constructor(yaml: string, records: readonly LogRecord[], duplicates: { windowMs: number; maxEvents: number }) {
    this.#spec = parseYaml(yaml);
    // By partition: how many records had an id so far, and where in that row and when each id stood last.
    const remembered = new Map<string, { seen: number; last: Map<string, { at: number; timestampMs: number }> }>();
    const timePath =
      typeof this.#spec.event['time'] === 'string' ? this.#spec.event['time'] : String((this.#spec.event['time'] as Json)['path']);
    const idPath = String(this.#spec.event['id']);
    for (const record of records) {
      let json: unknown;
      try {
        json = JSON.parse(record.value);
      } catch {
        this.refused.push(record);
        continue;
      }
      const timeMs = typeof json === 'object' && json !== null ? Date.parse(String(at(json as Json, timePath))) : Number.NaN;
      if (typeof json !== 'object' || json === null || Array.isArray(json) || Number.isNaN(timeMs)) {
        this.refused.push(record);
        continue;
      }
      const id = at(json as Json, idPath);
      if (typeof id === 'string') {
        const memory = remembered.get(record.partition) ?? { seen: 0, last: new Map<string, { at: number; timestampMs: number }>() };
        remembered.set(record.partition, memory);
        const known = memory.last.get(id);
        const at = memory.seen++;
        memory.last.set(id, { at, timestampMs: record.timestampMs });
        if (known !== undefined && at - known.at < duplicates.maxEvents && record.timestampMs - known.timestampMs <= duplicates.windowMs) {
          this.duplicates.push(record);
          continue;
        }
      }
      const event: ReferenceEvent = { timeMs, json: json as Json, record };
      this.applied.push(event);
      const minute = Math.floor(timeMs / 60_000);
      const list = this.#byMinute.get(minute);
      if (list === undefined) {
        this.#byMinute.set(minute, [event]);
      } else {
        list.push(event);
      }
    }
  }

  get dimensions(): string[] {
    return Object.keys(this.#spec.dimensions);
  }

  measure(name: string): MeasureSpec {
    return this.#spec.measures[name];
  }

  get measures(): string[] {
    return Object.keys(this.#spec.measures);
  }

  dimensionValue(event: ReferenceEvent, dimension: string): string {
    const value = at(event.json, this.#spec.dimensions[dimension]?.path ?? dimension);
    return value === undefined || value === null ? '' : String(value);
  }

  /** Events of [fromMs, toMs) that pass the filters, by group. */
  groups(ask: Ask, fromMs: number, toMs: number): Map<string, ReferenceEvent[]> {
    const groups = new Map<string, ReferenceEvent[]>();
    for (const event of this.#between(fromMs, toMs)) {
      if (event.timeMs < fromMs || event.timeMs >= toMs || !ask.filters.every((f) => this.#passes(event, f))) {
        continue;
      }
      const key = JSON.stringify(ask.groupBy.map((d) => this.dimensionValue(event, d)));
      const list = groups.get(key) ?? [];
      list.push(event);
      groups.set(key, list);
    }
    return groups;
  }

  /** Applied events of all minutes that the range touches. */
  *#between(fromMs: number, toMs: number): Generator<ReferenceEvent> {
    for (let minute = Math.floor(fromMs / 60_000); minute * 60_000 < toMs; minute++) {
      yield* this.#byMinute.get(minute) ?? [];
    }
  }

  #passes(event: ReferenceEvent, filter: Ask['filters'][number]): boolean {
    const value = this.dimensionValue(event, filter.dimension);
    switch (filter.op) {
      case '=':
        return value === filter.values[0];
      case '!=':
        return value !== filter.values[0];
      case 'in':
        return filter.values.includes(value);
      case 'not in':
        return !filter.values.includes(value);
      case '=~':
        return new RegExp(filter.values[0]).test(value);
      case '!~':
        return !new RegExp(filter.values[0]).test(value);
      default:
        throw new Error(`no such operator ${filter.op}`);
    }
  }

  /** The exact numbers that a measure is made of, over some events. `values` are the matching field values. */
  exact(
    name: string,
    events: readonly ReferenceEvent[],
  ): { count: number; values: number[]; strings: string[]; weights: Map<string, number>; ratio: [number, number] } {
    const spec = this.measure(name);
    const matching = events.filter((e) => this.#matches(e, spec.where ?? {}));
    const values: number[] = [];
    const strings: string[] = [];
    const weights = new Map<string, number>();
    for (const event of matching) {
      const value = spec.field === undefined ? undefined : this.#field(event, spec.field);
      if (typeof value === 'number') {
        values.push(value);
      }
      if (value !== undefined && value !== null) {
        strings.push(String(value));
        const weight = spec.weight === undefined ? 1 : this.#field(event, spec.weight);
        if (typeof weight === 'number') {
          weights.set(String(value), (weights.get(String(value)) ?? 0) + weight);
        }
      }
    }
    const ratio: [number, number] =
      spec.kind === 'ratio' ? [this.number(String(spec.of), events), this.number(String(spec.to), events)] : [0, 0];
    return { count: spec.field === undefined ? matching.length : strings.length, values, strings, weights, ratio };
  }

  /** The exact value of a measure with one number; NaN where there is none. */
  number(name: string, events: readonly ReferenceEvent[]): number {
    const spec = this.measure(name);
    const { count, values, strings, ratio } = this.exact(name, events);
    const sum = values.reduce((a, b) => a + b, 0);
    switch (spec.kind) {
      case 'count':
        return count;
      case 'sum':
        return sum;
      case 'min':
        return values.length === 0 ? Number.NaN : values.reduce((a, b) => Math.min(a, b));
      case 'max':
        return values.length === 0 ? Number.NaN : values.reduce((a, b) => Math.max(a, b));
      case 'avg':
        return values.length === 0 ? Number.NaN : sum / values.length;
      case 'unique':
        return new Set(strings).size;
      case 'ratio':
        return ratio[1] === 0 ? Number.NaN : ratio[0] / ratio[1];
      default:
        throw new Error(`${spec.kind} is not one number`);
    }
  }

  /** Values at the ranks on either side of q, for the sketch's tolerance. */
  quantile(name: string, q: number, events: readonly ReferenceEvent[]): [number, number] {
    const sorted = this.exact(name, events).values.sort((a, b) => a - b);
    if (sorted.length === 0) {
      return [Number.NaN, Number.NaN];
    }
    const rank = q * (sorted.length - 1);
    return [sorted[Math.floor(rank)], sorted[Math.ceil(rank)]];
  }

  #field(event: ReferenceEvent, name: string): unknown {
    const dimension = this.#spec.dimensions[name];
    const role = this.#spec.event[name];
    const path = dimension !== undefined ? (dimension?.path ?? name) : typeof role === 'string' ? role : name;
    return at(event.json, path);
  }

  #matches(event: ReferenceEvent, where: Record<string, unknown>): boolean {
    return Object.entries(where).every(([name, wanted]) => {
      const value = this.#field(event, name);
      const present = value !== undefined && value !== null;
      if (Array.isArray(wanted)) {
        return present && wanted.map(String).includes(String(value));
      }
      if (typeof wanted !== 'object' || wanted === null) {
        return present && String(value) === String(wanted);
      }
      return Object.entries(wanted).every(([op, bound]) => {
        switch (op) {
          case 'exists':
            return present === bound;
          case 'not':
            return present && !(Array.isArray(bound) ? bound : [bound]).map(String).includes(String(value));
          case 'gt':
            return present && Number(value) > Number(bound);
          case 'gte':
            return present && Number(value) >= Number(bound);
          case 'lt':
            return present && Number(value) < Number(bound);
          case 'lte':
            return present && Number(value) <= Number(bound);
          default:
            throw new Error(`no such condition ${op}`);
        }
      });
    });
  }
}

function at(json: Json, path: string): unknown {
  if (Object.hasOwn(json, path)) {
    return json[path];
  }
  return path
    .split('.')
    .reduce<unknown>((value, key) => (typeof value === 'object' && value !== null ? (value as Json)[key] : undefined), json);
}
