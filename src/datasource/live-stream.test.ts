import {
  FieldType,
  LiveChannelConnectionState,
  LiveChannelEventType,
  type DataFrame,
  type DataFrameJSON,
  type LiveChannelEvent,
} from '@grafana/data';
import { Subject, type Observable } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { fieldKey } from './live-merge';
import { followLive, type Followed } from './live-stream';

const BUCKET_MS = 10_000;
const at = (bucket: number): number => bucket * BUCKET_MS;

function frameOf(rows: ReadonlyArray<readonly [number, number | null]>, partialFrom: number | null, label = 'DE'): DataFrame {
  return {
    refId: 'A',
    length: rows.length,
    meta: { custom: { plan: { bucketMs: BUCKET_MS }, partialFrom } },
    fields: [
      { name: 'time', type: FieldType.time, config: {}, values: rows.map(([bucket]) => at(bucket)) },
      { name: 'events', type: FieldType.number, config: {}, labels: { country: label }, values: rows.map(([, value]) => value) },
    ],
  };
}

function schemaOf(partialFrom: number | null, labels: readonly string[] = ['DE']): DataFrameJSON['schema'] {
  return {
    refId: 'A',
    meta: { custom: { partialFrom } },
    fields: [
      { name: 'time', type: FieldType.time },
      ...labels.map((country) => ({ name: 'events', type: FieldType.number, labels: { country }, config: {} })),
    ],
  };
}

/** Columns of one message. */
const values = (...rows: ReadonlyArray<readonly (number | null)[]>): (number | null)[][] =>
  (rows[0] ?? []).map((_, column) => rows.map((row) => (column === 0 ? at(row[0] ?? 0) : row[column])));

interface Ask {
  readonly fromMs: number;
  readonly answer: Subject<DataFrame | undefined>;
}

class Panel {
  readonly asks: Ask[] = [];
  readonly events = new Subject<LiveChannelEvent<DataFrameJSON>>();
  readonly shown: Followed[] = [];
  range = { fromMs: at(0), toMs: at(100) };
  readonly #stop: () => void;

  constructor(history: DataFrame | undefined, bucketMs = BUCKET_MS, series: ReadonlySet<string> | null = null) {
    const ask = (fromMs: number): Observable<DataFrame | undefined> => {
      const answer = new Subject<DataFrame | undefined>();
      this.asks.push({ fromMs, answer });
      return answer;
    };
    const follow = followLive({ refId: 'A', history, bucketMs, series, events: this.events, ask, range: () => this.range });
    const subscription = follow.subscribe((followed) => this.shown.push(followed));
    this.#stop = () => subscription.unsubscribe();
  }

  status(state: LiveChannelConnectionState, more: { message?: DataFrameJSON; error?: unknown } = {}): void {
    this.events.next({ type: LiveChannelEventType.Status, id: 'c', timestamp: 0, state, ...more });
  }

  connect(message?: DataFrameJSON): void {
    this.status(LiveChannelConnectionState.Connected, message === undefined ? {} : { message });
  }

  send(message: DataFrameJSON): void {
    this.events.next({ type: LiveChannelEventType.Message, message });
  }

  /** By bucket. */
  rows(column = 1): Array<readonly [number, unknown]> {
    const { fields } = this.frame;
    return (fields[0]?.values ?? []).map((time: number, row: number) => [time / BUCKET_MS, fields[column].values[row]] as const);
  }

  get frame(): DataFrame {
    return this.shown.at(-1)!.frame;
  }

  get custom(): Record<string, unknown> {
    return this.frame.meta!.custom!;
  }

  stop(): void {
    this.#stop();
  }
}

describe('a live panel', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('shows history at once, and then history and live rows in one line', () => {
    const panel = new Panel(
      frameOf(
        [
          [1, 10],
          [2, 20],
          [3, 3],
        ],
        at(3),
      ),
    );
    expect(panel.rows()).toEqual([
      [1, 10],
      [2, 20],
      [3, 3],
    ]);
    panel.connect();
    panel.send({ schema: schemaOf(at(3)), data: { values: values([2, 20], [3, 5]) } });
    panel.send({ data: { values: values([3, 30], [4, 1]) } });
    expect(panel.rows()).toEqual([
      [1, 10],
      [2, 20],
      [3, 30],
      [4, 1],
    ]);
    expect(panel.frame.fields[1].labels).toEqual({ country: 'DE' });
  });

  it('marks the unfinished bucket as the newest message says', () => {
    const panel = new Panel(frameOf([[1, 10]], at(1)));
    expect(panel.custom['partialFrom']).toBe(at(1));
    panel.connect();
    panel.send({ schema: schemaOf(at(2)), data: { values: values([1, 11], [2, 1]) } });
    expect(panel.custom['partialFrom']).toBe(at(2));
    panel.send({ schema: schemaOf(null), data: { values: values([2, 4]) } });
    expect(panel.custom['partialFrom']).toBeNull();
  });

  it('asks once for what changed between the answer of history and the first message', () => {
    const panel = new Panel(
      frameOf(
        [
          [1, 10],
          [2, 2],
        ],
        at(2),
      ),
    );
    panel.connect();
    expect(panel.asks.map(({ fromMs }) => fromMs)).toEqual([at(2)]);
    panel.asks[0].answer.next(
      frameOf(
        [
          [2, 25],
          [3, 1],
        ],
        at(3),
      ),
    );
    expect(panel.rows()).toEqual([
      [1, 10],
      [2, 25],
      [3, 1],
    ]);
  });

  it('does not let that answer undo what came live while it was on its way', () => {
    const panel = new Panel(
      frameOf(
        [
          [1, 10],
          [2, 2],
        ],
        at(2),
      ),
    );
    panel.connect({ schema: schemaOf(at(2)), data: { values: values([2, 3]) } });
    panel.send({ data: { values: values([3, 9]) } });
    panel.asks[0].answer.next(
      frameOf(
        [
          [2, 25],
          [3, 4],
        ],
        at(3),
      ),
    );
    expect(panel.rows()).toEqual([
      [1, 10],
      [2, 25],
      [3, 9],
    ]);
  });

  it('fills the gap after a reconnect from the last closed bucket on', () => {
    const panel = new Panel(
      frameOf(
        [
          [1, 10],
          [2, 2],
        ],
        at(2),
      ),
    );
    panel.connect();
    panel.asks[0].answer.next(
      frameOf(
        [
          [2, 20],
          [3, 1],
        ],
        at(3),
      ),
    );
    panel.send({ schema: schemaOf(at(3)), data: { values: values([3, 5]) } });
    panel.status(LiveChannelConnectionState.Disconnected);
    expect(panel.rows()).toEqual([
      [1, 10],
      [2, 20],
      [3, 5],
    ]);
    expect(panel.custom['live']).toEqual({ connected: false });
    panel.connect();
    expect(panel.asks.at(-1)?.fromMs).toBe(at(3));
    panel.asks.at(-1)?.answer.next(
      frameOf(
        [
          [3, 30],
          [4, 40],
          [5, 50],
          [6, 6],
        ],
        at(6),
      ),
    );
    panel.send({ data: { values: values([6, 60]) } });
    expect(panel.rows()).toEqual([
      [1, 10],
      [2, 20],
      [3, 30],
      [4, 40],
      [5, 50],
      [6, 60],
    ]);
  });

  it('notices a gap that the channel itself skipped, and asks for it', () => {
    const panel = new Panel(frameOf([[1, 10]], null));
    panel.connect();
    panel.asks[0].answer.next(frameOf([[1, 10]], null));
    panel.send({ schema: schemaOf(at(9)), data: { values: values([8, 80], [9, 9]) } });
    expect(panel.asks.at(-1)?.fromMs).toBe(at(1));
    panel.asks.at(-1)?.answer.next(
      frameOf(
        [
          [1, 10],
          [2, 20],
          [7, 70],
          [8, 80],
          [9, 9],
        ],
        at(9),
      ),
    );
    expect(panel.rows()).toEqual([
      [1, 10],
      [2, 20],
      [7, 70],
      [8, 80],
      [9, 9],
    ]);
  });

  it('asks again when that failed: with the next message, or after a while', () => {
    const panel = new Panel(
      frameOf(
        [
          [1, 10],
          [2, 2],
        ],
        at(2),
      ),
    );
    panel.connect();
    panel.asks[0].answer.error(new Error('503'));
    expect(panel.asks).toHaveLength(1);
    panel.send({ schema: schemaOf(at(4)), data: { values: values([3, 3]) } });
    expect(panel.asks).toHaveLength(2);
    panel.asks[1].answer.error(new Error('503'));
    vi.advanceTimersByTime(5_000);
    expect(panel.asks.map(({ fromMs }) => fromMs)).toEqual([at(2), at(2), at(2)]);
    panel.asks[2].answer.next(
      frameOf(
        [
          [2, 20],
          [3, 30],
        ],
        at(4),
      ),
    );
    vi.advanceTimersByTime(60_000);
    expect(panel.asks).toHaveLength(3);
    expect(panel.rows()).toEqual([
      [1, 10],
      [2, 20],
      [3, 30],
    ]);
  });

  it('shows a new series beside the others, each with its own values', () => {
    const panel = new Panel(frameOf([[1, 10]], at(1)));
    panel.connect();
    panel.send({ schema: schemaOf(at(2), ['AT', 'DE']), data: { values: values([1, 5, 11], [2, 6, 12]) } });
    panel.send({ data: { values: values([2, 7, 13], [3, 8, 14]) } });
    expect(panel.rows(1)).toEqual([
      [1, 11],
      [2, 13],
      [3, 14],
    ]);
    expect(panel.rows(2)).toEqual([
      [1, 5],
      [2, 7],
      [3, 8],
    ]);
  });

  it('leaves out a series that history did not choose, however it comes', () => {
    const panel = new Panel(frameOf([[1, 5]], at(2)), BUCKET_MS, new Set([fieldKey('events', { country: 'DE' })]));
    panel.connect({ schema: schemaOf(at(2), ['AT', 'DE']), data: { values: values([2, 70, 7]) } });
    panel.asks[0].answer.next(frameOf([[2, 90]], at(2), 'FR'));
    panel.send({ data: { values: values([3, 80, 8]) } });
    expect(panel.frame.fields.map(({ labels }) => labels?.['country'])).toEqual([undefined, 'DE']);
    expect(panel.rows()).toEqual([
      [1, 5],
      [2, 7],
      [3, 8],
    ]);
  });

  it('moves on with the range and forgets what has left it', () => {
    const panel = new Panel(
      frameOf(
        [
          [1, 10],
          [2, 20],
          [3, 30],
        ],
        at(3),
      ),
    );
    panel.connect();
    panel.range = { fromMs: at(3), toMs: at(5) };
    panel.send({ schema: schemaOf(at(4)), data: { values: values([4, 40], [6, 60]) } });
    expect(panel.rows()).toEqual([
      [3, 30],
      [4, 40],
    ]);
  });

  it('keeps what it shows when the channel is in trouble, and says so', () => {
    const panel = new Panel(frameOf([[1, 10]], at(1)));
    panel.status(LiveChannelConnectionState.Pending, { error: { message: 'permission denied' } });
    expect(panel.shown.at(-1)?.error?.message).toBe('Live updates: permission denied');
    expect(panel.rows()).toEqual([[1, 10]]);
    panel.connect();
    expect(panel.shown.at(-1)?.error).toBeUndefined();
    panel.send({
      schema: { ...schemaOf(at(1))!, meta: { notices: [{ severity: 'error', text: 'The aggregator does not answer.' }] } },
      data: { values: [[], []] },
    });
    expect(panel.frame.meta?.notices?.map(({ text }) => text)).toEqual(['The aggregator does not answer.']);
    expect(panel.rows()).toEqual([[1, 10]]);
  });

  it('waits for a description before it takes rows that have none', () => {
    const panel = new Panel(frameOf([[1, 10]], at(1)));
    panel.connect();
    panel.send({ data: { values: values([1, 99]) } });
    expect(panel.rows()).toEqual([[1, 10]]);
  });

  it('takes each message for the whole answer where rows have no time of their own', () => {
    const history: DataFrame = {
      refId: 'A',
      length: 1,
      fields: [{ name: 'item', type: FieldType.string, config: {}, values: ['old'] }],
    };
    const panel = new Panel(history, 0);
    panel.connect();
    expect(panel.asks).toHaveLength(0);
    const schema = { refId: 'A', fields: [{ name: 'item', type: FieldType.string }] };
    panel.send({ schema, data: { values: [['a', 'b']] } });
    expect(panel.frame.fields[0].values).toEqual(['a', 'b']);
    panel.send({ schema, data: { values: [['c']] } });
    expect(panel.frame.fields[0].values).toEqual(['c']);
    panel.send({ schema, data: { values: [[]] } });
    expect(panel.frame.length).toBe(0);
  });

  it('asks and listens no more once nobody looks', () => {
    const panel = new Panel(frameOf([[1, 10]], at(1)));
    panel.connect();
    panel.asks[0].answer.error(new Error('503'));
    panel.stop();
    vi.advanceTimersByTime(60_000);
    expect(panel.asks).toHaveLength(1);
    expect(panel.events.observed).toBe(false);
  });
});
