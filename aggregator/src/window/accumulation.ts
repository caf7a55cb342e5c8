// What is gathered between two flushes: panes, raw rows, refused records, and which partitions moved from where to where.
// Opened empty, filled by the event processor, sealed once into a Flush. Several partitions share one.

import type { Definition } from '../definition/model.js';
import type { DeadLetter, PartitionId } from '../source/log.js';
import type { EventDecoder } from '../decode/json-decoder.js';
import type { Admission, UnansweredValues } from './admission.js';
import type { PartitionState } from './flush-batch.js';
import type { GroupingTree } from './grouping-tree.js';
import { Panes } from './panes.js';
import type { PartitionProcessor } from './partition-processor.js';
import type { RawColumns } from './raw-columns.js';
import type { SketchLog } from './sketch-log.js';

/** Size of a dead letter besides the record. */
const LETTER_BYTES = 500;

export interface PartitionMove {
  readonly partition: PartitionId;
  readonly from: number;
  readonly state: PartitionState;
}

export class Accumulation {
  readonly panes: Panes;
  readonly raw: RawColumns;
  readonly #deadLetters: DeadLetter[] = [];
  readonly unanswered: UnansweredValues;
  /** Log timestamps of the oldest and newest applied record, for the latency metric; 0 when there was none. */
  oldestLogTimeMs = 0;
  newestLogTimeMs = 0;
  #deadLetterBytes = 0;
  readonly #processors = new Set<PartitionProcessor>();

  /** @param sketchLog empty @param raw empty */
  constructor(definition: Definition, tree: GroupingTree, admission: Admission, sketchLog: SketchLog, raw: RawColumns) {
    this.panes = new Panes(definition, tree, sketchLog);
    this.raw = raw;
    this.unanswered = admission.newUnanswered();
  }

  get deadLetters(): readonly DeadLetter[] {
    return this.#deadLetters;
  }

  /** Bytes of what was refused, as kept. */
  get deadLetterBytes(): number {
    return this.#deadLetterBytes;
  }

  refuse(letter: DeadLetter): void {
    this.#deadLetters.push(letter);
    this.#deadLetterBytes += letter.value.length + LETTER_BYTES;
  }

  touch(processor: PartitionProcessor): void {
    this.#processors.add(processor);
  }

  get isEmpty(): boolean {
    return this.#processors.size === 0;
  }

  /** Fixes the partitions' end positions. Called once, when the next accumulation begins. */
  close(): PartitionMove[] {
    const moves: PartitionMove[] = [];
    for (const processor of this.#processors) {
      const state = processor.state();
      moves.push({ partition: processor.id, from: processor.sealed, state });
      processor.sealed = state.offset;
    }
    return moves;
  }

  /** A view of the decoder's dictionaries that stays valid when the decoder renumbers later. */
  static names(definition: Definition, decoder: EventDecoder): (dimension: number, id: number) => string {
    const dictionaries = definition.dimensions.map((d) => decoder.dictionary(d.field));
    return (dimension, id) => dictionaries[dimension][id];
  }
}
