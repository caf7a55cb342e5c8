// The hot loop: record by record, decode → refuse, recognise as duplicate, or apply to panes and raw rows.
// Invariant: each record ends as exactly one of applied, duplicate or dead-lettered, and is counted as such.

import { OTHER_VALUE, type Definition } from '../definition/model.js';
import type { Clock } from '../clock.js';
import { createJsonDecoder, type EventDecoder } from '../decode/json-decoder.js';
import { reasonOf } from '../decode/outcome.js';
import type { RecordBatch } from '../source/log.js';
import type { Accumulation } from './accumulation.js';
import { Admission } from './admission.js';
import { EventUpdates } from './component-plan.js';
import type { DeltaColumns } from './delta-columns.js';
import type { RawRows, Resolution } from './flush-batch.js';
import type { HotTier } from '../hot/hot-tier.js';
import { Accumulation as OpenAccumulation } from './accumulation.js';
import { RunEncoder } from '../sketch/runs.js';
import { GroupingTree } from './grouping-tree.js';
import { sealPanes } from './pane-seal.js';
import { RawColumns } from './raw-columns.js';
import type { PartitionProcessor } from './partition-processor.js';
import { SketchLog } from './sketch-log.js';

/** What of a refused record is kept. */
const DEAD_LETTER_BYTES = 64 * 1024;
/** Dictionaries above this many strings are forgotten between flushes. */
const DICTIONARY_ENTRIES = 200_000;
/** One is filled while another is flushed. */
const SPARE_RAW = 2;
/** Larger ones come from a backlog and are not kept. */
const SPARE_RAW_BYTES = 96 * 1024 * 1024;
/** The registry is asked again after this long, so that it knows which values are in use. */
const ADMISSION_MEMORY_MS = 3_600_000;

export class EventProcessor {
  readonly admission: Admission;
  readonly #definition: Definition;
  readonly #clock: Clock;
  readonly #decoder: EventDecoder;
  readonly #updates: EventUpdates;
  readonly #dimensionIds: Uint32Array;
  readonly #encoder = new RunEncoder();
  readonly #tree: GroupingTree;
  /** Of the last sealed accumulation: used again, because it is large and spent by then. */
  #spareLog: SketchLog | null = null;
  /** Of accumulations that are in both tiers. */
  readonly #spareRaw: RawColumns[] = [];
  #otherIds: readonly number[];
  #admissionResetAtMs: number;

  constructor(definition: Definition, clock: Clock) {
    this.#definition = definition;
    this.#clock = clock;
    this.#decoder = createJsonDecoder(definition);
    this.#tree = new GroupingTree(definition);
    this.#updates = new EventUpdates(definition, this.#decoder);
    this.#dimensionIds = new Uint32Array(definition.dimensions.length);
    this.#otherIds = this.#internOther();
    this.admission = new Admission(definition);
    this.#admissionResetAtMs = clock.now() + ADMISSION_MEMORY_MS;
  }

  open(): Accumulation {
    const sketchLog = this.#spareLog ?? new SketchLog(this.#definition, this.#tree.roots.length);
    this.#spareLog = null;
    const raw = this.#spareRaw.pop() ?? new RawColumns(this.#definition);
    return new OpenAccumulation(this.#definition, this.#tree, this.admission, sketchLog, raw);
  }

  /** Takes an accumulation's memory back. Neither it nor what was sealed of it may be looked at afterwards. */
  release(accumulation: Accumulation): void {
    const { raw } = accumulation;
    if (this.#spareRaw.length < SPARE_RAW && raw.capacityBytes <= SPARE_RAW_BYTES) {
      raw.clear();
      this.#spareRaw.push(raw);
    }
  }

  /**
   * Takes records from index `from` on while their offset is below `stopOffset` and fewer than `most` were taken.
   * @returns the index of the first record not taken
   */
  process(batch: RecordBatch, from: number, most: number, stopOffset: number, processor: PartitionProcessor, into: Accumulation): number {
    const definition = this.#definition;
    const decoder = this.#decoder;
    const dimensions = definition.dimensions;
    const tenantField = definition.event.tenant;
    const nowMs = this.#clock.now();
    const retention = definition.retention;
    const partitionIndex = into.raw.partitionIndex(processor.id);
    const end = Math.min(batch.count, from + most);
    let touched = false;
    let i = from;
    for (; i < end; i++) {
      const offset = batch.offset[i];
      if (offset < processor.next) {
        continue;
      }
      if (offset >= stopOffset) {
        break;
      }
      const code = decoder.decode(batch, i);
      const logTimeMs = batch.timestampMs[i];
      processor.next = offset + 1;
      if (offset < processor.applyFrom) {
        if (code === 0 && decoder.hasId) {
          processor.duplicatesFilter.observe(decoder.idHashLo, decoder.idHashHi, logTimeMs, offset);
        }
        continue;
      }
      touched = true;
      processor.consumed++;
      if (code !== 0) {
        processor.deadLettered++;
        const start = batch.start[i];
        into.refuse({
          partition: processor.id,
          offset,
          timestampMs: logTimeMs,
          reason: reasonOf(code),
          detail: decoder.detail(),
          value: batch.bytes.slice(start, Math.max(start, Math.min(batch.end[i], start + DEAD_LETTER_BYTES))),
        });
        continue;
      }
      if (decoder.hasId && processor.duplicatesFilter.observe(decoder.idHashLo, decoder.idHashHi, logTimeMs, offset)) {
        processor.duplicates++;
        continue;
      }
      processor.applied++;
      const timeMs = decoder.timeMs;
      if (timeMs < processor.maxEventTimeMs - definition.latenessMs) {
        processor.late++;
      } else if (timeMs > processor.maxEventTimeMs) {
        processor.maxEventTimeMs = timeMs;
      }
      if (into.oldestLogTimeMs === 0 || logTimeMs < into.oldestLogTimeMs) {
        into.oldestLogTimeMs = logTimeMs;
      }
      if (logTimeMs > into.newestLogTimeMs) {
        into.newestLogTimeMs = logTimeMs;
      }
      const tenant = tenantField >= 0 ? decoder.internId[tenantField] : 0;
      for (let d = 0; d < dimensions.length; d++) {
        this.#dimensionIds[d] = this.admission.idFor(d, tenant, decoder.internId[dimensions[d].field], this.#otherIds[d], into.unanswered);
      }
      into.raw.append(decoder, partitionIndex, offset, logTimeMs, tenant, this.#dimensionIds);
      const ageMs = nowMs - timeMs;
      if (ageMs <= retention.hot1mMs) {
        const resolution: Resolution = ageMs <= retention.hot1sMs ? 1 : ageMs <= retention.hot10sMs ? 10 : 60;
        this.#updates.evaluate();
        into.panes.add(tenant, resolution, timeMs, this.#dimensionIds, this.#updates, decoder);
      }
    }
    if (touched) {
      into.touch(processor);
    }
    return i;
  }

  /**
   * Turns a closed accumulation into what the tiers take. Asks the registry about new dimension values first.
   * No renumbering of dictionaries may happen in between; see `forgetDictionaries`.
   */
  async seal(accumulation: Accumulation, hot: HotTier): Promise<{ readonly deltas: DeltaColumns; readonly raw: RawRows }> {
    const definition = this.#definition;
    const decoder = this.#decoder;
    const tenants = definition.event.tenant >= 0 ? decoder.dictionary(definition.event.tenant) : [definition.tenants[0].name];
    const names = OpenAccumulation.names(definition, decoder);
    const numbering = decoder.numbering;
    const fold = await this.admission.resolve(
      hot,
      accumulation.unanswered,
      tenants,
      names,
      this.#otherIds,
      () => decoder.numbering === numbering,
    );
    if (decoder.numbering !== numbering) {
      throw new Error('dictionaries were renumbered under an open accumulation');
    }
    const { panes } = accumulation;
    const deltas = sealPanes(panes, definition, decoder, this.#encoder, { tenants, valueOf: names }, fold);
    panes.sketchLog.clear();
    this.#spareLog = panes.sketchLog;
    return { deltas, raw: accumulation.raw.seal(decoder, tenants, fold) };
  }

  /** True when `forgetDictionaries` should be called at the next moment without an open accumulation. */
  dictionariesAreLarge(): boolean {
    return (
      this.#clock.now() >= this.#admissionResetAtMs ||
      this.#definition.fields.some((f) => f.type === 'string' && this.#decoder.dictionary(f.index).length > DICTIONARY_ENTRIES)
    );
  }

  /** Bounds memory. Only while no accumulation holds ids: none is open and none is being sealed. */
  forgetDictionaries(): void {
    this.admission.reset();
    this.#admissionResetAtMs = this.#clock.now() + ADMISSION_MEMORY_MS;
    if (this.#decoder.resetIfLarger(DICTIONARY_ENTRIES)) {
      this.#otherIds = this.#internOther();
    }
  }

  #internOther(): readonly number[] {
    return this.#definition.dimensions.map((d) => this.#decoder.intern(d.field, OTHER_VALUE));
  }
}
