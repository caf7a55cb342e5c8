// The data source's settings in its own config editor, with Grafana's 'Save & test': what is saved goes to the backend, and its health
// check answers in words.

import { css } from '@emotion/css';
import { DataSourcePluginContextProvider, type DataSourceJsonData, type DataSourceSettings, type GrafanaTheme2 } from '@grafana/data';
import { getDataSourceSrv } from '@grafana/runtime';
import { Alert, Button, Field, Input, LoadingPlaceholder, Stack, Text, useStyles2, type AlertVariant } from '@grafana/ui';
import { useState } from 'react';
import { useAsync } from 'react-use';
import { isRecord } from '../boot/host-settings.js';
import { useHost } from '../shell/host-context.js';

type Settings = DataSourceSettings<DataSourceJsonData, Record<string, string>>;
interface Verdict {
  readonly severity: AlertVariant;
  readonly message: string;
}

export function DataSourcePage({ uid }: { readonly uid: string }) {
  const { host } = useHost();
  const styles = useStyles2(getStyles);
  const plugin = useAsync(() => host.plugins.dataSource(), [host]);
  const instance = host.dataSources.getInstanceSettings(uid);
  const [options, setOptions] = useState<Settings | null>(() => (instance === undefined ? null : settingsOf(instance)));
  const [verdict, setVerdict] = useState<Verdict | null>(null);
  const [busy, setBusy] = useState(false);
  if (instance === undefined || options === null) return <Alert title={`There is no data source ${uid}.`} />;
  if (plugin.error !== undefined) return <Alert title={plugin.error.message} />;
  if (plugin.value === undefined) return <LoadingPlaceholder text="Loading the config editor" />;
  const Editor = plugin.value.components.ConfigEditor;
  const saveAndTest = async (): Promise<void> => {
    setBusy(true);
    setVerdict(await save(host, uid, options).catch(refused));
    setOptions(withSecretsKept(options));
    setBusy(false);
  };
  return (
    <div className={styles.page}>
      <Stack direction="column" gap={2}>
        <Stack alignItems="center" gap={2}>
          <img src={instance.meta.info.logos.small} alt="" width={40} height={40} />
          <div>
            <Text element="h1" variant="h3">
              {instance.name}
            </Text>
            <Text color="secondary">Type: {instance.meta.name}</Text>
          </div>
        </Stack>
        <Field label="Name" noMargin>
          <Input width={40} value={options.name} onChange={({ currentTarget }) => setOptions({ ...options, name: currentTarget.value })} />
        </Field>
        {Editor === undefined ? (
          <Alert title="The data source has no config editor." />
        ) : (
          <DataSourcePluginContextProvider instanceSettings={instance}>
            <Editor options={options} onOptionsChange={setOptions} />
          </DataSourcePluginContextProvider>
        )}
        {verdict !== null && (
          <Alert severity={verdict.severity} title={verdict.message} role={verdict.severity === 'success' ? 'status' : 'alert'} />
        )}
        <div>
          <Button onClick={() => void saveAndTest()} disabled={busy}>
            Save &amp; test
          </Button>
        </div>
      </Stack>
    </div>
  );
}

async function save(host: ReturnType<typeof useHost>['host'], uid: string, options: Settings): Promise<Verdict> {
  await host.backend.put(`/api/datasources/uid/${uid}`, options);
  host.dataSources.change(uid, options.name, options.jsonData);
  const instance = await getDataSourceSrv().get({ uid });
  return verdictOf(await instance.testDatasource());
}

/** A failed test is a rejection, and its reason has the words. */
function refused(error: unknown): Verdict {
  return { ...verdictOf(error), severity: 'error' };
}

function verdictOf(said: unknown): Verdict {
  const message = isRecord(said) || said instanceof Error ? Reflect.get(said, 'message') : said;
  const status = isRecord(said) ? said['status'] : '';
  return { severity: status === 'success' ? 'success' : 'error', message: String(message) };
}

/** Grafana never sends a saved secret back; it only says that there is one. */
function withSecretsKept(options: Settings): Settings {
  const given = Object.entries(options.secureJsonData ?? {}).filter(([, value]) => value !== '');
  return {
    ...options,
    secureJsonData: {},
    secureJsonFields: { ...options.secureJsonFields, ...Object.fromEntries(given.map(([name]) => [name, true])) },
  };
}

function settingsOf(instance: NonNullable<ReturnType<ReturnType<typeof useHost>['host']['dataSources']['getInstanceSettings']>>): Settings {
  return {
    id: instance.id ?? 1,
    uid: instance.uid,
    orgId: 1,
    name: instance.name,
    typeLogoUrl: instance.meta.info.logos.small,
    type: instance.type,
    typeName: instance.meta.name,
    access: instance.access,
    url: '',
    user: '',
    database: '',
    basicAuth: false,
    basicAuthUser: '',
    isDefault: instance.isDefault ?? false,
    jsonData: instance.jsonData,
    secureJsonData: {},
    secureJsonFields: {},
    readOnly: false,
    withCredentials: false,
  };
}

const getStyles = (theme: GrafanaTheme2) => ({
  page: css({ padding: theme.spacing(3), maxWidth: 900, width: '100%', [theme.breakpoints.down('sm')]: { padding: theme.spacing(1.5) } }),
});
