// The pages of the app plugin: its own root component, below the path that Grafana gives it.

import { PluginContextProvider } from '@grafana/data';
import { Alert, LoadingPlaceholder } from '@grafana/ui';
import { useLocation, useParams } from 'react-router-dom';
import { useAsync } from 'react-use';
import { useHost } from '../shell/host-context.js';

export function AppPage() {
  const { host } = useHost();
  const { id = '' } = useParams();
  const { pathname, search } = useLocation();
  const app = useAsync(() => host.plugins.app(), [host]);
  if (app.error !== undefined) return <Alert title={app.error.message} />;
  if (app.value === undefined) return <LoadingPlaceholder text="Loading" />;
  const { root: Root, meta } = app.value;
  if (id !== meta.id || Root === undefined) return <Alert title={`There is no app ${id}.`} />;
  return (
    <PluginContextProvider meta={meta}>
      <Root
        meta={meta}
        basename={`/a/${id}`}
        path={pathname}
        query={Object.fromEntries(new URLSearchParams(search))}
        onNavChanged={() => undefined}
      />
    </PluginContextProvider>
  );
}
