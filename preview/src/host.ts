// Installs everything that Grafana's application installs before it draws: services, registries, translations, data sources, panels.
// Each setter may be called once per page.

import { EventBusSrv } from '@grafana/data';
import { initPluginTranslations } from '@grafana/i18n';
import {
  setAppEvents,
  setBackendSrv,
  setDataSourceSrv,
  setEchoSrv,
  setGrafanaLiveSrv,
  setPluginImportUtils,
  setRunRequest,
  setTemplateSrv,
} from '@grafana/runtime';
import { initializeLoggersRegistry } from '@grafana/runtime/unstable';
import { loadResources } from '@grafana/scenes';
import { setPluginPage } from 'grafana-runtime-inside/components/PluginPage';
import { initDataSourceInstanceSettings } from 'grafana-runtime-inside/services/dataSource/settings';
import { AggregatorLive } from './backend/aggregator-live.js';
import { aggregatorTransport } from './backend/aggregator-transport.js';
import { grafanaLive } from './backend/grafana-live.js';
import type { HostSettings } from './boot/host-settings.js';
import { addStandIns } from './core-panels/stand-ins.js';
import { PluginStore } from './plugins/plugin-store.js';
import { HostBackendSrv, overHttp } from './services/backend-srv.js';
import { HostDataSourceSrv } from './services/data-source-srv.js';
import { HostLiveSrv } from './services/live-srv.js';
import { fillRegistries } from './services/registries.js';
import { runRequest } from './services/run-request.js';
import { HostTemplateSrv } from './services/template-srv.js';
import { SilentEcho } from './services/silent-echo.js';
import { PluginPage } from './shell/PluginPage.js';

export interface Host {
  readonly settings: HostSettings;
  readonly backend: HostBackendSrv;
  readonly plugins: PluginStore;
  readonly dataSources: HostDataSourceSrv;
  readonly events: EventBusSrv;
}

export async function installHost(settings: HostSettings): Promise<Host> {
  const { origin } = window.location;
  const plugins = await PluginStore.open(origin);
  const templates = new HostTemplateSrv();
  const dataSources = new HostDataSourceSrv(
    settings.datasources,
    plugins.dataSourceMeta(),
    () => plugins.dataSource(),
    (text, scoped) => templates.replace(text, scoped),
  );
  const ownAnswers = settings.backend === 'aggregator';
  const backend = new HostBackendSrv(ownAnswers ? aggregatorTransport({ origin, dataSources, plugins }) : overHttp);
  const events = new EventBusSrv();

  initializeLoggersRegistry();
  fillRegistries();
  setEchoSrv(new SilentEcho());
  setBackendSrv(backend);
  setTemplateSrv(templates);
  setDataSourceSrv(dataSources);
  initDataSourceInstanceSettings(dataSources.byName(), settings.datasources[0]?.name ?? '');
  setAppEvents(events);
  setRunRequest(runRequest);
  setGrafanaLiveSrv(new HostLiveSrv(ownAnswers ? (address) => new AggregatorLive(origin).open(address) : grafanaLive));
  setPluginImportUtils({ importPanelPlugin: (id) => plugins.panel(id), getPanelPluginFromCache: (id) => plugins.loadedPanel(id) });
  setPluginPage(PluginPage);
  addStandIns(plugins);
  await initPluginTranslations('grafana-scenes', [loadResources]);
  return { settings, backend, plugins, dataSources, events };
}
