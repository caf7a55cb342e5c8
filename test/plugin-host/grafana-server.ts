// Grafana's side of the HTTP API as far as the plugin's pages use it, answered by the real backend binary: queries, health, resources,
// settings of the one data source, live channels as server-sent events. Beside it the files of the page. Loopback only.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { StaticFiles } from '../../aggregator/src/api/static-files.js';
import { LiveChannels } from './live-channels.js';
import { startPlugin, type PluginProcess } from './plugin-process.js';
import type { PluginContext, QueryDataResponse } from './wire.js';

const PLUGIN_ID = 'tidemark-realtime-datasource';

export interface GrafanaServerOptions {
  /** Path of the backend's binary. */
  readonly binary: string;
  readonly jsonData: Readonly<Record<string, unknown>>;
  readonly secureJsonData?: Readonly<Record<string, string>>;
  /** @default 'tidemark' */
  readonly uid?: string;
  /** @default 'Tidemark' */
  readonly name?: string;
  /** Login of the user that every call comes from. @default 'viewer' */
  readonly user?: string;
  /** Directories by the address that they stand at, longest first, e.g. `{'/public/plugins/tidemark-realtime-app': 'dist', '/': 'preview/dist'}`. */
  readonly files?: Readonly<Record<string, string>>;
  /** @default a free one */
  readonly port?: number;
}

export interface GrafanaServer {
  readonly url: string;
  readonly uid: string;
  readonly plugin: PluginProcess;
  readonly channels: LiveChannels;
  close(): Promise<void>;
}

interface Settings {
  name: string;
  jsonData: Readonly<Record<string, unknown>>;
  secureJsonData: Readonly<Record<string, string>>;
  updatedMs: number;
}

/** @throws Error where the binary does not start */
export async function startGrafanaServer(options: GrafanaServerOptions): Promise<GrafanaServer> {
  const plugin = await startPlugin(options.binary);
  const host = new Host(plugin, options);
  const server = createServer((request, response) => {
    host.answer(request, response).catch((error: unknown) => {
      if (!response.headersSent) json(response, 500, { message: error instanceof Error ? error.message : String(error) });
      else response.destroy();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a TCP server without a port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    uid: host.uid,
    plugin,
    channels: host.channels,
    close: async () => {
      host.channels.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await plugin.stop();
    },
  };
}

class Host {
  readonly uid: string;
  readonly channels: LiveChannels;
  readonly #plugin: PluginProcess;
  readonly #settings: Settings;
  readonly #user: string;
  readonly #files: readonly (readonly [string, StaticFiles])[];

  constructor(plugin: PluginProcess, options: GrafanaServerOptions) {
    this.#plugin = plugin;
    this.uid = options.uid ?? 'tidemark';
    this.#user = options.user ?? 'viewer';
    const { name = 'Tidemark', jsonData, secureJsonData = {} } = options;
    this.#settings = { name, jsonData, secureJsonData, updatedMs: Date.now() };
    this.#files = Object.entries(options.files ?? {}).map(([at, directory]) => [at.replace(/\/$/, ''), new StaticFiles(directory)]);
    this.channels = new LiveChannels(plugin, { context: () => this.#context() });
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams, search } = new URL(request.url ?? '/', 'http://host');
    const own = `/api/datasources/uid/${this.uid}`;
    if (pathname === '/api/ds/query') return this.#query(await bodyOf(request), request, response);
    if (pathname === `${own}/health`) return this.#health(response);
    if (pathname.startsWith(`${own}/resources/`))
      return this.#resource(pathname.slice(`${own}/resources/`.length), search, request, response);
    if (pathname === own && request.method === 'PUT') return this.#save(await bodyOf(request), response);
    if (pathname === own) return json(response, 200, this.#described());
    if (pathname === '/api/datasources') return json(response, 200, [this.#described()]);
    if (pathname === '/api/live/sse') return this.#live(searchParams, response);
    if (pathname === '/host.json') return json(response, 200, { backend: 'grafana', datasources: [this.#described()] });
    if (pathname.startsWith('/api/')) return json(response, 404, { message: 'Not found' });
    return this.#file(pathname, request, response);
  }

  #context(): PluginContext {
    const { name, jsonData, secureJsonData, updatedMs } = this.#settings;
    return {
      orgId: 1,
      pluginId: PLUGIN_ID,
      user: { login: this.#user, name: this.#user, email: '', role: 'Viewer' },
      dataSourceInstanceSettings: {
        id: 1,
        uid: this.uid,
        name,
        jsonData: Buffer.from(JSON.stringify(jsonData)),
        decryptedSecureJsonData: secureJsonData,
        lastUpdatedMS: updatedMs,
      },
      grafanaConfig: {},
    };
  }

  /** Secrets never go back to the browser; only that there are some. */
  #described(): object {
    const { name, jsonData, secureJsonData } = this.#settings;
    const secureJsonFields = Object.fromEntries(Object.keys(secureJsonData).map((key) => [key, true]));
    return { id: 1, uid: this.uid, name, type: PLUGIN_ID, access: 'proxy', readOnly: false, version: 1, jsonData, secureJsonFields };
  }

  #save(body: Buffer, response: ServerResponse): void {
    const sent = JSON.parse(body.toString('utf8')) as Partial<Settings> & { readonly secureJsonFields?: Readonly<Record<string, boolean>> };
    const kept = Object.entries(this.#settings.secureJsonData).filter(([key]) => sent.secureJsonFields?.[key] !== false);
    this.#settings.name = sent.name ?? this.#settings.name;
    this.#settings.jsonData = sent.jsonData ?? {};
    this.#settings.secureJsonData = { ...Object.fromEntries(kept), ...sent.secureJsonData };
    this.#settings.updatedMs = Math.max(Date.now(), this.#settings.updatedMs + 1);
    json(response, 200, { message: 'Datasource updated', id: 1, name: this.#settings.name, datasource: this.#described() });
  }

  async #query(body: Buffer, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const sent = JSON.parse(body.toString('utf8')) as { from: string; to: string; queries: readonly Record<string, unknown>[] };
    const alert = request.headers['fromalert'];
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    const asked = {
      pluginContext: this.#context(),
      headers: typeof alert === 'string' ? { FromAlert: alert } : {},
      format: 'JSON' as const,
      queries: sent.queries.map((query) => ({
        refId: String(query['refId']),
        maxDataPoints: Number(query['maxDataPoints'] ?? 100),
        intervalMS: Number(query['intervalMs'] ?? 1_000),
        timeRange: { fromEpochMS: Number(sent.from), toEpochMS: Number(sent.to) },
        json: Buffer.from(JSON.stringify(query)),
        queryType: typeof query['queryType'] === 'string' ? query['queryType'] : '',
      })),
    };
    const answer = await this.#plugin.queryData(asked, gone.signal);
    const failed = Object.values(answer.responses).some(({ error }) => error !== '');
    json(response, failed ? 400 : 200, { results: resultsOf(answer) });
  }

  async #health(response: ServerResponse): Promise<void> {
    const { status, message, jsonDetails } = await this.#plugin.checkHealth({ pluginContext: this.#context(), headers: {} });
    const details: unknown = jsonDetails.length > 0 ? JSON.parse(jsonDetails.toString('utf8')) : undefined;
    json(response, status === 'OK' ? 200 : 400, { status, message, details });
  }

  async #resource(path: string, search: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const headers = Object.entries(request.headers).flatMap(([name, value]) =>
      name === 'cookie' || value === undefined ? [] : [[name, { values: [value].flat() }] as const],
    );
    const stream = this.#plugin.callResource({
      pluginContext: this.#context(),
      path: decodeURIComponent(path),
      url: `${path}${search}`,
      method: request.method ?? 'GET',
      headers: Object.fromEntries(headers),
      body: await bodyOf(request),
    });
    response.once('close', () => stream.cancel());
    for await (const piece of stream) {
      if (!response.headersSent) {
        for (const [name, { values }] of Object.entries(piece.headers)) response.setHeader(name, [...values]);
        response.writeHead(piece.code);
      }
      response.write(piece.body);
    }
    response.end();
  }

  /** `?channel=ds/<uid>/<path>&data=<JSON>`: each packet of the channel is a message; `refused` where the backend lets nobody in. */
  async #live(parameters: URLSearchParams, response: ServerResponse): Promise<void> {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    const write = (text: string): void => void response.write(text);
    const channel = parameters.get('channel') ?? '';
    const prefix = `ds/${this.uid}/`;
    const data = Buffer.from(parameters.get('data') ?? 'null');
    const leave = channel.startsWith(prefix)
      ? await this.channels.subscribe(channel.slice(prefix.length), data, { packet: (packet) => write(`data: ${packet}\n\n`) })
      : null;
    if (leave === null) {
      response.end(`event: refused\ndata: The channel ${channel.slice(0, 200)} was refused.\n\n`);
      return;
    }
    if (response.destroyed) leave();
    else response.once('close', leave);
  }

  async #file(pathname: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    for (const [at, files] of this.#files) {
      if (at !== '' && !pathname.startsWith(`${at}/`)) continue;
      const page = at === '' && !/\.\w+$/.test(pathname) ? '/' : pathname.slice(at.length);
      const found = await files.serve(page, request.headers['if-none-match']);
      if (found === null) continue;
      response.writeHead(found.status ?? 200, found.headers);
      response.end(found.body);
      return;
    }
    json(response, 404, { message: 'Not found' });
  }
}

function resultsOf({ responses }: QueryDataResponse): Record<string, object> {
  return Object.fromEntries(
    Object.entries(responses).map(([refId, { status, error, errorSource, frames }]) => [
      refId,
      {
        status: status === 0 ? 200 : status,
        ...(error === '' ? {} : { error, errorSource }),
        frames: frames.map((frame): unknown => JSON.parse(frame.toString('utf8'))),
      },
    ]),
  );
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}
