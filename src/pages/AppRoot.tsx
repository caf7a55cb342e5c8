// Root of the app's pages: Grafana renders it for every path under /a/tidemark-realtime-app.

import { useEffect } from 'react';
import type { AppRootProps } from '@grafana/data';
import { locationService } from '@grafana/runtime';
import { useSceneApp } from '@grafana/scenes';
import { APP_PATH, createApp, PAGE_PATHS } from './app-scene';

export default function AppRoot({ path }: AppRootProps) {
  const app = useSceneApp(createApp);
  const known = PAGE_PATHS.some((page) => path === page || path.startsWith(`${page}/`));
  // The app's own address, and old or mistyped ones, lead to the set-up check.
  useEffect(() => {
    if (!known) locationService.replace(`${APP_PATH}/setup`);
  }, [known]);
  return known ? <app.Component model={app} /> : null;
}
