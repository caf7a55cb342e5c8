// The plugins of the page, by id: the built ones from `public/plugins/…` and the host's stand-ins for Grafana's own panels. Each module is
// loaded once; who asks again gets the same promise.

import {
  AppPlugin,
  DataSourcePlugin,
  PanelPlugin,
  PluginIncludeType,
  PluginType,
  type AppPluginMeta,
  type DataSourcePluginMeta,
  type PanelPluginMeta,
  type PluginMeta,
} from '@grafana/data';
import { isRecord } from '../boot/host-settings.js';
import type { HostDataSourcePlugin } from '../services/data-source-srv.js';
import { loadAmdModule } from './amd-module.js';

/** Where the built app stands, and below it the plugins that it includes. */
const APP_FOLDER = '/public/plugins/tidemark-realtime-app';
export const APP_ID = 'tidemark-realtime-app';
export const DATA_SOURCE_ID = 'tidemark-realtime-datasource';

export class PluginStore {
  readonly #origin: string;
  readonly #metas = new Map<
    string,
    { readonly meta: PluginMeta; readonly folder: string; readonly manifest: Readonly<Record<string, unknown>> }
  >();
  readonly #modules = new Map<string, Promise<object>>();
  readonly #panels = new Map<string, PanelPlugin>();

  private constructor(origin: string) {
    this.#origin = origin;
  }

  /** Reads the app's manifest and those of what it includes. @throws Error where the plugin is not built */
  static async open(origin: string): Promise<PluginStore> {
    const store = new PluginStore(origin);
    const app = await store.#readManifest(APP_FOLDER);
    const includes = Array.isArray(app['includes']) ? app['includes'].filter(isRecord) : [];
    const nested = includes.flatMap(({ type, path }) =>
      (type === 'datasource' || type === 'panel') && typeof path === 'string'
        ? [`${APP_FOLDER}/${path.replace(/\/plugin\.json$/, '')}`]
        : [],
    );
    await Promise.all(nested.map((folder) => store.#readManifest(folder)));
    return store;
  }

  /** A panel of the host's own under the id of Grafana's. */
  addStandIn(id: string, name: string, plugin: PanelPlugin): void {
    plugin.meta = panelMeta({ ...emptyMeta(id, name, PluginType.panel), baseUrl: '', module: `core:plugin/${id}` });
    this.#panels.set(id, plugin);
  }

  metas(): readonly PluginMeta[] {
    return [...this.#metas.values()].map(({ meta }) => meta);
  }

  /** Addresses of the dashboards that the app brings, in the manifest's order. */
  dashboardFiles(): string[] {
    const { manifest } = this.#known(APP_ID);
    const includes = Array.isArray(manifest['includes']) ? manifest['includes'].filter(isRecord) : [];
    return includes.flatMap(({ type, path }) => (type === 'dashboard' && typeof path === 'string' ? [`${APP_FOLDER}/${path}`] : []));
  }

  appMeta(): AppPluginMeta {
    return this.#known(APP_ID).meta;
  }

  dataSourceMeta(): DataSourcePluginMeta {
    const { meta, manifest } = this.#known(DATA_SOURCE_ID);
    const flag = (name: string): boolean => manifest[name] === true;
    return {
      ...meta,
      metrics: flag('metrics'),
      annotations: flag('annotations'),
      alerting: flag('alerting'),
      streaming: flag('streaming'),
      backend: flag('backend'),
      queryOptions: isRecord(manifest['queryOptions']) ? { ...manifest['queryOptions'] } : undefined,
    };
  }

  async app(): Promise<AppPlugin> {
    const plugin = await this.#plugin(APP_ID);
    if (!(plugin instanceof AppPlugin)) throw new Error('The app module exports no AppPlugin.');
    plugin.meta = this.appMeta();
    return plugin;
  }

  async dataSource(): Promise<HostDataSourcePlugin> {
    const plugin = await this.#plugin(DATA_SOURCE_ID);
    if (!(plugin instanceof DataSourcePlugin)) throw new Error('The data source module exports no DataSourcePlugin.');
    plugin.meta = this.dataSourceMeta();
    return plugin;
  }

  async panel(id: string): Promise<PanelPlugin> {
    const known = this.#panels.get(id);
    if (known !== undefined) return known;
    const plugin = await this.#plugin(id);
    if (!(plugin instanceof PanelPlugin)) throw new Error(`The module of ${id} exports no PanelPlugin.`);
    plugin.meta = panelMeta(this.#known(id).meta);
    this.#panels.set(id, plugin);
    return plugin;
  }

  loadedPanel(id: string): PanelPlugin | undefined {
    return this.#panels.get(id);
  }

  async #plugin(id: string): Promise<unknown> {
    const { folder } = this.#known(id);
    const loading = this.#modules.get(id) ?? loadAmdModule(`${this.#origin}${folder}/module.js`);
    this.#modules.set(id, loading);
    return Reflect.get(await loading, 'plugin');
  }

  #known(id: string): { readonly meta: PluginMeta; readonly folder: string; readonly manifest: Readonly<Record<string, unknown>> } {
    const found = this.#metas.get(id);
    if (found === undefined) throw new Error(`There is no plugin ${id}.`);
    return found;
  }

  async #readManifest(folder: string): Promise<Readonly<Record<string, unknown>>> {
    const response = await fetch(`${folder}/plugin.json`);
    const manifest: unknown = response.ok ? await response.json() : null;
    if (!isRecord(manifest)) throw new Error(`${folder}/plugin.json is missing. Build the plugin: npm run build`);
    const meta = metaOf(manifest, folder);
    this.#metas.set(meta.id, { meta, folder, manifest });
    return manifest;
  }
}

function metaOf(manifest: Readonly<Record<string, unknown>>, folder: string): PluginMeta {
  const text = (value: unknown): string => (typeof value === 'string' ? value : '');
  const info = isRecord(manifest['info']) ? manifest['info'] : {};
  const logos = isRecord(info['logos']) ? info['logos'] : {};
  const includes = Array.isArray(manifest['includes']) ? manifest['includes'].filter(isRecord) : [];
  const empty = emptyMeta(text(manifest['id']), text(manifest['name']), typeOf(manifest['type']));
  return {
    ...empty,
    baseUrl: folder.slice(1),
    module: `${folder.slice(1)}/module.js`,
    info: {
      ...empty.info,
      description: text(info['description']),
      version: text(info['version']),
      updated: text(info['updated']),
      logos: { small: `${folder}/${text(logos['small'])}`, large: `${folder}/${text(logos['large'])}` },
    },
    includes: includes.map((include) => ({
      name: text(include['name']),
      path: text(include['path']),
      type: typeof include['type'] === 'string' && include['type'] === 'page' ? PluginIncludeType.page : PluginIncludeType.panel,
      addToNav: include['addToNav'] === true,
      defaultNav: include['defaultNav'] === true,
    })),
  };
}

function emptyMeta(id: string, name: string, type: PluginType): PluginMeta {
  return {
    id,
    name,
    type,
    info: {
      author: { name: 'Tidemark' },
      description: '',
      links: [],
      logos: { small: '', large: '' },
      screenshots: [],
      updated: '',
      version: '',
    },
    module: '',
    baseUrl: '',
    enabled: true,
    pinned: true,
    jsonData: {},
  };
}

function panelMeta(meta: PluginMeta): PanelPluginMeta {
  return { ...meta, sort: 1 };
}

function typeOf(type: unknown): PluginType {
  return type === 'app' ? PluginType.app : type === 'datasource' ? PluginType.datasource : PluginType.panel;
}
