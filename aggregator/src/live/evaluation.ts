// One live question through the query engine, again and again: the whole span where somebody needs it, else only the buckets that
// may have changed since. Decides nothing about numbers; the engine and its planner do. Invariant: whoever applied the message for
// what it held, holds what the engine answers at this moment. State: the schema told last, and what of the log was told.

import type { Definition } from '../definition/model.js';
import type { Ask } from '../query/ask.js';
import { alignDown } from '../query/bucket.js';
import type { DataFrame, FieldValues } from '../query/data-frame.js';
import type { QueryEngine } from '../query/engine.js';
import { partialFromMs } from '../query/finish.js';
import type { LiveAnswer } from '../query/live-question.js';
import { completeUntilMs, finishedUntilMs, type Situation } from '../query/situation.js';
import type { ChangeLog } from './change-log.js';
import { decodeCursor, digest, encodeCursor, type LogPosition, type Standing } from './cursor.js';
import { EncodedMessage } from './encoded-message.js';
import type { Moment } from './moments.js';
import type { LiveMeta } from './protocol.js';
import { reachOf, withBucket, type LiveQuestion } from './question.js';
import { alignRanges, groupsOf, inOrder, joinRows, rowsWithin, sameFields, schemaKeys, type SchemaKeys, type TimeRange } from './rows.js';
import type { Held } from './subscription.js';

/** What one evaluation gives to whom. */
export interface Advance {
  /** For those who hold everything told before; null: nothing to tell them. */
  readonly current: EncodedMessage | null;
  /** What those hold who do not get `current`. */
  readonly before: Held;
  /** For everybody else; null: only newest buckets were read, ask for the whole span. */
  readonly messageFor: ((held: Held) => EncodedMessage) | null;
}

interface Told {
  readonly standing: Standing;
  readonly keys: SchemaKeys;
  readonly groups: readonly (readonly string[])[];
  /** Of an answer without times: what it was. */
  readonly text: string;
}

/** Where the cold tier's word about late rows may be this old, a range is read once more after it. */
const COLD_SETTLES_MS = 2_000;

export type LiveEngine = Pick<QueryEngine, 'evaluate'>;

export class Evaluation {
  readonly #def: Definition;
  readonly #engine: LiveEngine;
  readonly #changes: ChangeLog;
  readonly #question: LiveQuestion;
  #ask: Ask;
  #bucketMs = 0;
  #told: Told | null = null;
  #schema = 0;
  #again: { readonly range: TimeRange; readonly untilMs: number }[] = [];

  constructor(def: Definition, engine: LiveEngine, changes: ChangeLog, question: LiveQuestion) {
    this.#def = def;
    this.#engine = engine;
    this.#changes = changes;
    this.#question = question;
    this.#ask = question.ask;
  }

  /**
   * @param whole the whole span is needed: somebody holds nothing of it, or something else than the rest
   * @throws whatever the engine throws; nothing is taken as told then
   */
  async advance(moment: Moment, whole: boolean, signal: AbortSignal): Promise<Advance> {
    const { situation } = moment;
    if (!whole && this.#told !== null && this.#question.upkeep === 'newest') {
      const newest = await this.#newest(this.#told, moment, signal);
      if (newest !== null) return newest;
    }
    const { spanMs, tenant } = this.#question;
    // The bucket that begins at this very moment is part of it.
    const toMs = situation.nowMs + 1;
    const range = { fromMs: toMs - spanMs, toMs };
    const answer = await this.#engine.evaluate({ tenant, ask: this.#ask, ...range, groups: [] }, situation, signal);
    return this.#question.upkeep === 'whole' ? this.#asWhole(answer, moment) : this.#asRows(answer, moment);
  }

  /** Only what may have changed; null where that cannot be told, or where the fields are others. */
  async #newest(told: Told, moment: Moment, signal: AbortSignal): Promise<Advance | null> {
    const { situation } = moment;
    const { tenant } = this.#question;
    const standing = this.#standing(situation);
    const ranges = this.#rangesSince(told.standing, standing, situation);
    if (ranges === null) return null;
    const before = this.#held(told);
    const parts = await Promise.all(
      ranges.map(async (range): Promise<readonly FieldValues[] | null> => {
        const { frame } = await this.#engine.evaluate({ tenant, ask: this.#ask, ...range, groups: told.groups }, situation, signal);
        const nothing = told.keys.length === 0 && frame.schema.fields.length === 0;
        return nothing ? [] : rowsWithin(frame, told.keys, [range]);
      }),
    );
    const rows: (readonly FieldValues[])[] = [];
    for (const part of parts) {
      if (part === null) return null;
      if (part.length > 0) rows.push(part);
    }
    this.#told = { ...told, standing };
    this.#readAgain(ranges, situation.nowMs);
    return { current: this.#delta(joinRows(rows), standing, told.keys, moment), before, messageFor: null };
  }

  #asRows({ frame, bucketMs }: LiveAnswer, moment: Moment): Advance {
    const { situation } = moment;
    this.#bucketMs = bucketMs;
    this.#ask = withBucket(this.#ask, bucketMs);
    const standing = this.#standing(situation);
    const earlier = this.#told;
    const keys = schemaKeys(frame);
    const isSame = earlier !== null && sameFields(earlier.keys, keys);
    const held: Held = earlier === null ? { kind: 'nothing' } : this.#held(earlier);
    if (!isSame) this.#schema++;
    const told: Told = { standing, keys: isSame ? earlier.keys : keys, groups: groupsOf(this.#def, this.#ask, frame), text: '' };
    const ordered = isSame ? inOrder(frame, told.keys) : frame;
    let snapshot: EncodedMessage | null = null;
    const whole = (): EncodedMessage => (snapshot ??= this.#snapshot(ordered, standing, told.keys, this.#meta(moment, null)));
    const deltas = new Map<string, EncodedMessage | null>();
    const since = (from: Standing): EncodedMessage | null => {
      const ranges = this.#rangesSince(from, standing, situation);
      if (ranges === null || this.#isSpan(ranges, situation)) return whole();
      const key = JSON.stringify(ranges);
      const known = deltas.get(key);
      if (known !== undefined) return known;
      const rows = told.keys.length === 0 ? [] : rowsWithin(ordered, told.keys, ranges);
      const made = rows === null ? whole() : this.#delta(rows, standing, told.keys, moment);
      deltas.set(key, made);
      return made;
    };
    const current = earlier === null ? null : isSame ? since(earlier.standing) : whole();
    this.#told = told;
    if (earlier !== null) {
      this.#readAgain(this.#rangesSince(earlier.standing, standing, situation) ?? [], situation.nowMs);
    }
    const version = this.#schema;
    const messageFor = (from: Held): EncodedMessage => {
      if (from.kind === 'nothing') return whole();
      if (from.kind === 'standing') return from.schema === version ? (since(from.standing) ?? whole()) : whole();
      const resumed = standing.position === null ? null : decodeCursor(from.text, this.#named(told.keys), standing.position.keys());
      return resumed === null ? whole() : (since(resumed) ?? whole());
    };
    return { current, before: held, messageFor };
  }

  /** Rows without times: all of them, whenever one differs. */
  #asWhole(answer: LiveAnswer, moment: Moment): Advance {
    const { situation } = moment;
    const { frame } = answer;
    const keys = schemaKeys(frame);
    const standing = this.#standing(situation);
    const text = JSON.stringify([keys, frame.data.values]);
    const earlier = this.#told;
    const held: Held = earlier === null ? { kind: 'nothing' } : this.#held(earlier);
    const snapshot = this.#snapshot(frame, standing, keys, this.#meta(moment, answer));
    this.#told = { standing, keys, groups: [], text };
    return { current: earlier !== null && earlier.text !== text ? snapshot : null, before: held, messageFor: () => snapshot };
  }

  #standing(situation: Situation): Standing {
    const position: LogPosition | null = situation.coverage?.partitions ?? null;
    const endMs = this.#bucketMs === 0 ? situation.nowMs : alignDown(situation.nowMs, this.#bucketMs) + this.#bucketMs;
    return { position, settledMs: completeUntilMs(situation), endMs };
  }

  #held(told: Told): Held {
    return { kind: 'standing', standing: told.standing, schema: this.#schema };
  }

  #span({ nowMs }: Situation): TimeRange {
    const bucketMs = this.#bucketMs;
    return { fromMs: alignDown(nowMs + 1 - this.#question.spanMs, bucketMs), toMs: alignDown(nowMs, bucketMs) + bucketMs };
  }

  #isSpan(ranges: readonly TimeRange[], situation: Situation): boolean {
    const span = this.#span(situation);
    return ranges.length === 1 && ranges[0].fromMs <= span.fromMs && ranges[0].toMs >= span.toMs;
  }

  /** Whole buckets of the span that may differ between two standings, ascending; null: that cannot be told. */
  #rangesSince(before: Standing, now: Standing, situation: Situation): TimeRange[] | null {
    if (before.position === null || now.position === null) return null;
    const changed = this.#changes.changedBetween(before.position, now.position);
    if (changed === null) return null;
    const { windowMs, shiftMs } = reachOf(this.#ask);
    const touched = changed.map(([fromS, toS]) => ({ fromMs: fromS * 1_000, toMs: toS * 1_000 + windowMs }));
    const compared = shiftMs === null ? [] : touched.map(({ fromMs, toMs }) => ({ fromMs: fromMs + shiftMs, toMs: toMs + shiftMs }));
    const idle = before.endMs === now.endMs && before.settledMs === now.settledMs;
    const tail = { fromMs: Math.min(before.settledMs, now.settledMs, before.endMs), toMs: Number.POSITIVE_INFINITY };
    this.#again = this.#again.filter(({ untilMs }) => untilMs > situation.nowMs);
    const again = this.#again.map(({ range }) => range);
    const ranges = alignRanges([...touched, ...compared, ...again, ...(idle ? [] : [tail])], this.#bucketMs, this.#span(situation));
    if (this.#question.upkeep === 'newest' || ranges.length === 0) return ranges;
    return [{ fromMs: ranges[0].fromMs, toMs: this.#span(situation).toMs }];
  }

  /** What is told of closed minutes may be told a moment before the cold tier knows that they are not closed any more. */
  #readAgain(ranges: readonly TimeRange[], nowMs: number): void {
    const oldMs = nowMs - this.#def.retention.hot1sMs;
    const known = new Set(this.#again.map(({ range }) => range.fromMs));
    for (const range of ranges) {
      if (range.toMs <= oldMs && !known.has(range.fromMs)) this.#again.push({ range, untilMs: nowMs + COLD_SETTLES_MS });
    }
  }

  #named(keys: SchemaKeys): string {
    return digest([this.#question.digest, this.#bucketMs, keys]);
  }

  #snapshot(frame: DataFrame, standing: Standing, keys: SchemaKeys, meta: LiveMeta): EncodedMessage {
    return new EncodedMessage({ type: 'snapshot', cursor: encodeCursor(standing, this.#named(keys)), meta, frames: [frame] });
  }

  #delta(rows: readonly FieldValues[], standing: Standing, keys: SchemaKeys, moment: Moment): EncodedMessage | null {
    if (rows.length === 0 || rows[0].length === 0) return null;
    const cursor = encodeCursor(standing, this.#named(keys));
    return new EncodedMessage({ type: 'delta', cursor, meta: this.#meta(moment, null), frames: [{ data: { values: rows } }] });
  }

  /** @param whole the answer that says itself how far it is finished; null: rows in buckets */
  #meta({ situation, flushedAtMs }: Moment, whole: LiveAnswer | null): LiveMeta {
    const { nowMs, freshness } = situation;
    const { spanMs } = this.#question;
    const bucketMs = whole === null ? this.#bucketMs : 0;
    const finishedMs = finishedUntilMs(situation);
    return {
      atMs: nowMs,
      flushedAtMs,
      spanMs,
      fromMs: whole === null ? this.#span(situation).fromMs : nowMs - spanMs,
      bucketMs,
      partialFrom: whole === null ? partialFromMs({ bucketMs, main: this.#span(situation) }, finishedMs) : whole.partialFromMs,
      watermarkMs: freshness.watermarkMs,
      complete: freshness.complete,
      reason: freshness.reason,
    };
  }
}
