// Reads one record of any layout: the general way, by recursive descent over the path tree. Also notes where the record's values
// stood, so that the layout cache can read the next record of the same layout without parsing.
// Invariant: accepts exactly the records that JSON.parse accepts (and whose nesting is at most MAX_DEPTH).

import { MAX_DEPTH } from './decoder.js';
import type { EventFields } from './event-fields.js';
import { DecodeCode } from './outcome.js';
import type { PathTree } from './paths.js';
import type { Scanner } from './scanner.js';

/** Records with more values than this are not worth a layout. */
const MAX_SLOTS = 128;

/** Where the values (scalars and arrays) of a record stood. */
export class RecordShape {
  count = 0;
  /** False when the record must not be taken as a pattern: too many values, or a wanted key twice. */
  usable = true;
  readonly start = new Int32Array(MAX_SLOTS);
  readonly stop = new Int32Array(MAX_SLOTS);
  /** First field of the value's path, or -1. */
  readonly field = new Int32Array(MAX_SLOTS);
  /** Nesting depth of the object that the value stands in. */
  readonly depth = new Int32Array(MAX_SLOTS);
  /** By field: 1 when a slot sets it. */
  readonly covered: Uint8Array;

  constructor(fields: number) {
    this.covered = new Uint8Array(fields);
  }
}

export class RecordParser {
  readonly shape: RecordShape;
  readonly #scanner: Scanner;
  readonly #fields: EventFields;
  readonly #paths: PathTree;
  /** By path node: the number of the record in which it was last seen. */
  readonly #seen: Float64Array;
  #record = 0;

  constructor(scanner: Scanner, fields: EventFields, paths: PathTree) {
    this.#scanner = scanner;
    this.#fields = fields;
    this.#paths = paths;
    this.#seen = new Float64Array(paths.nodes);
    this.shape = new RecordShape(fields.count);
  }

  /**
   * Parses [start, scanner.end) into the fields. Refusals of single fields are left in `EventFields.error`.
   * @returns ok, or why the record as a whole is refused
   */
  parse(start: number): DecodeCode {
    const scanner = this.#scanner;
    const shape = this.shape;
    this.#record++;
    shape.count = 0;
    shape.usable = true;
    for (let field = 0; field < shape.covered.length; field++) {
      shape.covered[field] = 0;
      this.#fields.error[field] = DecodeCode.ok;
    }

    let p = scanner.space(start);
    const isObject = scanner.bytes[p] === 0x7b && p < scanner.end;
    p = isObject ? this.#object(p + 1, 0, 1) : scanner.skipValue(p, 0);
    if (p < 0) return scanner.failureCode;
    const rest = scanner.space(p);
    if (rest < scanner.end) {
      scanner.fail(DecodeCode.malformedJson, rest, 'the end of the record');
      return DecodeCode.malformedJson;
    }
    if (isObject) {
      for (let field = 0; field < shape.covered.length; field++) if (shape.covered[field] === 0) this.#fields.setMissing(field);
      return DecodeCode.ok;
    }
    scanner.fail(DecodeCode.notAnObject, scanner.space(start), 'an object');
    return DecodeCode.notAnObject;
  }

  /** @param p after the opening brace @param node of the path tree, or -1 below paths that nobody wants */
  #object(p: number, node: number, depth: number): number {
    const scanner = this.#scanner;
    const bytes = scanner.bytes;
    if (depth > MAX_DEPTH) return scanner.fail(DecodeCode.tooDeep, p - 1, `at most ${MAX_DEPTH} levels of nesting`);
    p = scanner.space(p);
    if (bytes[p] === 0x7d && p < scanner.end) return p + 1;
    for (;;) {
      if (bytes[p] !== 0x22 || p >= scanner.end) return scanner.fail(DecodeCode.malformedJson, p, 'a key in double quotes');
      let child = -1;
      if (node < 0) {
        p = scanner.skipString(p + 1);
        if (p < 0) return p;
      } else {
        const scratchUsed = scanner.scratchUsed;
        p = scanner.string(p + 1);
        if (p < 0) return p;
        const keyBytes = scanner.unescaped ? scanner.scratch : bytes;
        child = this.#paths.child(node, keyBytes, scanner.start, scanner.stop, scanner.laneLo, scanner.laneHi);
        scanner.scratchUsed = scratchUsed;
      }
      p = scanner.space(p);
      if (bytes[p] !== 0x3a || p >= scanner.end) return scanner.fail(DecodeCode.malformedJson, p, "':' after the key");
      if (child >= 0) this.#meet(child);
      p = this.#value(scanner.space(p + 1), child, depth);
      if (p < 0) return p;
      p = scanner.space(p);
      if (p >= scanner.end) return scanner.fail(DecodeCode.malformedJson, scanner.end, "',' or '}'");
      if (bytes[p] === 0x7d) return p + 1;
      if (bytes[p] !== 0x2c) return scanner.fail(DecodeCode.malformedJson, p, "',' or '}'");
      p = scanner.space(p + 1);
    }
  }

  /** Of a key that comes twice the last one counts, with all that is below it, as in JSON.parse. */
  #meet(node: number): void {
    if (this.#seen[node] === this.#record) {
      for (const field of this.#paths.fieldsBelow[node]) this.#fields.setMissing(field);
      this.shape.usable = false;
    }
    this.#seen[node] = this.#record;
  }

  #value(p: number, node: number, depth: number): number {
    const scanner = this.#scanner;
    if (p >= scanner.end) return scanner.fail(DecodeCode.malformedJson, scanner.end, 'a value');
    const field = node < 0 ? -1 : this.#paths.fieldOf[node];
    const c = scanner.bytes[p];
    if (c === 0x7b) {
      if (field >= 0) {
        this.#fields.refuseContainer(field, p);
        this.#cover(field);
      }
      return this.#object(p + 1, node, depth + 1);
    }
    const stop = field < 0 ? scanner.skipValue(p, depth) : this.#wantedValue(p, c, field, depth);
    if (stop < 0) return stop;
    if (field >= 0) this.#cover(field);
    this.#note(p, stop, field, depth);
    return stop;
  }

  #wantedValue(p: number, c: number, field: number, depth: number): number {
    const scanner = this.#scanner;
    let stop: number;
    if (c === 0x22) {
      stop = scanner.string(p + 1);
      if (stop >= 0) this.#fields.setString(field, scanner, p);
    } else if (c === 0x5b) {
      stop = scanner.skipValue(p, depth);
      if (stop >= 0) this.#fields.refuseContainer(field, p);
    } else if (c === 0x2d || (c >= 0x30 && c <= 0x39)) {
      stop = scanner.number(p);
      if (stop >= 0) this.#fields.setNumber(field, scanner, p, stop);
    } else {
      stop = scanner.literal(p);
      if (stop >= 0 && c === 0x6e) this.#fields.setNull(field);
      else if (stop >= 0) this.#fields.setBoolean(field, scanner, p, stop);
    }
    return stop;
  }

  #note(start: number, stop: number, field: number, depth: number): void {
    const shape = this.shape;
    if (shape.count === MAX_SLOTS) {
      shape.usable = false;
      return;
    }
    shape.start[shape.count] = start;
    shape.stop[shape.count] = stop;
    shape.field[shape.count] = field;
    shape.depth[shape.count] = depth;
    shape.count++;
  }

  #cover(first: number): void {
    for (let field = first; field >= 0; field = this.#paths.nextOfPath[field]) this.shape.covered[field] = 1;
  }
}
