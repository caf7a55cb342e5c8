// The definition's conditions as a test over the decoder's current event, run once per event for all components together.
// Equal conditions and equal wheres are tested once. Comparisons of interned strings become a look-up by id: the verdict of an id
// is found out when it first comes, because dictionaries grow, and forgotten when ids are renumbered.

import type { Condition, Definition, Field, FieldId, Where } from '../definition/model.js';
import { type CurrentEvent, MAX_INTERNED_BYTES } from './decoder.js';
import { cutPosition } from './utf8.js';

export interface Wheres {
  /** Tests every distinct where on the decoder's current event. */
  evaluate(): void;
  /** By distinct where: 1 when the current event matches. Entry 0 is the empty where, always 1. */
  readonly flags: Uint8Array;
  /** By component index: which distinct where it has. */
  readonly ofComponent: Uint16Array;
  /** The interned field whose value alone decides all of them; -1 where there is no such field. Its id 0 decides nothing. */
  readonly decidingField: FieldId;
}

/** A missing field matches `missing` and nothing else, not even != and `not in`. */
export function compileWheres(def: Definition, decoder: CurrentEvent): Wheres {
  return new CompiledWheres(def, decoder);
}

const enum Test {
  Exists,
  Missing,
  Number,
  Interned,
  Text,
}
const enum Op {
  In,
  NotIn,
  Less,
  LessOrEqual,
  Greater,
  GreaterOrEqual,
}

class CompiledWheres implements Wheres {
  readonly flags: Uint8Array;
  readonly ofComponent: Uint16Array;
  readonly decidingField: FieldId;
  readonly #decoder: CurrentEvent;

  // By distinct condition.
  readonly #test: Uint8Array;
  readonly #op: Uint8Array;
  readonly #field: Int32Array;
  readonly #numbers: readonly Float64Array[];
  readonly #texts: readonly (readonly string[])[];
  /** By distinct condition, by id: 0 not known yet, 1 no, 2 yes. */
  readonly #verdicts: Uint8Array[];
  readonly #results: Uint8Array;
  #numbering: number;

  // By distinct where: its conditions are #conditions[#first[w] … #first[w + 1]).
  readonly #first: Int32Array;
  readonly #conditions: Int32Array;

  constructor(def: Definition, decoder: CurrentEvent) {
    const conditions: Condition[] = [];
    const conditionKeys: string[] = [];
    const wheres: number[][] = [[]];
    const whereKeys: string[] = [''];
    const conditionIndex = (condition: Condition): number => {
      const key = JSON.stringify([condition.field, condition.op, [...condition.values].sort()]);
      const known = conditionKeys.indexOf(key);
      if (known >= 0) return known;
      conditionKeys.push(key);
      return conditions.push(condition) - 1;
    };
    const whereIndex = (where: Where): number => {
      const indices = [...new Set(where.map(conditionIndex))].sort((a, b) => a - b);
      const known = whereKeys.indexOf(indices.join());
      if (known >= 0) return known;
      whereKeys.push(indices.join());
      return wheres.push(indices) - 1;
    };
    this.ofComponent = Uint16Array.from(def.components, (component) => whereIndex(component.where));
    this.flags = new Uint8Array(wheres.length).fill(1, 0, 1);
    const fields = [...new Set(conditions.map(({ field }) => field))];
    this.decidingField = fields.length === 1 && def.fields[fields[0]].interned ? fields[0] : -1;
    this.#decoder = decoder;
    this.#numbering = decoder.numbering;
    this.#test = Uint8Array.from(conditions, (condition) => testOf(condition, def.fields[condition.field]));
    this.#op = Uint8Array.from(conditions, (condition) => opOf(condition));
    this.#field = Int32Array.from(conditions, (condition) => condition.field);
    this.#numbers = conditions.map((condition) => Float64Array.from(condition.values, Number));
    this.#texts = conditions.map((condition) => condition.values.map((value) => textOf(value, def.fields[condition.field])));
    this.#verdicts = conditions.map(() => new Uint8Array(16));
    this.#results = new Uint8Array(conditions.length);
    this.#first = new Int32Array(wheres.length + 1);
    wheres.forEach((where, w) => (this.#first[w + 1] = this.#first[w] + where.length));
    this.#conditions = Int32Array.from(wheres.flat());
  }

  evaluate(): void {
    if (this.#numbering !== this.#decoder.numbering) this.#forgetVerdicts();
    const results = this.#results;
    for (let c = 0; c < results.length; c++) results[c] = this.#holds(c) ? 1 : 0;
    const flags = this.flags;
    for (let w = 1; w < flags.length; w++) {
      let flag = 1;
      for (let i = this.#first[w]; i < this.#first[w + 1]; i++) flag &= results[this.#conditions[i]];
      flags[w] = flag;
    }
  }

  #holds(c: number): boolean {
    const field = this.#field[c];
    const test = this.#test[c];
    if (this.#decoder.present[field] === 0) return test === Test.Missing;
    switch (test) {
      case Test.Exists:
        return true;
      case Test.Missing:
        return false;
      case Test.Number:
        return compareNumber(this.#op[c], this.#decoder.numbers[field], this.#numbers[c]);
      case Test.Interned: {
        const id = this.#decoder.internId[field];
        const verdicts = this.#verdicts[c];
        if (id < verdicts.length && verdicts[id] !== 0) return verdicts[id] === 2;
        return this.#decide(c, id);
      }
      default:
        return compareText(this.#op[c], this.#currentText(field), this.#texts[c]);
    }
  }

  #decide(c: number, id: number): boolean {
    if (id >= this.#verdicts[c].length) {
      const grown = new Uint8Array(Math.max(id + 1, this.#verdicts[c].length * 2));
      grown.set(this.#verdicts[c]);
      this.#verdicts[c] = grown;
    }
    const holds = compareText(this.#op[c], this.#decoder.dictionary(this.#field[c])[id], this.#texts[c]);
    this.#verdicts[c][id] = holds ? 2 : 1;
    return holds;
  }

  /** Allocates a string: conditions on fields that are not interned are the exception. */
  #currentText(field: number): string {
    const { strBytes, strStart, strEnd } = this.#decoder;
    return Buffer.from(strBytes.buffer, strBytes.byteOffset + strStart[field], strEnd[field] - strStart[field]).toString('utf8');
  }

  #forgetVerdicts(): void {
    this.#numbering = this.#decoder.numbering;
    for (const verdicts of this.#verdicts) verdicts.fill(0);
  }
}

function testOf(condition: Condition, field: Field): Test {
  if (condition.op === 'exists') return Test.Exists;
  if (condition.op === 'missing') return Test.Missing;
  if (field.type !== 'string') return Test.Number;
  return field.interned ? Test.Interned : Test.Text;
}

function opOf(condition: Condition): Op {
  switch (condition.op) {
    case '!=':
    case 'not in':
      return Op.NotIn;
    case '<':
      return Op.Less;
    case '<=':
      return Op.LessOrEqual;
    case '>':
      return Op.Greater;
    case '>=':
      return Op.GreaterOrEqual;
    default:
      return Op.In;
  }
}

/** As the decoder would give it: an interned string is cut. */
function textOf(value: string | number, field: Field): string {
  const bytes = Buffer.from(String(value));
  return field.interned ? bytes.toString('utf8', 0, cutPosition(bytes, 0, bytes.length, MAX_INTERNED_BYTES)) : bytes.toString('utf8');
}

function compareNumber(op: Op, value: number, against: Float64Array): boolean {
  switch (op) {
    case Op.Less:
      return value < against[0];
    case Op.LessOrEqual:
      return value <= against[0];
    case Op.Greater:
      return value > against[0];
    case Op.GreaterOrEqual:
      return value >= against[0];
    default:
      for (let i = 0; i < against.length; i++) if (against[i] === value) return op === Op.In;
      return op === Op.NotIn;
  }
}

/** Strings are ordered by code units, as in JavaScript. */
function compareText(op: Op, value: string, against: readonly string[]): boolean {
  switch (op) {
    case Op.Less:
      return value < against[0];
    case Op.LessOrEqual:
      return value <= against[0];
    case Op.Greater:
      return value > against[0];
    case Op.GreaterOrEqual:
      return value >= against[0];
    default:
      return against.includes(value) === (op === Op.In);
  }
}
