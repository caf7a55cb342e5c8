// The globals that Grafana's server writes into its page and that @grafana/runtime and @grafana/ui read while they load. Must be set
// before the first of these modules runs, which is why `boot.ts` imports everything else afterwards.

export type ThemeName = 'dark' | 'light';

/** Of the packages that the page is made of; the build writes it. */
declare const GRAFANA_VERSION: string;
const THEME_KEY = 'tidemark.preview.theme';

/** The address wins over what was chosen last. */
export function chosenTheme(search: string, kept: string | null): ThemeName {
  const asked = new URLSearchParams(search).get('theme') ?? kept;
  return asked === 'light' ? 'light' : 'dark';
}

export function keepTheme(theme: ThemeName): void {
  localStorage.setItem(THEME_KEY, theme);
}

export function keptTheme(): string | null {
  return localStorage.getItem(THEME_KEY);
}

export function setGrafanaGlobals(theme: ThemeName): void {
  Object.assign(window, {
    // Icons are looked up below `build/img/icons/` of it.
    __grafana_public_path__: '/public/',
    grafanaBootData: {
      assets: { dark: '', light: '' },
      navTree: [],
      user: {
        id: 1,
        orgId: 1,
        orgName: 'Demo shop',
        isSignedIn: true,
        login: 'preview',
        name: 'Preview',
        timezone: 'browser',
        weekStart: '',
        orgRole: 'Admin',
        isGrafanaAdmin: true,
        theme,
        lightTheme: theme === 'light',
        language: 'en-US',
        permissions: {},
      },
      settings: {
        appSubUrl: '',
        appUrl: `${window.location.origin}/`,
        buildInfo: { version: GRAFANA_VERSION, commit: 'preview', env: 'production' },
        datasources: {},
        panels: {},
        apps: {},
        exploreEnabled: true,
        featureToggles: {},
        liveEnabled: true,
        minRefreshInterval: '1s',
        timePickerQuickRanges: [],
        unifiedAlertingEnabled: true,
      },
    },
  });
}
