// Root of the app's pages: Grafana renders it for every path under /a/tidemark-realtime-app.
import { type AppRootProps } from '@grafana/data';
import { EmptyState } from '@grafana/ui';

export default function AppRoot({ meta }: AppRootProps) {
  return <EmptyState variant="completed" message={`${meta.name} ${meta.info.version} is installed. Add its data source to begin.`} />;
}
