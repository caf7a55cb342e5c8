// Runs one panel's request against a data source and turns what comes back into panel data. Grafana keeps its own in its application;
// this keeps the same promises: packets of one key replace each other, a stream keeps the state Streaming and moves the range
// along, an error of one query leaves the answers of the others.

import {
  dateMath,
  LoadingState,
  type DataQueryError,
  type DataQueryRequest,
  type DataQueryResponse,
  type DataSourceApi,
  type DataTopic,
  type PanelData,
  type TimeRange,
} from '@grafana/data';
import { catchError, from, isObservable, map, of, startWith, type Observable } from 'rxjs';

const ANNOTATIONS: `${DataTopic.Annotations}` = 'annotations';

export function runRequest(
  datasource: DataSourceApi,
  request: DataQueryRequest,
  queryFunction?: typeof datasource.query,
): Observable<PanelData> {
  const packets = new Map<string, DataQueryResponse>();
  const empty: PanelData = { state: LoadingState.Loading, series: [], request, timeRange: request.range };
  request.startTime = Date.now();
  if (request.targets.length === 0) return of({ ...empty, state: LoadingState.Done });
  return answers(datasource, request, queryFunction).pipe(
    map((packet) => {
      packets.set(packet.key ?? 'A', packet);
      if (packet.state !== LoadingState.Streaming) request.endTime = Date.now();
      return panelData([...packets.values()], packet, request);
    }),
    catchError((error: unknown) => of({ ...empty, state: LoadingState.Error, error: queryError(error), errors: [queryError(error)] })),
    startWith(empty),
  );
}

function answers(
  datasource: DataSourceApi,
  request: DataQueryRequest,
  queryFunction?: typeof datasource.query,
): Observable<DataQueryResponse> {
  const answer = queryFunction === undefined ? datasource.query(request) : queryFunction(request);
  return isObservable(answer) ? answer : from(answer);
}

function panelData(packets: readonly DataQueryResponse[], newest: DataQueryResponse, request: DataQueryRequest): PanelData {
  const errors = packets.flatMap((packet) => packet.errors ?? (packet.error === undefined ? [] : [packet.error]));
  const state = errors.length > 0 ? LoadingState.Error : (newest.state ?? LoadingState.Done);
  // As they came: rows of a variable query are no frames, and whoever draws frames makes them such.
  const frames = packets.flatMap((packet) => packet.data);
  return {
    state,
    series: frames.filter((frame) => frame.meta?.dataTopic !== ANNOTATIONS),
    annotations: frames.filter((frame) => frame.meta?.dataTopic === ANNOTATIONS),
    ...(errors.length === 0 ? {} : { error: errors[0], errors }),
    request,
    timeRange: movedAlong(request.range, state),
  };
}

function movedAlong(range: TimeRange, state: LoadingState): TimeRange {
  const { from: start, to: end } = range.raw;
  if (state !== LoadingState.Streaming || typeof start !== 'string' || typeof end !== 'string') return range;
  return {
    ...range,
    from: dateMath.toDateTime(start, { roundUp: false }) ?? range.from,
    to: dateMath.toDateTime(end, { roundUp: true }) ?? range.to,
  };
}

function queryError(error: unknown): DataQueryError {
  const data: unknown = typeof error === 'object' && error !== null ? Reflect.get(error, 'data') : undefined;
  const told: unknown = typeof data === 'object' && data !== null ? Reflect.get(data, 'message') : undefined;
  return { message: typeof told === 'string' ? told : error instanceof Error ? error.message : String(error) };
}
