// A data source as Grafana makes it, with Grafana's server played at its HTTP border: what is asked is kept, answers are the test's.

import { dateTime, EventBusSrv, LiveChannelEventType, LiveChannelConnectionState } from '@grafana/data';
import type {
  DataFrameJSON,
  DataQueryRequest,
  DataSourceInstanceSettings,
  LiveChannelAddress,
  LiveChannelEvent,
  TimeRange,
} from '@grafana/data';
import { setAppEvents, setBackendSrv, setGrafanaLiveSrv, setTemplateSrv, type BackendSrv, type TemplateSrv } from '@grafana/runtime';
import { Observable, of, Subject, throwError } from 'rxjs';
import { TidemarkDataSource } from './datasource';
import type { TidemarkQuery } from './query/model';
import type { TidemarkOptions } from './settings';

export interface Asked {
  readonly url: string;
  readonly data: { readonly queries: readonly Record<string, unknown>[]; readonly from?: unknown; readonly to?: unknown };
}

export interface GrafanaServer {
  readonly source: TidemarkDataSource;
  readonly asked: Asked[];
  readonly channels: { readonly address: LiveChannelAddress; readonly events: Subject<LiveChannelEvent<DataFrameJSON>> }[];
}

/** Variables by name, as a dashboard has them. */
export type Variables = Readonly<Record<string, string | readonly string[]>>;

/** @param answer by URL and body; a thrown value becomes a failed request */
export function grafanaServer(answer: (asked: Asked) => unknown, variables: Variables = {}, jsonData: TidemarkOptions = {}): GrafanaServer {
  const asked: Asked[] = [];
  const channels: GrafanaServer['channels'] = [];
  const fetch = (options: { url: string; data?: Asked['data'] }) => {
    const one: Asked = { url: options.url, data: options.data ?? { queries: [] } };
    asked.push(one);
    try {
      return of({ data: answer(one), status: 200, ok: true });
    } catch (error) {
      return throwError(() => error);
    }
  };
  setBackendSrv({ fetch } as unknown as BackendSrv);
  setAppEvents(new EventBusSrv());
  setTemplateSrv(templates(variables));
  setGrafanaLiveSrv({
    getStream: (address: LiveChannelAddress) => {
      const events = new Subject<LiveChannelEvent<DataFrameJSON>>();
      channels.push({ address, events });
      return new Observable((subscriber) => {
        subscriber.next({ type: LiveChannelEventType.Status, id: '', timestamp: 0, state: LiveChannelConnectionState.Pending });
        return events.subscribe(subscriber);
      });
    },
  } as never);
  const meta = { id: 'tidemark-realtime-datasource' };
  const settings = { id: 1, uid: 'ds-1', type: meta.id, name: 'Tidemark', meta, jsonData, access: 'proxy' };
  return { source: new TidemarkDataSource(settings as unknown as DataSourceInstanceSettings<TidemarkOptions>), asked, channels };
}

export function request(
  targets: Array<Partial<TidemarkQuery>>,
  more: Partial<DataQueryRequest<TidemarkQuery>> = {},
): DataQueryRequest<TidemarkQuery> {
  return {
    requestId: 'Q1',
    interval: '15s',
    intervalMs: 15_000,
    maxDataPoints: 100,
    range: lastHour(),
    scopedVars: {},
    timezone: 'utc',
    app: 'dashboard',
    startTime: 0,
    targets: targets.map((target, index) => ({ refId: String.fromCharCode(65 + index), schemaVersion: 1, kind: 'metric', ...target })),
    ...more,
  };
}

export function lastHour(): TimeRange {
  const to = dateTime();
  return { from: dateTime(to.valueOf() - 3_600_000), to, raw: { from: 'now-1h', to: 'now' } };
}

/** The answer of POST /api/ds/query with one series of 10 s buckets. */
export function seriesAnswer(refId: string, rows: ReadonlyArray<readonly [number, number]>, partialFrom: number | null = null): unknown {
  const meta = { type: 'timeseries-wide', custom: { plan: { bucketMs: 10_000, windowMs: null }, partialFrom } };
  const fields = [
    { name: 'time', type: 'time' },
    { name: 'events', type: 'number', labels: { country: 'DE' } },
  ];
  const values = [rows.map(([time]) => time), rows.map(([, value]) => value)];
  return { results: { [refId]: { status: 200, frames: [{ schema: { refId, meta, fields }, data: { values } }] } } };
}

function templates(variables: Variables): TemplateSrv {
  const replace: TemplateSrv['replace'] = (target = '', scopedVars, format) =>
    target.replace(/\$\{(\w+)\}|\$(\w+)/g, (found: string, braced: string | undefined, plain: string | undefined) => {
      const value: unknown = scopedVars?.[braced ?? plain ?? '']?.value ?? variables[braced ?? plain ?? ''];
      if (value === undefined) return found;
      if (typeof format === 'function') return format(value as string, {} as never, undefined as never);
      return format === 'regex' && Array.isArray(value) ? `(${value.join('|')})` : String(value);
    });
  return {
    replace,
    getVariables: () => Object.keys(variables).map((name) => ({ name, type: 'custom' }) as never),
    containsTemplate: () => false,
    updateTimeRange: () => undefined,
  };
}
