// The data source in the browser: fills in variables and ad-hoc filters, has the backend ask, and lays live rows over the answer.
// Everything that can be decided without a browser is the aggregator's.

import {
  dateTime,
  rangeUtil,
  type AdHocVariableFilter,
  type AnnotationSupport,
  type CoreApp,
  type DataFrame,
  type DataFrameJSON,
  type DataQueryError,
  type DataQueryRequest,
  type DataQueryResponse,
  type DataSourceGetTagKeysOptions,
  type DataSourceGetTagValuesOptions,
  type DataSourceInstanceSettings,
  type DataSourceWithQueryModificationSupport,
  type MetricFindValue,
  type QueryFixAction,
  type ScopedVars,
  type TimeRange,
} from '@grafana/data';
import { config, DataSourceWithBackend, getGrafanaLiveSrv, getTemplateSrv, type TemplateSrv } from '@grafana/runtime';
import { map, of, switchMap, type Observable } from 'rxjs';
import { annotationSupport } from './annotations/support';
import { previewAnomalies, type PreviewedRange } from './anomaly-preview';
import { CatalogSource, type Catalog } from './catalog';
import { askValues, type ValuesQuestion } from './dimension-values';
import { wordsOf } from './editor/use-catalog';
import { withEventLinks } from './event-links';
import { followResponse } from './live-response';
import { withAdHoc } from './query/adhoc';
import { displayText } from './query/display-text';
import { interpolate, macroVars, type Range, type Replace } from './query/interpolate';
import { jsonTextOf, parseJsonQuery } from './query/json-mode';
import { migrateQuery } from './query/migrate';
import { apiQueryOf, DEFAULT_QUERY, SCHEMA_VERSION, type ApiQuery, type TidemarkQuery } from './query/model';
import type { TidemarkOptions } from './settings';
import { TidemarkVariables } from './variables/support';

export class TidemarkDataSource
  extends DataSourceWithBackend<TidemarkQuery, TidemarkOptions>
  implements DataSourceWithQueryModificationSupport<TidemarkQuery>
{
  override annotations: AnnotationSupport<TidemarkQuery> = annotationSupport;
  readonly #settings: DataSourceInstanceSettings<TidemarkOptions>;
  readonly #templates: TemplateSrv;
  readonly #catalog: CatalogSource;

  constructor(
    settings: DataSourceInstanceSettings<TidemarkOptions>,
    templates: TemplateSrv = getTemplateSrv(),
    now: () => number = Date.now,
  ) {
    super(settings);
    this.#settings = settings;
    this.#templates = templates;
    this.#catalog = new CatalogSource(() => this.getResource<unknown>('catalog'), now);
    this.variables = new TidemarkVariables(this);
  }

  /** @throws Error with the backend's words */
  catalog(): Promise<Catalog> {
    return this.#catalog.catalog();
  }

  /** Values of a dimension, most frequent first. @throws Error with the backend's words */
  values(question: ValuesQuestion): Promise<string[]> {
    return askValues((body) => this.postResource<unknown>('query', body), question);
  }

  /**
   * What an anomaly query would have flagged in the last day and week.
   * @param request the editor's last one, for its variables and ad-hoc filters
   * @param bucketMs of the last answer, for queries whose bucket follows the range
   */
  previewAnomalies(
    query: TidemarkQuery,
    request: Pick<DataQueryRequest<TidemarkQuery>, 'scopedVars' | 'intervalMs' | 'filters' | 'range'> | undefined,
    bucketMs: number | null,
  ): Promise<readonly PreviewedRange[]> {
    const vars = request === undefined ? {} : { ...request.scopedVars, ...macroVars(request.intervalMs, rangeOf(request.range)) };
    const post = (body: object): Promise<unknown> => this.postResource<unknown>('query', body);
    return previewAnomalies({ query: () => this.#apiQuery(query, vars, request?.filters), bucketMs, post, wordsOf });
  }

  override getDefaultQuery(_app: CoreApp): Partial<TidemarkQuery> {
    return { ...DEFAULT_QUERY };
  }

  override getQueryDisplayText(query: TidemarkQuery): string {
    return displayText(migrateQuery(query));
  }

  /** Whether there is enough to ask. */
  override filterQuery(stored: TidemarkQuery): boolean {
    const query = migrateQuery(stored);
    if (query.hide === true) return false;
    if (query.editorMode === 'json' && query.json !== undefined) return query.json.trim() !== '';
    if (query.kind === 'values') return Boolean(query.dimension);
    return query.kind === 'events' || query.kind === 'annotations' || Boolean(query.measure);
  }

  override query(request: DataQueryRequest<TidemarkQuery>): Observable<DataQueryResponse> {
    const targets = request.targets.filter((target) => this.filterQuery(target)).map(migrateQuery);
    if (targets.length === 0) return of({ data: [], key: request.requestId });
    const scopedVars = { ...request.scopedVars, ...macroVars(request.intervalMs, rangeOf(request.range)) };
    const asked = new Map<string, ApiQuery>();
    const unusable: DataQueryError[] = [];
    for (const target of targets) {
      const { refId } = target;
      try {
        asked.set(refId, this.#apiQuery(target, scopedVars, request.filters));
      } catch (error) {
        unusable.push({ refId, message: error instanceof Error ? error.message : String(error) });
      }
    }
    // One that cannot be asked takes nothing from the others.
    const sound = targets.filter(({ refId }) => asked.has(refId));
    if (sound.length === 0) return of({ data: [], key: request.requestId, error: unusable[0], errors: unusable });
    const prepared = { ...request, targets: sound, scopedVars };
    const linked = (frame: DataFrame): DataFrame => withEventLinks(frame, asked.get(frame.refId ?? ''), { uid: this.uid, type: this.type });
    const history = super
      .query(prepared)
      .pipe(map((response) => ({ ...response, ...withErrors(response, unusable), data: response.data.map(linked) })));
    // A comparison of two ranges has no newest bucket.
    const live = sound.filter((target) => target.live === true && target.kind !== 'contributors');
    if (live.length === 0 || !endsNow(request.range) || config.publicDashboardAccessToken) return history;
    const askAgain = (refId: string, query: ApiQuery, fromMs: number): Observable<DataQueryResponse> => {
      const from = dateTime(fromMs);
      const to = dateTime();
      const range = { from, to, raw: { from, to } };
      const again: TidemarkQuery[] = [{ refId, schemaVersion: SCHEMA_VERSION, ...query }];
      // Variables and ad-hoc filters stand in the query already.
      const requestId = `${request.requestId}-${refId}-missed`;
      return super.query({ ...prepared, targets: again, filters: undefined, range, requestId, hideFromInspector: true });
    };
    return history.pipe(
      switchMap((response) =>
        followResponse(response, {
          uid: this.uid,
          key: request.requestId,
          live: live.map(({ refId }) => ({ refId, api: asked.get(refId) ?? apiQueryOf({ kind: 'metric' }) })),
          spanMs: this.#settings.jsonData.streamSpanMs,
          range: () => rangeOf(rangeUtil.convertRawToRange(request.range.raw, request.timezone)),
          stream: (address) => getGrafanaLiveSrv().getStream<DataFrameJSON>(address),
          ask: askAgain,
          finish: linked,
        }),
      ),
    );
  }

  /** What goes to the backend: the fields that the aggregator takes, and nothing else. */
  override applyTemplateVariables(query: TidemarkQuery, scopedVars: ScopedVars, filters?: AdHocVariableFilter[]): TidemarkQuery {
    const { refId, schemaVersion } = query;
    return { refId, schemaVersion, ...this.#apiQuery(query, scopedVars, filters) };
  }

  /** For Explore and copies of panels: the variables are filled in, what is the editor's stays. */
  override interpolateVariablesInQueries(
    queries: TidemarkQuery[],
    scopedVars: ScopedVars,
    filters?: AdHocVariableFilter[],
  ): TidemarkQuery[] {
    return queries.map((stored) => {
      const query = migrateQuery(stored);
      const api = this.#apiQuery(query, scopedVars, filters);
      const json = query.editorMode === 'json' ? { json: jsonTextOf(api) } : {};
      return { ...query, ...api, ...json, datasource: this.getRef() };
    });
  }

  /** Explore's plus and minus at a value. */
  override modifyQuery(stored: TidemarkQuery, action: QueryFixAction): TidemarkQuery {
    const query = migrateQuery(stored);
    const { key, value } = action.options ?? {};
    const op = action.type === 'ADD_FILTER' ? '=' : action.type === 'ADD_FILTER_OUT' ? '!=' : null;
    if (op === null || key === undefined || value === undefined) return query;
    const others = (query.filters ?? []).filter((filter) => filter.dimension !== key || filter.value !== value);
    return { ...query, filters: [...others, { dimension: key, op, value }] };
  }

  getSupportedQueryModifications(): string[] {
    return ['ADD_FILTER', 'ADD_FILTER_OUT'];
  }

  /** Ad-hoc filters: the dimensions. */
  override async getTagKeys(_options?: DataSourceGetTagKeysOptions<TidemarkQuery>): Promise<MetricFindValue[]> {
    const { dimensions } = await this.catalog();
    return dimensions.map(({ name }) => ({ text: name, value: name }));
  }

  /** Ad-hoc filters: the values of a dimension within the dashboard's range. */
  override async getTagValues({ key, timeRange }: DataSourceGetTagValuesOptions<TidemarkQuery>): Promise<MetricFindValue[]> {
    const values = await this.values({ dimension: key, range: timeRange === undefined ? undefined : rangeOf(timeRange) });
    return values.map((value) => ({ text: value === '' ? '(none)' : value, value }));
  }

  /** @throws Error where the JSON of the JSON mode or an ad-hoc filter cannot be used */
  #apiQuery(query: TidemarkQuery, scopedVars: ScopedVars, adhoc?: AdHocVariableFilter[]): ApiQuery {
    const own = this.#written(query);
    const filtered = own.kind === 'values' || own.kind === 'annotations' ? own : { ...own, filters: withAdHoc(own.filters, adhoc) };
    const replace: Replace = (text, vars, format) => this.#templates.replace(text, vars, format);
    return interpolate(filtered, scopedVars, replace);
  }

  /** The builder's fields, or those of the JSON mode's text. */
  #written(query: TidemarkQuery): ApiQuery {
    if (query.editorMode !== 'json' || query.json === undefined) return apiQueryOf(query);
    const parsed = parseJsonQuery(query.json);
    if (!parsed.ok) throw new Error(`Query ${query.refId}: ${parsed.message}`);
    return parsed.query;
  }
}

function withErrors(response: DataQueryResponse, more: readonly DataQueryError[]): Pick<DataQueryResponse, 'error' | 'errors'> {
  if (more.length === 0) return {};
  const own = response.errors ?? (response.error === undefined ? [] : [response.error]);
  const errors = [...own, ...more];
  return { error: errors[0], errors };
}

function rangeOf(range: TimeRange): Range {
  return { fromMs: range.from.valueOf(), toMs: range.to.valueOf() };
}

/** A range that lies in the past has nothing to wait for. */
function endsNow({ raw }: TimeRange): boolean {
  return typeof raw.to === 'string' && /^now(\/\w+)?$/.test(raw.to.trim());
}
