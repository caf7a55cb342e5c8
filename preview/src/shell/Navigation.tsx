// The bar above every page: where one can go, and the theme. The pages of the app come from its manifest, as in Grafana's menu.

import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { Dropdown, Icon, IconButton, Menu, useStyles2 } from '@grafana/ui';
import type { ReactNode } from 'react';
import { NavLink } from 'react-router-dom';
import type { DashboardJson } from '../dashboard/dashboard-json.js';
import { useHost } from './host-context.js';

interface Place {
  readonly text: string;
  readonly to: string;
}

export function Navigation({ children }: { readonly children: ReactNode }) {
  const { host, dashboards, theme, switchTheme } = useHost();
  const styles = useStyles2(getStyles);
  const app = host.plugins.appMeta();
  const places: Place[] = [
    ...dashboards.slice(0, 1).map(placeOf),
    { text: 'Explore', to: '/explore' },
    ...(app.includes ?? [])
      .filter(({ addToNav, path }) => addToNav === true && path !== undefined && path !== '')
      .map(({ name, path }) => ({ text: name, to: path ?? '' })),
    { text: 'Data source', to: `/connections/datasources/edit/${host.settings.datasources[0]?.uid ?? ''}` },
    { text: 'API', to: '/try' },
  ];
  return (
    <div className={styles.page}>
      <header className={styles.bar}>
        <a className={styles.brand} href="/" aria-label="Tidemark, start page">
          <img src={app.info.logos.small} alt="" width={24} height={24} />
          <span>Tidemark</span>
        </a>
        <nav className={styles.places} aria-label="Pages">
          {places.map(({ text, to }) => (
            <NavLink key={to} to={to} className={({ isActive }) => (isActive ? `${styles.place} ${styles.active}` : styles.place)}>
              {text}
            </NavLink>
          ))}
        </nav>
        {dashboards.length > 1 && (
          <Dropdown
            overlay={
              <Menu>
                {dashboards.map(placeOf).map(({ text, to }) => (
                  <Menu.Item key={to} label={text} url={to} />
                ))}
              </Menu>
            }
          >
            <button type="button" className={styles.more}>
              <Icon name="apps" /> <span>Dashboards</span>
            </button>
          </Dropdown>
        )}
        <IconButton
          name="adjust-circle"
          size="lg"
          tooltip={theme === 'dark' ? 'Switch to the light theme' : 'Switch to the dark theme'}
          onClick={switchTheme}
        />
      </header>
      <main className={styles.content}>{children}</main>
    </div>
  );
}

function placeOf({ uid, title }: DashboardJson): Place {
  return { text: title.replace(/^Tidemark\s+/, '').replace(/^./, (first) => first.toUpperCase()), to: `/d/${uid}` };
}

const getStyles = (theme: GrafanaTheme2) => ({
  page: css({ display: 'flex', flexDirection: 'column', height: '100vh', background: theme.colors.background.canvas }),
  bar: css({
    display: 'flex',
    alignItems: 'center',
    gap: theme.spacing(2),
    height: 48,
    flexShrink: 0,
    padding: theme.spacing(0, 2),
    background: theme.colors.background.primary,
    borderBottom: `1px solid ${theme.colors.border.weak}`,
  }),
  brand: css({
    display: 'flex',
    alignItems: 'center',
    gap: theme.spacing(1),
    color: theme.colors.text.primary,
    fontWeight: theme.typography.fontWeightMedium,
    '&:hover': { color: theme.colors.text.maxContrast },
    [theme.breakpoints.down('sm')]: { span: { display: 'none' } },
  }),
  places: css({ display: 'flex', flexGrow: 1, gap: theme.spacing(0.5), overflowX: 'auto', height: '100%', scrollbarWidth: 'none' }),
  place: css({
    display: 'flex',
    alignItems: 'center',
    padding: theme.spacing(0, 1.5),
    color: theme.colors.text.secondary,
    whiteSpace: 'nowrap',
    '&:hover': { color: theme.colors.text.primary },
  }),
  more: css({
    display: 'flex',
    alignItems: 'center',
    gap: theme.spacing(0.5),
    background: 'none',
    border: 'none',
    color: theme.colors.text.secondary,
    whiteSpace: 'nowrap',
    [theme.breakpoints.down('sm')]: { span: { display: 'none' } },
  }),
  active: css({ color: theme.colors.text.primary, boxShadow: `inset 0 -2px 0 ${theme.colors.warning.border}` }),
  content: css({ display: 'flex', flexDirection: 'column', flexGrow: 1, minHeight: 0, overflow: 'auto' }),
});
