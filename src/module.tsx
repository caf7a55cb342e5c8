// The app's entry: Grafana loads it for the app's pages. The data source and the panels are plugins of their own with their own entries.
// Pages load when they are opened, so that a dashboard never pays for them.
import { lazy, Suspense } from 'react';
import { AppPlugin, type AppRootProps } from '@grafana/data';
import { LoadingPlaceholder } from '@grafana/ui';

const AppRoot = lazy(() => import('./pages/AppRoot'));

function App(props: AppRootProps) {
  return (
    <Suspense fallback={<LoadingPlaceholder text="Loading Tidemark" />}>
      <AppRoot {...props} />
    </Suspense>
  );
}

export const plugin = new AppPlugin().setRootPage(App);
