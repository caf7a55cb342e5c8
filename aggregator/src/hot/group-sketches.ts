// The sketch outputs of one answered group: panes of its series gathered per unit, merged per bucket or window, and asked.
// Panes stay encoded until a bucket is asked, so that one reader per component serves the whole answer.

import type { Component, Definition } from '../definition/model.js';
import type { Output, TopItem } from '../query/tier-read.js';
import type { QuantilesReader, TopReader, UniqueReader } from '../sketch/sketch.js';
import type { Turns } from './abort.js';
import type { UnitGrid } from './hot-read.js';
import { isSketch } from './layout.js';
import type { Segment } from './resolution.js';
import { concatenate, type CompactDelta } from './sketch-blob.js';
import { slideParts, slideUnique } from './sliding.js';

export type SketchReader =
  | { readonly kind: 'unique'; readonly reader: UniqueReader }
  | { readonly kind: 'quantiles'; readonly reader: QuantilesReader }
  | { readonly kind: 'top'; readonly reader: TopReader };

/** The sketch room's codecs, as far as the hot tier needs them. */
export interface SketchCodecs {
  readonly compact: CompactDelta;
  readonly readerFor: (component: Component) => SketchReader;
}

export interface SketchAnswers {
  /** By output index; see GroupResult. */
  readonly numbers: ReadonlyMap<number, Float64Array>;
  readonly items: ReadonlyMap<number, readonly (readonly TopItem[])[]>;
  readonly histograms: ReadonlyMap<number, readonly ReadonlyMap<number, number>[]>;
  readonly topError: number;
}

interface Unit {
  parts: Uint8Array[];
  bytes: number;
}

/** More than this in one unit is compacted at once: many series merge into what one sketch needs. */
const COMPACT_UNIT_BYTES = 262_144;
/** Windows must not forget items: only the answer is cut to its limit. */
const KEEP_ALL = 1_000_000;

export class GroupSketches {
  /** Sketch components asked for. */
  readonly components: readonly number[];
  readonly #definition: Definition;
  readonly #codecs: SketchCodecs;
  readonly #outputs: readonly Output[];
  readonly #grid: UnitGrid;
  readonly #turns: Turns;
  readonly #units: ReadonlyMap<number, readonly Unit[]>;

  constructor(definition: Definition, codecs: SketchCodecs, outputs: readonly Output[], grid: UnitGrid, turns: Turns) {
    this.#definition = definition;
    this.#codecs = codecs;
    this.#outputs = outputs;
    this.#grid = grid;
    this.#turns = turns;
    this.components = [...new Set(outputs.flatMap((output) => (output.stat === 'value' ? [] : [output.component])))];
    this.#units = new Map(this.components.map((c) => [c, Array.from({ length: grid.units }, (): Unit => ({ parts: [], bytes: 0 }))]));
  }

  /** Adds one series' panes of a segment. */
  async merge(component: number, panes: readonly (Uint8Array | null)[], { resolution, fromS }: Segment): Promise<void> {
    const units = this.#units.get(component) ?? [];
    const { startS, unitS } = this.#grid;
    for (let i = 0; i < panes.length; i++) {
      const pane = panes[i];
      if (pane === null) {
        continue;
      }
      const unit = units[Math.floor((fromS + i * resolution - startS) / unitS)];
      unit.parts.push(pane);
      unit.bytes += pane.length;
      if (unit.bytes > COMPACT_UNIT_BYTES && unit.parts.length > 1) {
        const whole = this.#compact(component, unit.parts);
        unit.parts = [whole];
        // What stays large is compacted again only when as much has come on top.
        unit.bytes = Math.min(whole.length, COMPACT_UNIT_BYTES / 2);
      }
      await this.#pause();
    }
  }

  #compact(component: number, parts: readonly Uint8Array[]): Uint8Array {
    const definition = this.#definition.components[component];
    const whole = concatenate(parts) ?? new Uint8Array(0);
    return isSketch(definition) ? this.#codecs.compact(definition.kind, whole, KEEP_ALL) : whole;
  }

  async #pause(): Promise<void> {
    if (this.#turns.due) {
      await this.#turns.yield();
    }
  }

  /** @param counts events per bucket: where there were none, numbers are NaN and lists empty */
  async answers(counts: Float64Array): Promise<SketchAnswers> {
    const numbers = new Map<number, Float64Array>();
    const items = new Map<number, (readonly TopItem[])[]>();
    const histograms = new Map<number, ReadonlyMap<number, number>[]>();
    this.#outputs.forEach((output, o) => {
      if (output.stat === 'items') {
        items.set(o, []);
      } else if (output.stat === 'histogram') {
        histograms.set(o, []);
      } else if (output.stat !== 'value') {
        numbers.set(o, new Float64Array(counts.length).fill(Number.NaN));
      }
    });
    let topError = 0;
    for (const component of this.components) {
      const sketch = this.#codecs.readerFor(this.#definition.components[component]);
      const divisor = 10 ** this.#definition.components[component].decimals;
      if (sketch.kind === 'unique' && this.#grid.step < this.#grid.width) {
        await this.#slideUnique(component, sketch.reader, counts, numbers);
        continue;
      }
      const partsOf = await this.#windows(component);
      for (let bucket = 0; bucket < counts.length; bucket++) {
        sketch.reader.reset();
        for (const part of partsOf(bucket)) {
          sketch.reader.merge(part);
          await this.#pause();
        }
        this.#outputs.forEach((output, o) => {
          if (output.component === component) {
            ask(sketch, output, divisor, bucket, counts[bucket] > 0, numbers.get(o), items.get(o), histograms.get(o));
          }
        });
        if (sketch.kind === 'top') {
          topError = Math.max(topError, sketch.reader.error() / divisor);
        }
      }
    }
    return { numbers, items, histograms, topError };
  }

  async #slideUnique(
    component: number,
    reader: UniqueReader,
    counts: Float64Array,
    numbers: ReadonlyMap<number, Float64Array>,
  ): Promise<void> {
    const parts = (this.#units.get(component) ?? []).map((unit) => unit.parts);
    const { width, step } = this.#grid;
    const estimates = await slideUnique(parts, width, step, counts.length, reader, () => this.#pause());
    this.#outputs.forEach((output, o) => {
      if (output.component !== component) return;
      numbers.get(o)?.set(estimates.map((estimate, bucket) => (counts[bucket] > 0 ? estimate : Number.NaN)));
    });
  }

  async #windows(component: number): Promise<(bucket: number) => readonly Uint8Array[]> {
    const units = this.#units.get(component) ?? [];
    const { width, step } = this.#grid;
    if (width === 1 && step === 1) {
      return (bucket) => units[bucket].parts;
    }
    const whole = units.map(({ parts }) => (parts.length > 1 ? this.#compact(component, parts) : (parts[0] ?? null)));
    return await slideParts(
      whole,
      width,
      step,
      (a, b) => this.#compact(component, [a, b]),
      () => this.#pause(),
    );
  }
}

function ask(
  sketch: SketchReader,
  output: Output,
  divisor: number,
  bucket: number,
  hadEvents: boolean,
  numbers: Float64Array | undefined,
  items: (readonly TopItem[])[] | undefined,
  histograms: ReadonlyMap<number, number>[] | undefined,
): void {
  if (output.stat === 'estimate' && sketch.kind === 'unique' && numbers !== undefined) {
    numbers[bucket] = hadEvents ? sketch.reader.estimate() : Number.NaN;
  } else if (output.stat === 'quantile' && sketch.kind === 'quantiles' && numbers !== undefined) {
    numbers[bucket] = sketch.reader.quantile(output.q) / divisor;
  } else if (output.stat === 'histogram' && sketch.kind === 'quantiles') {
    histograms?.push(sketch.reader.histogram());
  } else if (output.stat === 'items' && sketch.kind === 'top') {
    items?.push(sketch.reader.items(output.limit).map(({ item, weight }) => ({ item, weight: weight / divisor })));
  }
}
