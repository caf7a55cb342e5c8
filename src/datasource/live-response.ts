// The answer of a whole panel, of which some queries are live: the frames of the others stay as they were answered, those of the live
// ones are followed, and each change gives one response with all of them.

import {
  LoadingState,
  type DataFrame,
  type DataFrameJSON,
  type DataQueryResponse,
  type LiveChannelAddress,
  type LiveChannelEvent,
} from '@grafana/data';
import { combineLatest, map, of, type Observable } from 'rxjs';
import { channelAddress, liveQueryOf } from './live-channel';
import { followLive, type Followed } from './live-stream';
import type { Range } from './query/interpolate';
import type { ApiQuery } from './query/model';

export interface ResponseOptions {
  readonly uid: string;
  /** Tells Grafana that responses replace one another. */
  readonly key: string;
  readonly live: readonly { readonly refId: string; readonly api: ApiQuery }[];
  readonly spanMs: number | undefined;
  readonly range: () => Range;
  readonly stream: (address: LiveChannelAddress) => Observable<LiveChannelEvent<DataFrameJSON>>;
  /** Asks once more, from a time on until now. The query is the live one: in the same buckets, for the same series. */
  readonly ask: (refId: string, query: ApiQuery, fromMs: number) => Observable<DataQueryResponse>;
  /** The last touch on each frame. */
  readonly finish: (frame: DataFrame) => DataFrame;
}

/** @param answered history of all queries; where it failed there is nothing to go on from */
export function followResponse(answered: DataQueryResponse, options: ResponseOptions): Observable<DataQueryResponse> {
  const frames: readonly DataFrame[] = answered.data;
  const { fromMs, toMs } = options.range();
  const followed = options.live.flatMap(({ refId, api }): Observable<Followed & { refId: string }>[] => {
    if (failed(answered, refId)) return [];
    const history = frames.find((frame) => frame.refId === refId);
    const query = liveQueryOf(api, history, { rangeMs: toMs - fromMs, spanMs: options.spanMs });
    if (query === null) return [];
    const follow = followLive({
      refId,
      history,
      bucketMs: query.bucketMs,
      series: query.series,
      events: options.stream(channelAddress(options.uid, query)),
      ask: (from) => options.ask(refId, query.query, from).pipe(map((response) => frameOf(response, refId))),
      range: options.range,
    });
    return [follow.pipe(map((one) => ({ ...one, refId })))];
  });
  if (followed.length === 0) return of({ ...answered, key: options.key });
  return combineLatest(followed).pipe(
    map((ones): DataQueryResponse => {
      const errors = [
        ...(answered.errors ?? []),
        ...ones.flatMap(({ error, refId }) => (error === undefined ? [] : [{ ...error, refId }])),
      ];
      const rest = frames.filter((frame) => !ones.some(({ refId }) => refId === frame.refId));
      return {
        ...answered,
        key: options.key,
        state: LoadingState.Streaming,
        data: [...rest, ...ones.map(({ frame }) => options.finish(frame))].sort(byRefIdOf(frames)),
        ...(errors.length === 0 ? {} : { errors }),
      };
    }),
  );
}

/** @throws Error where the answer is one */
function frameOf(response: DataQueryResponse, refId: string): DataFrame | undefined {
  const error = response.errors?.find((one) => one.refId === undefined || one.refId === refId) ?? response.error;
  if (error !== undefined) throw new Error(error.message ?? 'The query failed.');
  const frames: readonly DataFrame[] = response.data;
  return frames.find((frame) => frame.refId === refId);
}

function failed({ error, errors }: DataQueryResponse, refId: string): boolean {
  if (errors !== undefined && errors.length > 0) return errors.some((one) => one.refId === undefined || one.refId === refId);
  return error !== undefined;
}

/** As the queries were answered; those without a frame then come last. */
function byRefIdOf(frames: readonly DataFrame[]): (a: DataFrame, b: DataFrame) => number {
  const place = (frame: DataFrame): number => {
    const at = frames.findIndex(({ refId }) => refId === frame.refId);
    return at < 0 ? frames.length : at;
  };
  return (a, b) => place(a) - place(b);
}
