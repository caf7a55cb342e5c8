// React's router over Grafana's own history, so that scenes, plugins and the host see one location. Links that are no router links are
// caught, as Grafana does, so that they do not load the page anew.

import { locationService } from '@grafana/runtime';
import { useEffect, useLayoutEffect, useState, type ReactNode } from 'react';
import { Router, type Location, type Navigator } from 'react-router-dom';

export function HistoryRouter({ children }: { readonly children: ReactNode }) {
  const history = locationService.getHistory();
  const [location, setLocation] = useState<Location>(history.location);
  useLayoutEffect(() => history.listen((next: Location) => setLocation(next)), [history]);
  useEffect(() => {
    document.addEventListener('click', followInside);
    return () => document.removeEventListener('click', followInside);
  }, []);
  const navigator: Navigator = {
    createHref: (to) => (typeof to === 'string' ? to : history.createHref(to)),
    go: (steps) => history.go(steps),
    push: (to, state) => history.push(typeof to === 'string' ? to : { ...to, state }),
    replace: (to, state) => history.replace(typeof to === 'string' ? to : { ...to, state }),
  };
  return (
    <Router location={location} navigator={navigator}>
      {children}
    </Router>
  );
}

function followInside(event: MouseEvent): void {
  const link = event.target instanceof Element ? event.target.closest('a') : null;
  if (link === null || event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
  const address = new URL(link.href, window.location.href);
  const ownPage = address.origin === window.location.origin && !/^\/(api|public)\//.test(address.pathname);
  if (!ownPage || link.hasAttribute('download') || (link.target !== '' && link.target !== '_self')) return;
  event.preventDefault();
  locationService.push(address.pathname + address.search + address.hash);
}
