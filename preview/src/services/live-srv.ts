// Grafana Live as the browser sees it: a channel is opened once however many panels look at it, keeps its frame while anybody does,
// and gives each panel a streaming frame of its own. Where the messages come from is the connector's business.

import {
  LiveChannelConnectionState,
  LiveChannelEventType,
  LoadingState,
  StreamingDataFrame,
  toLiveChannelId,
  type DataFrameJSON,
  type DataQueryResponse,
  type LiveChannelAddress,
  type LiveChannelEvent,
  type LiveChannelPresenceStatus,
} from '@grafana/data';
import type { GrafanaLiveSrv, LiveDataStreamOptions } from '@grafana/runtime';
import { BehaviorSubject, catchError, map, Observable, of, startWith, type Observer, type Subscription } from 'rxjs';

/** Messages of one channel: the first has the schema, later ones may have data alone. Errors are told as an `Error`, and end it. */
export type LiveConnector = (address: LiveChannelAddress) => Observable<DataFrameJSON>;

/** As many rows as a panel can show; data sources ask for less. */
const CHANNEL_BUFFER = { maxLength: 10_000, maxDelta: Infinity };

export class HostLiveSrv implements GrafanaLiveSrv {
  readonly #connect: LiveConnector;
  readonly #channels = new Map<string, Channel>();
  readonly #connected = new BehaviorSubject(true);

  constructor(connect: LiveConnector) {
    this.#connect = connect;
  }

  getConnectionState(): Observable<boolean> {
    return this.#connected.asObservable();
  }

  getStream<T>(address: LiveChannelAddress): Observable<LiveChannelEvent<T>> {
    const id = toLiveChannelId(address);
    const status = (state: LiveChannelConnectionState, error?: unknown): LiveChannelEvent<T> => ({
      type: LiveChannelEventType.Status,
      id,
      timestamp: Date.now(),
      state,
      ...(error === undefined ? {} : { error }),
    });
    return this.#connect(address).pipe(
      map((json): LiveChannelEvent<T> => ({ type: LiveChannelEventType.Message, message: asMessage(json) })),
      startWith(status(LiveChannelConnectionState.Connected)),
      catchError((error: unknown) => of(status(LiveChannelConnectionState.Invalid, error))),
    );
  }

  getDataStream(options: LiveDataStreamOptions): Observable<DataQueryResponse> {
    const id = toLiveChannelId(options.addr);
    const key = options.key ?? id;
    return new Observable((subscriber) => {
      const channel = this.#channelOf(id, options.addr);
      let own: StreamingDataFrame | null = null;
      const show = (): void => {
        if (own !== null) subscriber.next({ key, state: LoadingState.Streaming, data: [own] });
      };
      const leave = channel.join({
        next: (json) => {
          if (own === null) own = channel.copy(options);
          else own.push(json);
          show();
        },
        error: (error: unknown) => {
          const message = error instanceof Error ? error.message : String(error);
          subscriber.next({ key, state: LoadingState.Error, data: own === null ? [] : [own], errors: [{ message }] });
        },
        complete: () => subscriber.complete(),
      });
      own = channel.copy(options);
      show();
      return leave;
    });
  }

  async getPresence(): Promise<LiveChannelPresenceStatus> {
    return { users: {} };
  }

  async publish(): Promise<unknown> {
    throw new Error('The preview takes no messages from its visitors.');
  }

  #channelOf(id: string, address: LiveChannelAddress): Channel {
    const known = this.#channels.get(id);
    if (known !== undefined) return known;
    const made = new Channel(this.#connect(address), () => this.#channels.delete(id));
    this.#channels.set(id, made);
    return made;
  }
}

type Member = Observer<DataFrameJSON>;

/** Opened with its first member, closed with its last. */
class Channel {
  readonly #messages: Observable<DataFrameJSON>;
  readonly #onEmpty: () => void;
  readonly #members = new Set<Member>();
  #frame: StreamingDataFrame | null = null;
  #open: Subscription | null = null;

  constructor(messages: Observable<DataFrameJSON>, onEmpty: () => void) {
    this.#messages = messages;
    this.#onEmpty = onEmpty;
  }

  join(member: Member): () => void {
    this.#members.add(member);
    this.#open ??= this.#messages.subscribe({
      next: (json) => this.#take(json),
      error: (error: unknown) => this.#members.forEach((one) => one.error(error)),
      complete: () => this.#members.forEach((one) => one.complete()),
    });
    return () => {
      this.#members.delete(member);
      if (this.#members.size > 0) return;
      this.#open?.unsubscribe();
      this.#onEmpty();
    };
  }

  /** What has arrived so far; null before anything has. */
  copy({ buffer }: LiveDataStreamOptions): StreamingDataFrame | null {
    return this.#frame === null ? null : StreamingDataFrame.deserialize(this.#frame.serialize(undefined, buffer));
  }

  #take(json: DataFrameJSON): void {
    if (this.#frame !== null) this.#frame.push(json);
    else if (json.schema === undefined) return;
    else this.#frame = StreamingDataFrame.fromDataFrameJSON(json, CHANNEL_BUFFER);
    this.#members.forEach((member) => member.next(json));
  }
}

/** A message is whatever the channel carries; its reader knows what. */
function asMessage<T>(json: DataFrameJSON): T {
  return JSON.parse(JSON.stringify(json));
}
