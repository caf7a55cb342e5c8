// All deltas of a flush as columns: what the window room seals and the hot tier writes, without an object per delta (a flush after a
// pause has hundreds of thousands). Invariant: filled by its maker alone; what the hot tier reads never changes meanwhile.

import type { Component, Definition } from '../definition/model.js';
import type { Resolution, SeriesDelta } from './flush-batch.js';

/** One series of a flush, however many buckets it has. */
export interface DeltaSeries {
  readonly tenant: string;
  readonly grouping: number;
  readonly values: readonly string[];
}

const FIRST_DELTAS = 256;

export class DeltaColumns {
  /** Components with sketches; a place is a position in this list. */
  readonly sketches: readonly Component[];
  readonly series: DeltaSeries[] = [];
  /** Numbers of delta d: `numbers[numbersAt[d] + component]`; see SeriesDelta.numeric. */
  readonly numbers: Float64Array;
  /** Where sketch entries stand. */
  readonly chunks: Uint8Array[] = [];
  length = 0;
  seriesOf = new Int32Array(FIRST_DELTAS);
  resolution = new Uint8Array(FIRST_DELTAS);
  bucketS = new Float64Array(FIRST_DELTAS);
  numbersAt = new Int32Array(FIRST_DELTAS);
  /** By delta × places + place: chunk and range of the entries; an empty range: none. */
  sketchChunk: Int32Array;
  sketchStart: Int32Array;
  sketchEnd: Int32Array;

  constructor(definition: Definition, numbers: Float64Array) {
    this.sketches = definition.components.filter((c) => c.kind === 'unique' || c.kind === 'quantiles' || c.kind === 'top');
    this.numbers = numbers;
    this.sketchChunk = new Int32Array(FIRST_DELTAS * this.sketches.length);
    this.sketchStart = new Int32Array(FIRST_DELTAS * this.sketches.length);
    this.sketchEnd = new Int32Array(FIRST_DELTAS * this.sketches.length);
  }

  /** The same from a list of deltas. They must have as many numbers and sketches as the definition has components. */
  static of(definition: Definition, deltas: readonly SeriesDelta[]): DeltaColumns {
    const width = definition.components.length;
    const columns = new DeltaColumns(definition, Float64Array.from(deltas.flatMap(({ numeric }) => [...numeric])));
    const series = new Map<string, number>();
    deltas.forEach(({ tenant, grouping, values, resolution, bucketS, sketches }, i) => {
      const key = JSON.stringify([tenant, grouping, values]);
      const known = series.get(key) ?? columns.series.push({ tenant, grouping, values }) - 1;
      series.set(key, known);
      const delta = columns.add(known, resolution, bucketS, i * width);
      columns.sketches.forEach(({ index }, place) => {
        const entries = sketches[index];
        if (entries !== null) {
          columns.setSketch(delta, place, columns.chunks.push(entries) - 1, 0, entries.length);
        }
      });
    });
    return columns;
  }

  /** @returns the new delta's number; it has no sketches yet */
  add(series: number, resolution: Resolution, bucketS: number, numbersAt: number): number {
    const delta = this.length++;
    if (delta === this.seriesOf.length) {
      this.#grow();
    }
    this.seriesOf[delta] = series;
    this.resolution[delta] = resolution;
    this.bucketS[delta] = bucketS;
    this.numbersAt[delta] = numbersAt;
    return delta;
  }

  setSketch(delta: number, place: number, chunk: number, start: number, end: number): void {
    const at = delta * this.sketches.length + place;
    this.sketchChunk[at] = chunk;
    this.sketchStart[at] = start;
    this.sketchEnd[at] = end;
  }

  resolutionOf(delta: number): Resolution {
    const resolution = this.resolution[delta];
    return resolution === 1 || resolution === 10 ? resolution : 60;
  }

  /** Entries of a sketch; null where nothing changed. */
  entries(delta: number, place: number): Uint8Array | null {
    const at = delta * this.sketches.length + place;
    const start = this.sketchStart[at];
    const end = this.sketchEnd[at];
    return end > start ? this.chunks[this.sketchChunk[at]].subarray(start, end) : null;
  }

  /** The delta by itself. */
  get(delta: number, width: number): SeriesDelta {
    const sketches = new Array<Uint8Array | null>(width).fill(null);
    this.sketches.forEach(({ index }, place) => {
      sketches[index] = this.entries(delta, place);
    });
    return {
      ...this.series[this.seriesOf[delta]],
      resolution: this.resolutionOf(delta),
      bucketS: this.bucketS[delta],
      numeric: this.numbers.subarray(this.numbersAt[delta], this.numbersAt[delta] + width),
      sketches,
    };
  }

  #grow(): void {
    const length = this.seriesOf.length * 2;
    const places = length * this.sketches.length;
    this.seriesOf = grown(this.seriesOf, new Int32Array(length));
    this.resolution = grown(this.resolution, new Uint8Array(length));
    this.bucketS = grown(this.bucketS, new Float64Array(length));
    this.numbersAt = grown(this.numbersAt, new Int32Array(length));
    this.sketchChunk = grown(this.sketchChunk, new Int32Array(places));
    this.sketchStart = grown(this.sketchStart, new Int32Array(places));
    this.sketchEnd = grown(this.sketchEnd, new Int32Array(places));
  }
}

function grown<T extends Int32Array | Float64Array | Uint8Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
