// The data sources of the page: settings by uid, and one instance of each, made by the plugin's own module when it is first asked
// for. Settings change when the config page saves them; instances of older settings are then forgotten.

import {
  type DataSourceApi,
  type DataSourceInstanceSettings,
  type DataSourceJsonData,
  type DataSourcePlugin,
  type DataSourcePluginMeta,
  type DataSourceRef,
  type ScopedVars,
} from '@grafana/data';
import type { DataSourceSrv, GetDataSourceListFilters } from '@grafana/runtime';
import type { HostDataSource } from '../boot/host-settings.js';

export type HostDataSourcePlugin = DataSourcePlugin<DataSourceApi>;
type Ref = DataSourceRef | string | null | undefined;

export class HostDataSourceSrv implements DataSourceSrv {
  readonly #settings = new Map<string, DataSourceInstanceSettings>();
  readonly #instances = new Map<string, Promise<DataSourceApi>>();
  readonly #runtime = new Map<string, DataSourceApi>();
  readonly #load: () => Promise<HostDataSourcePlugin>;
  readonly #replace: (text: string, scopedVars?: ScopedVars) => string;

  constructor(
    given: readonly HostDataSource[],
    meta: DataSourcePluginMeta,
    load: () => Promise<HostDataSourcePlugin>,
    replace: (text: string, scopedVars?: ScopedVars) => string,
  ) {
    given.forEach((one, index) => this.#settings.set(one.uid, settingsOf(one, meta, index)));
    this.#load = load;
    this.#replace = replace;
  }

  async get(ref?: Ref, scopedVars?: ScopedVars): Promise<DataSourceApi> {
    const settings = this.getInstanceSettings(ref, scopedVars);
    if (settings === undefined) throw new Error(`There is no data source ${nameOf(ref)}.`);
    const runtime = this.#runtime.get(settings.uid);
    if (runtime !== undefined) return runtime;
    const known = this.#instances.get(settings.uid) ?? this.#make(settings);
    this.#instances.set(settings.uid, known);
    return known;
  }

  getInstanceSettings(ref?: Ref, scopedVars?: ScopedVars): DataSourceInstanceSettings | undefined {
    const wanted = this.#replace(nameOf(ref), scopedVars);
    if (wanted === '' || wanted === 'default') return this.#settings.values().next().value;
    const bySpelling = [...this.#settings.values()].find((one) => one.name === wanted || one.type === wanted);
    return this.#settings.get(wanted) ?? bySpelling;
  }

  getList(filters: GetDataSourceListFilters = {}): DataSourceInstanceSettings[] {
    const types = filters.type === undefined ? null : [filters.type].flat();
    return [...this.#settings.values()].filter(
      (one) =>
        (types === null || types.includes(one.type)) &&
        (filters.pluginId === undefined || filters.pluginId === one.meta.id) &&
        (filters.filter === undefined || filters.filter(one)),
    );
  }

  async reload(): Promise<void> {
    this.#instances.clear();
  }

  registerRuntimeDataSource({ dataSource }: { dataSource: DataSourceApi & { readonly uid: string } }): void {
    this.#runtime.set(dataSource.uid, dataSource);
  }

  /** By name, as Grafana's boot data lists them. */
  byName(): Record<string, DataSourceInstanceSettings> {
    return Object.fromEntries([...this.#settings.values()].map((one) => [one.name, one]));
  }

  change(uid: string, name: string, jsonData: DataSourceJsonData): void {
    const known = this.#settings.get(uid);
    if (known === undefined) return;
    this.#settings.set(uid, { ...known, name, jsonData });
    this.#instances.delete(uid);
  }

  async #make(settings: DataSourceInstanceSettings): Promise<DataSourceApi> {
    const plugin = await this.#load();
    const instance = new plugin.DataSourceClass(settings);
    instance.components = plugin.components;
    instance.meta = settings.meta;
    return instance;
  }
}

function settingsOf({ uid, name, jsonData }: HostDataSource, meta: DataSourcePluginMeta, index: number): DataSourceInstanceSettings {
  return {
    id: index + 1,
    uid,
    name,
    type: meta.id,
    meta,
    jsonData: { ...jsonData },
    url: `/api/datasources/proxy/uid/${uid}`,
    access: 'proxy',
    readOnly: false,
    isDefault: index === 0,
  };
}

function nameOf(ref: Ref): string {
  return typeof ref === 'string' ? ref : (ref?.uid ?? ref?.type ?? '');
}
