// The host's frame: theme, navigation, routes. A change of theme draws the page anew, because Grafana's packages keep the theme that
// they started with.

import { createTheme, ThemeContext } from '@grafana/data';
import { config, LocationServiceProvider, locationService, ThemeChangedEvent } from '@grafana/runtime';
import { ErrorBoundaryAlert, GlobalStyles, LoadingPlaceholder, ModalRoot, ModalsProvider, PortalContainer, Alert } from '@grafana/ui';
import { useMemo, useState } from 'react';
import { Navigate, Route, Routes, useParams } from 'react-router-dom';
import { useAsync } from 'react-use';
import { keepTheme, type ThemeName } from '../boot/boot-data.js';
import { bundledDashboards } from '../dashboard/bundled-dashboards.js';
import type { Host } from '../host.js';
import { AppPage } from '../pages/AppPage.js';
import { DashboardPage } from '../pages/DashboardPage.js';
import { DataSourcePage } from '../pages/DataSourcePage.js';
import { ExplorePage } from '../pages/ExplorePage.js';
import { TryPage } from '../pages/TryPage.js';
import { HistoryRouter } from './HistoryRouter.js';
import { HostContext, type HostContextValue } from './host-context.js';
import { Navigation } from './Navigation.js';

export function Shell({ host, firstTheme }: { readonly host: Host; readonly firstTheme: ThemeName }) {
  const [name, setName] = useState(firstTheme);
  const theme = useMemo(() => createTheme({ colors: { mode: name } }), [name]);
  // Read outside of React by everything that draws on a canvas.
  config.theme2 = theme;
  config.theme = theme.v1;
  const dashboards = useAsync(() => bundledDashboards(host.plugins), [host]);
  const switchTheme = (): void => {
    const next = name === 'dark' ? 'light' : 'dark';
    keepTheme(next);
    setName(next);
    host.events.publish(new ThemeChangedEvent(createTheme({ colors: { mode: next } })));
  };
  const value: HostContextValue = { host, dashboards: dashboards.value ?? [], theme: name, switchTheme };
  return (
    <ThemeContext.Provider value={theme}>
      <GlobalStyles />
      <LocationServiceProvider service={locationService}>
        <HostContext.Provider value={value}>
          <HistoryRouter>
            <ModalsProvider>
              <Navigation>
                {dashboards.error !== undefined && <Alert title={dashboards.error.message} />}
                {dashboards.loading ? <LoadingPlaceholder text="Loading dashboards" /> : <Pages key={name} value={value} />}
              </Navigation>
              <ModalRoot />
            </ModalsProvider>
          </HistoryRouter>
        </HostContext.Provider>
      </LocationServiceProvider>
      <PortalContainer />
    </ThemeContext.Provider>
  );
}

function Pages({ value }: { readonly value: HostContextValue }) {
  const first = value.dashboards[0];
  return (
    <ErrorBoundaryAlert boundaryName="page">
      <Routes>
        <Route path="/d/:uid/*" element={<DashboardByUid />} />
        <Route path="/explore" element={<ExplorePage />} />
        <Route path="/connections/datasources/edit/:uid" element={<DataSourceByUid />} />
        <Route path="/a/:id/*" element={<AppPage />} />
        <Route path="/try" element={<TryPage />} />
        <Route
          path="*"
          element={
            <Navigate replace to={first === undefined ? '/explore' : { pathname: `/d/${first.uid}`, search: window.location.search }} />
          }
        />
      </Routes>
    </ErrorBoundaryAlert>
  );
}

function DashboardByUid() {
  const { uid } = useParams();
  return <DashboardPage key={uid} uid={uid ?? ''} />;
}

function DataSourceByUid() {
  const { uid } = useParams();
  return <DataSourcePage key={uid} uid={uid ?? ''} />;
}
