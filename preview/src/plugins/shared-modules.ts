// What Grafana gives every plugin at run time. The same objects the host itself is made of, so that hooks, contexts and services are
// shared; a plugin that brought its own copy would break here as it would in Grafana.

import * as emotionCss from '@emotion/css';
import * as emotionReact from '@emotion/react';
import * as grafanaData from '@grafana/data';
import * as grafanaI18n from '@grafana/i18n';
import * as grafanaRuntime from '@grafana/runtime';
import * as grafanaRuntimeUnstable from '@grafana/runtime/unstable';
import * as grafanaUi from '@grafana/ui';
import * as grafanaUiUnstable from '@grafana/ui/unstable';
import i18next from 'i18next';
import lodash from 'lodash';
import moment from 'moment';
import * as react from 'react';
import * as jsxRuntime from 'react/jsx-runtime';
import * as reactDom from 'react-dom';
import * as reactDomClient from 'react-dom/client';
import * as reactRouter from 'react-router';
import * as reactRouterDom from 'react-router-dom';
import * as rxjs from 'rxjs';
import * as rxjsOperators from 'rxjs/operators';

const SHARED: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ['@emotion/css', emotionCss],
  ['emotion', emotionCss],
  ['@emotion/react', emotionReact],
  ['@grafana/data', grafanaData],
  ['@grafana/i18n', grafanaI18n],
  ['@grafana/runtime', grafanaRuntime],
  ['@grafana/runtime/unstable', grafanaRuntimeUnstable],
  ['@grafana/ui', grafanaUi],
  ['@grafana/ui/unstable', grafanaUiUnstable],
  ['i18next', i18next],
  ['lodash', lodash],
  ['moment', moment],
  ['react', react],
  ['react/jsx-runtime', jsxRuntime],
  ['react-dom', reactDom],
  ['react-dom/client', reactDomClient],
  ['react-router', reactRouter],
  ['react-router-dom', reactRouterDom],
  ['rxjs', rxjs],
  ['rxjs/operators', rxjsOperators],
]);

/** @throws Error where a plugin wants what Grafana does not share */
export function sharedModule(name: string, askedBy: string): unknown {
  const found = SHARED.get(name);
  if (found === undefined) throw new Error(`${askedBy} asks for the module ${name}, which the host does not share.`);
  return found;
}
