// The compaction's memory: how far it means to go, how far it got, which minutes late rows touched since, and how often a
// closed day was corrected. The order of writes and reads here is what makes compaction safe against inserts:
//   insert: raw rows, then read `closing`; a minute before it is recorded as dirty.
//   compact: publish `closing`, then read raw rows, write rollups, then publish `closed`.
// So a row is either seen by the compaction or marks its minute. Hours and days keep the same order over the rollup below them.
// Invariant: marks only grow. Anybody may write them; a lost race costs a repeated compaction, never a row.

import type { Engine } from './engine.js';
import { MINUTE_MS, type RollupResolution } from './layout.js';
import { decodeNative } from './native-reader.js';
import type { Names } from './schema.js';
import { sqlInt, sqlString } from './sql.js';

const MINUTES_PER_DAY = 1440;

/** Epoch ms up to which buckets of each resolution are being written (closing) and written (closed). 0: nothing is. */
export interface Marks {
  readonly closing: Readonly<Record<RollupResolution, number>>;
  readonly closed: Readonly<Record<RollupResolution, number>>;
  /** As closing and closed for ready windows, by the name of their set. */
  readonly windows: ReadonlyMap<string, { readonly closing: number; readonly closed: number }>;
  /** Buckets that start before this were dropped under an earlier, shorter retention. */
  readonly gone: Readonly<Record<RollupResolution, number>>;
  /** By definition row (applied_ms): how many ms of its backfill are done, from the newest back. */
  readonly backfilled: ReadonlyMap<number, number>;
}

export interface DirtyEntry {
  /** Epoch minute. */
  readonly minute: number;
  readonly entry: string;
}

export class CompactionMarks {
  readonly #engine: Engine;
  readonly #names: Names;

  constructor(engine: Engine, names: Names) {
    this.#engine = engine;
    this.#names = names;
  }

  async read(): Promise<Marks> {
    const table = this.#names.table('compaction_marks');
    const result = decodeNative(
      await this.#engine.query(`SELECT name, toUInt64(max(value)) AS highest FROM ${table} GROUP BY name`, { lane: 'control' }),
    );
    const values = new Map(result.strings('name').map((name, i) => [name, result.numbers('highest')[i]]));
    const of = (kind: string): Record<RollupResolution, number> => ({
      '1m': values.get(`${kind}_1m`) ?? 0,
      '1h': values.get(`${kind}_1h`) ?? 0,
      '1d': values.get(`${kind}_1d`) ?? 0,
    });
    const backfilled = new Map<number, number>();
    for (const [name, value] of values) {
      if (name.startsWith('backfilled_')) {
        backfilled.set(Number(name.slice('backfilled_'.length)), value);
      }
    }
    const windows = new Map<string, { closing: number; closed: number }>();
    for (const [name, value] of values) {
      const match = /^(closing|closed)_(windows .*)$/.exec(name);
      if (match !== null) {
        const known = windows.get(match[2]) ?? { closing: 0, closed: 0 };
        windows.set(match[2], match[1] === 'closing' ? { ...known, closing: value } : { ...known, closed: value });
      }
    }
    return { closing: of('closing'), closed: of('closed'), windows, gone: of('gone'), backfilled };
  }

  async publish(kind: 'closing' | 'closed' | 'gone', resolution: RollupResolution | `windows ${string}`, untilMs: number): Promise<void> {
    await this.#raise(`${kind}_${resolution}`, untilMs);
  }

  async publishBackfilled(appliedMs: number, doneMs: number): Promise<void> {
    await this.#raise(`backfilled_${appliedMs}`, doneMs);
  }

  /** Open entries of minutes before `beforeMs`, ascending. */
  async dirty(beforeMs: number): Promise<readonly DirtyEntry[]> {
    const sql = `SELECT minute, entry FROM ${this.#names.table('dirty_minutes')} FINAL
WHERE cleaned = 0 AND minute < ${sqlInt(Math.floor(beforeMs / MINUTE_MS))} ORDER BY minute, entry`;
    const result = decodeNative(await this.#engine.query(sql, { lane: 'control' }));
    const minutes = result.numbers('minute');
    return result.strings('entry').map((entry, i) => ({ minute: minutes[i], entry }));
  }

  async markDirty(entries: readonly DirtyEntry[], nowMs: number): Promise<void> {
    await this.#writeEntries(entries, 0, nowMs);
  }

  /** Only exactly these entries: one that came after they were read stays open. */
  async markCleaned(entries: readonly DirtyEntry[], nowMs: number): Promise<void> {
    await this.#writeEntries(entries, 1, nowMs);
  }

  /** By epoch day. */
  async revisions(): Promise<ReadonlyMap<number, number>> {
    const table = this.#names.table('day_revisions');
    const result = decodeNative(
      await this.#engine.query(`SELECT day, toUInt64(sum(revision)) AS corrections FROM ${table} GROUP BY day`, { lane: 'control' }),
    );
    const revisions = result.numbers('corrections');
    return new Map(Array.from(result.numbers('day'), (day, i) => [day, revisions[i]]));
  }

  async bumpRevisions(days: readonly number[]): Promise<void> {
    if (days.length > 0) {
      const rows = days.map((day) => `(${sqlInt(day)}, 1)`).join(', ');
      await this.#engine.command(`INSERT INTO ${this.#names.table('day_revisions')} (day, revision) VALUES ${rows}`, { lane: 'control' });
    }
  }

  async #raise(name: string, value: number): Promise<void> {
    const table = this.#names.table('compaction_marks');
    await this.#engine.command(`INSERT INTO ${table} (name, value) VALUES (${sqlString(name)}, ${sqlInt(value)})`, { lane: 'control' });
  }

  async #writeEntries(entries: readonly DirtyEntry[], cleaned: 0 | 1, nowMs: number): Promise<void> {
    if (entries.length === 0) {
      return;
    }
    const at = sqlInt(Math.floor(nowMs / 1000));
    const rows = entries.map(({ minute, entry }) => `(${sqlInt(minute)}, ${sqlString(entry)}, ${cleaned}, ${at})`).join(', ');
    await this.#engine.command(`INSERT INTO ${this.#names.table('dirty_minutes')} (minute, entry, cleaned, at) VALUES ${rows}`, {
      lane: 'control',
    });
  }
}

export function dayOfMinute(minute: number): number {
  return Math.floor(minute / MINUTES_PER_DAY);
}
