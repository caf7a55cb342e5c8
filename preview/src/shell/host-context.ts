// What every page of the host may use, and how it learns the theme.

import { createContext, useContext } from 'react';
import type { ThemeName } from '../boot/boot-data.js';
import type { DashboardJson } from '../dashboard/dashboard-json.js';
import type { Host } from '../host.js';

export interface HostContextValue {
  readonly host: Host;
  readonly dashboards: readonly DashboardJson[];
  readonly theme: ThemeName;
  readonly switchTheme: () => void;
}

export const HostContext = createContext<HostContextValue | null>(null);

export function useHost(): HostContextValue {
  const value = useContext(HostContext);
  if (value === null) throw new Error('a page is drawn outside of the shell');
  return value;
}
