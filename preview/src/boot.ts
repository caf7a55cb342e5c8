// First thing that runs: tells Grafana's packages where they are, then loads the page itself. Nothing else may import anything of
// @grafana before this has run.

import { chosenTheme, keptTheme, setGrafanaGlobals } from './boot/boot-data.js';
import { readHostSettings } from './boot/host-settings.js';

async function boot(): Promise<void> {
  const theme = chosenTheme(window.location.search, keptTheme());
  setGrafanaGlobals(theme);
  const [settings, { startPage }] = await Promise.all([readHostSettings(window.location.origin), import('./main.js')]);
  await startPage(settings, theme);
}

boot().catch((error: unknown) => {
  const place = document.getElementById('root');
  if (place !== null) {
    place.textContent = `The page could not start: ${error instanceof Error ? error.message : String(error)}`;
    place.className = 'boot-failed';
  }
});
