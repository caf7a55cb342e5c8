// Answers Grafana's calls for a data source from the aggregator itself, so that `npm start` needs no Go: what the plugin's backend does in
// Grafana, as far as a browser can. Saved settings and tokens live as long as the page.

import { isRecord } from '../boot/host-settings.js';
import type { PluginStore } from '../plugins/plugin-store.js';
import type { Transport, TransportRequest } from '../services/backend-srv.js';
import type { HostDataSourceSrv } from '../services/data-source-srv.js';
import { queryForAggregator } from './stored-query.js';

export interface AggregatorBehind {
  readonly origin: string;
  readonly dataSources: HostDataSourceSrv;
  readonly plugins: PluginStore;
}

type Handler = (request: TransportRequest, parts: readonly string[]) => Promise<Response>;

/** Resources that the plugin's backend hands on, and nothing else. */
const RESOURCES: Readonly<Record<string, readonly string[]>> = {
  GET: ['catalog', 'status', 'openapi.json'],
  POST: ['query'],
};

export function aggregatorTransport(behind: AggregatorBehind): Transport {
  const tokens = new Map<string, string>();
  const aggregator = new AggregatorClient(behind, tokens);
  const routes: readonly (readonly [string, RegExp, Handler])[] = [
    ['POST', /^\/api\/ds\/query$/, (request) => aggregator.query(request)],
    ['GET', /^\/api\/datasources\/uid\/([^/]+)\/health$/, ({ signal }, [uid = '']) => aggregator.health(uid, signal)],
    [
      '*',
      /^\/api\/datasources\/uid\/([^/]+)\/resources\/(.+)$/,
      (request, [uid = '', path = '']) => aggregator.resource(request, uid, path),
    ],
    ['GET', /^\/api\/datasources\/uid\/([^/]+)$/, async (_, [uid = '']) => settingsAnswer(behind, uid)],
    ['PUT', /^\/api\/datasources\/uid\/([^/]+)$/, async (request, [uid = '']) => save(behind, tokens, uid, request.body)],
    ['GET', /^\/api\/datasources$/, async () => json(behind.dataSources.getList())],
    ['GET', /^\/api\/plugins\/([^/]+)\/settings$/, async (_, [id = '']) => pluginSettings(behind, id)],
    ['GET', /^\/api\/frontend\/settings$/, async () => json({ datasources: behind.dataSources.byName(), defaultDatasource: '' })],
  ];
  return async (request) => {
    const { pathname } = new URL(request.url, behind.origin);
    for (const [method, pattern, handle] of routes) {
      const match = method === '*' || method === request.method ? pattern.exec(pathname) : null;
      if (match !== null) return handle(request, match.slice(1).map(decodeURIComponent));
    }
    return json({ message: `The preview does not answer ${request.method} ${pathname}.` }, 404);
  };
}

class AggregatorClient {
  readonly #behind: AggregatorBehind;
  readonly #tokens: ReadonlyMap<string, string>;

  constructor(behind: AggregatorBehind, tokens: ReadonlyMap<string, string>) {
    this.#behind = behind;
    this.#tokens = tokens;
  }

  /** Queries of one data source, as the aggregator's own call takes them; its results have Grafana's form already. */
  async query({ body, signal }: TransportRequest): Promise<Response> {
    const sent: unknown = JSON.parse(body ?? '{}');
    const queries = isRecord(sent) && Array.isArray(sent['queries']) ? sent['queries'].filter(isRecord) : [];
    const source = queries[0]?.['datasource'];
    const uid = isRecord(source) && typeof source['uid'] === 'string' ? source['uid'] : '';
    const points = queries[0]?.['maxDataPoints'];
    const asked = {
      from: isRecord(sent) ? Number(sent['from']) : 0,
      to: isRecord(sent) ? Number(sent['to']) : 0,
      ...(typeof points === 'number' && points > 0 ? { maxDataPoints: Math.floor(points) } : {}),
      queries: queries.map(queryForAggregator),
    };
    const answer = await this.#ask(uid, '/api/v1/query', { method: 'POST', body: JSON.stringify(asked), signal });
    if (answer.ok) return answer;
    const message = await inWords(answer);
    const results = queries.map(({ refId }) => [
      String(refId),
      { status: answer.status, error: message, errorSource: 'downstream', frames: [] },
    ]);
    return json({ results: Object.fromEntries(results) }, 400);
  }

  async resource({ method, url, body, signal }: TransportRequest, uid: string, path: string): Promise<Response> {
    const allowed = RESOURCES[method] ?? [];
    const known = allowed.includes(path) || (method === 'GET' && /^(values|series)\//.test(path));
    if (!known && !(method === 'GET' && path === 'readyz')) return json({ message: `There is no resource ${path}.` }, 404);
    const { search } = new URL(url, this.#behind.origin);
    const address = path === 'readyz' ? '/readyz' : `/api/v1/${path}${search}`;
    return this.#ask(uid, address, { method, signal, ...(body === undefined ? {} : { body }) });
  }

  async health(uid: string, signal: AbortSignal): Promise<Response> {
    const ready = await this.#ask(uid, '/readyz', { signal });
    const said: unknown = await ready
      .clone()
      .json()
      .catch(() => null);
    if (!isRecord(said) || !Array.isArray(said['dependencies'])) return unhealthy(await inWords(ready));
    const wrong = said['dependencies'].filter(isRecord).filter((one) => one['ok'] !== true);
    if (wrong.length > 0) return unhealthy(wrong.map((one) => `${String(one['name'])}: ${String(one['detail'])}`).join(' '));
    const catalog = await this.#ask(uid, '/api/v1/catalog', { signal });
    if (!catalog.ok) return unhealthy(await inWords(catalog));
    const known: unknown = await catalog.json();
    const measures = isRecord(known) && Array.isArray(known['measures']) ? known['measures'].length : 0;
    return json({ status: 'OK', message: `The aggregator answers, its stores work, and ${measures} measures can be asked for.` });
  }

  async #ask(uid: string, path: string, init: RequestInit): Promise<Response> {
    const settings = this.#behind.dataSources.getInstanceSettings(uid);
    const jsonData: object = settings?.jsonData ?? {};
    const given: unknown = Reflect.get(jsonData, 'url');
    const base = typeof given === 'string' && given.trim() !== '' ? given.trim().replace(/\/+$/, '') : this.#behind.origin;
    const tenant: unknown = Reflect.get(jsonData, 'tenant');
    const token = this.#tokens.get(uid);
    const headers = {
      'content-type': 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(typeof tenant === 'string' && tenant !== '' ? { 'x-tidemark-tenant': tenant } : {}),
    };
    try {
      return await fetch(`${base}${path}`, { ...init, headers });
    } catch (error) {
      if (init.signal?.aborted === true) throw error;
      return json(unreachable(base, this.#behind.origin), 502);
    }
  }
}

function unreachable(
  base: string,
  origin: string,
): { readonly error: { readonly code: string; readonly message: string; readonly remedy: string } } {
  const foreign = base !== origin;
  return {
    error: {
      code: 'UNREACHABLE',
      message: `The aggregator at ${base} cannot be reached.`,
      remedy: foreign
        ? `Check host and port. The preview can reach only the aggregator that serves it (${origin}); in Grafana the server asks, not your browser.`
        : 'Check that it runs: npm start.',
    },
  };
}

/** @returns message and remedy of the aggregator's error, in one line */
async function inWords(response: Response): Promise<string> {
  const sent: unknown = await response.json().catch(() => null);
  const error = isRecord(sent) && isRecord(sent['error']) ? sent['error'] : null;
  if (error === null) return `The aggregator answered ${response.status}, and not in its own form. Check the URL.`;
  return `${String(error['message'])} ${String(error['remedy'] ?? '')}`.trim();
}

function save({ dataSources }: AggregatorBehind, tokens: Map<string, string>, uid: string, body: string | undefined): Response {
  const sent: unknown = JSON.parse(body ?? '{}');
  const known = dataSources.getInstanceSettings(uid);
  if (!isRecord(sent) || known === undefined) return json({ message: 'There is no such data source.' }, 404);
  const jsonData = isRecord(sent['jsonData']) ? { ...sent['jsonData'] } : {};
  dataSources.change(uid, typeof sent['name'] === 'string' ? sent['name'] : known.name, jsonData);
  const token = isRecord(sent['secureJsonData']) ? sent['secureJsonData']['token'] : undefined;
  if (typeof token === 'string' && token !== '') tokens.set(uid, token);
  else if (isRecord(sent['secureJsonFields']) && sent['secureJsonFields']['token'] !== true) tokens.delete(uid);
  return json({ message: 'Datasource updated', name: known.name });
}

function settingsAnswer({ dataSources }: AggregatorBehind, uid: string): Response {
  const settings = dataSources.getInstanceSettings(uid);
  return settings === undefined ? json({ message: 'Data source not found' }, 404) : json(settings);
}

function pluginSettings({ plugins }: AggregatorBehind, id: string): Response {
  const meta = plugins.metas().find((one) => one.id === id);
  return meta === undefined
    ? json({ message: 'Plugin not found, no installed plugin with that id' }, 404)
    : json({ ...meta, enabled: true });
}

function unhealthy(message: string): Response {
  return json({ status: 'ERROR', message }, 400);
}

function json(body: unknown, status = 200): Response {
  return new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json' } });
}
