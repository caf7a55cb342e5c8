// Wires the page together: Grafana's services first, then the plugins, then React. Loaded by boot.ts once Grafana's globals are set.

import { createRoot } from 'react-dom/client';
import type { ThemeName } from './boot/boot-data.js';
import type { HostSettings } from './boot/host-settings.js';
import { installHost } from './host.js';
import { Shell } from './shell/Shell.js';

export async function startPage(settings: HostSettings, theme: ThemeName): Promise<void> {
  const host = await installHost(settings);
  const place = document.getElementById('root');
  if (place === null) throw new Error('the page has no element #root');
  createRoot(place).render(<Shell host={host} firstTheme={theme} />);
}
