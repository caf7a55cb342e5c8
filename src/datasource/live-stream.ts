// Follows one live query: history first, then every message of its channel laid over it, and a query for what was missed whenever the
// connection comes (back). State is that of one subscription. Grafana's StreamingDataFrame is not used: it takes fields of one
// name for the same field when a series is added, and gives changed rows as additional ones.

import {
  isLiveChannelMessageEvent,
  isLiveChannelStatusEvent,
  LiveChannelConnectionState,
  type DataFrame,
  type DataFrameJSON,
  type DataQueryError,
  type LiveChannelEvent,
  type QueryResultMetaNotice,
} from '@grafana/data';
import { Observable, Subscription, timer } from 'rxjs';
import {
  frameOfLine,
  frameOfMessage,
  numberOf,
  patchOfFrame,
  patchOfMessage,
  readSchema,
  recordOf,
  type FrameField,
  type LiveSchema,
} from './live-frame';
import { emptyLine, merge, onlyOf, trim, type Line } from './live-merge';
import type { Range } from './query/interpolate';

/** A failed query for what was missed is tried again after so long, or when the next message shows that the aggregator is there. */
const RETRY_MS = 5_000;

export interface FollowOptions {
  readonly refId: string;
  /** As answered; undefined: nothing was. */
  readonly history: DataFrame | undefined;
  /** 0: each message is the whole answer. */
  readonly bucketMs: number;
  /** Keys of the series that are shown; null: all that come. */
  readonly series: ReadonlySet<string> | null;
  readonly events: Observable<LiveChannelEvent<DataFrameJSON>>;
  /** Asks the query's rows from a time on until now. */
  readonly ask: (fromMs: number) => Observable<DataFrame | undefined>;
  /** The panel's range, as of now. */
  readonly range: () => Range;
}

export interface Followed {
  readonly frame: DataFrame;
  readonly error: DataQueryError | undefined;
}

/** Never completes by itself: a channel that ended leaves what is known standing. */
export function followLive(options: FollowOptions): Observable<Followed> {
  return new Observable((subscriber) => {
    const follower = new Follower(options, (followed) => subscriber.next(followed));
    follower.start();
    return () => follower.stop();
  });
}

class Follower {
  readonly #options: FollowOptions;
  readonly #emit: (followed: Followed) => void;
  readonly #all = new Subscription();
  /** The query for what was missed, or the wait before the next. */
  #catchUp: Subscription | null = null;
  #waiting = false;
  #line: Line<FrameField> = emptyLine();
  /** Of the last patch that was begun. */
  #order = 0;
  #schema: LiveSchema | null = null;
  #partialFrom: number | null;
  /** Rows from here on may be missing; null: none. */
  #missingFrom: number | null = null;
  #connected = false;
  #error: DataQueryError | undefined;
  #whole: DataFrame | undefined;

  constructor(options: FollowOptions, emit: (followed: Followed) => void) {
    this.#options = options;
    this.#emit = emit;
    this.#whole = options.history;
    this.#partialFrom = numberOf(recordOf(options.history?.meta?.custom)['partialFrom']);
    this.#line = merge(this.#line, patchOfFrame(options.history, this.#order));
  }

  start(): void {
    this.#show();
    this.#all.add(
      this.#options.events.subscribe({
        next: (event) => this.#on(event),
        error: (error: unknown) => this.#fail(wordsOf(error)),
      }),
    );
  }

  stop(): void {
    this.#all.unsubscribe();
    this.#catchUp?.unsubscribe();
  }

  #on(event: LiveChannelEvent<DataFrameJSON>): void {
    if (isLiveChannelMessageEvent(event)) {
      this.#apply(event.message);
      return;
    }
    if (!isLiveChannelStatusEvent(event)) return;
    const connected = event.state === LiveChannelConnectionState.Connected;
    const came = connected && !this.#connected;
    const changed = connected !== this.#connected || event.error !== undefined;
    this.#connected = connected;
    if (event.error !== undefined) this.#error = { message: `Live updates: ${wordsOf(event.error)}` };
    else if (connected) this.#error = undefined;
    const first: unknown = event.message;
    if (isFrameJson(first)) this.#apply(first);
    else if (changed) this.#show();
    // Whatever changed between the answer of history, or the loss of the connection, and now.
    if (came) this.#missed(this.#firstUnfinished());
  }

  #apply(message: DataFrameJSON): void {
    this.#error = undefined;
    const values = message.data?.values ?? [];
    if (message.schema !== undefined) {
      this.#schema = readSchema(message.schema);
      this.#partialFrom = this.#schema.partialFrom;
    }
    const schema = this.#schema;
    // Rows that nobody has described yet: the description comes with the next whole frame.
    if (schema === null) return;
    if (this.#options.bucketMs === 0) {
      if (message.schema !== undefined && values.length > 0) {
        this.#whole = frameOfMessage(schema, message.schema, values, this.#options.refId, this.#options.history?.meta);
      }
    } else {
      const patch = onlyOf(patchOfMessage(schema, values, ++this.#order), this.#options.series);
      const known = this.#line.timesMs.at(-1);
      const first = patch.timesMs[0];
      if (known !== undefined && first !== undefined && first > known + this.#options.bucketMs) this.#missed(known);
      this.#line = merge(this.#line, patch);
    }
    this.#show();
    if (this.#missingFrom !== null && this.#waiting) this.#ask();
  }

  /** Where rows may still change, as far as is known. */
  #firstUnfinished(): number {
    const { timesMs } = this.#line;
    return this.#partialFrom ?? timesMs.at(-1) ?? this.#options.range().fromMs;
  }

  #missed(fromMs: number): void {
    if (this.#options.bucketMs === 0) return;
    this.#missingFrom = Math.min(fromMs, this.#missingFrom ?? fromMs);
    this.#ask();
  }

  #ask(): void {
    if (this.#missingFrom === null) return;
    const fromMs = Math.max(this.#missingFrom, this.#options.range().fromMs);
    this.#catchUp?.unsubscribe();
    this.#waiting = false;
    // Taken before the answer: live rows that come meanwhile are newer.
    const order = ++this.#order;
    this.#catchUp = this.#options.ask(fromMs).subscribe({
      next: (frame) => {
        this.#missingFrom = null;
        this.#line = merge(this.#line, onlyOf(patchOfFrame(frame, order), this.#options.series));
        const partialFrom = numberOf(recordOf(frame?.meta?.custom)['partialFrom']);
        if (partialFrom !== null && partialFrom > (this.#partialFrom ?? 0) && this.#schema === null) this.#partialFrom = partialFrom;
        this.#show();
      },
      error: () => this.#askLater(),
    });
  }

  #askLater(): void {
    this.#waiting = true;
    this.#catchUp = timer(RETRY_MS).subscribe(() => this.#ask());
  }

  #fail(words: string): void {
    this.#error = { message: `Live updates: ${words}` };
    this.#show();
  }

  #show(): void {
    this.#emit({ frame: this.#frame(), error: this.#error });
  }

  #frame(): DataFrame {
    const { history, refId, bucketMs, range } = this.#options;
    const meta = this.#meta();
    if (bucketMs === 0) return { ...(this.#whole ?? { fields: [], length: 0 }), refId, meta };
    const { fromMs, toMs } = range();
    // The bucket in which the range begins may start before it.
    this.#line = trim(this.#line, fromMs - bucketMs + 1, Number.MAX_SAFE_INTEGER);
    return frameOfLine(trim(this.#line, 0, toMs), history, refId, meta);
  }

  #meta(): DataFrame['meta'] {
    const { history } = this.#options;
    const live = this.#schema;
    const freshness = live?.custom['freshness'];
    return {
      ...history?.meta,
      custom: {
        ...recordOf(history?.meta?.custom),
        ...(freshness === undefined ? {} : { freshness }),
        partialFrom: this.#partialFrom,
        live: { connected: this.#connected },
      },
      notices: unique([...(history?.meta?.notices ?? []), ...(live?.notices ?? [])]),
    };
  }
}

function unique(notices: readonly QueryResultMetaNotice[]): QueryResultMetaNotice[] {
  return notices.filter(({ text }, index) => notices.findIndex((other) => other.text === text) === index);
}

function isFrameJson(value: unknown): value is DataFrameJSON {
  return typeof value === 'object' && value !== null && ('schema' in value || 'data' in value);
}

function wordsOf(error: unknown): string {
  if (typeof error === 'string') return error;
  const message: unknown = typeof error === 'object' && error !== null && 'message' in error ? error.message : undefined;
  return typeof message === 'string' && message !== '' ? message : 'the connection failed';
}
