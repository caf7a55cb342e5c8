// Root of the app's pages: Grafana renders it for every path under /a/tidemark-realtime-app.

import { useSceneApp } from '@grafana/scenes';
import { createApp } from './app-scene';

export default function AppRoot() {
  const app = useSceneApp(createApp);
  return <app.Component model={app} />;
}
