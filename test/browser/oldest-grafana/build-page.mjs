// Builds the host page a second time, of the packages of the oldest Grafana that plugin.json allows: another React, other components, the
// same plugin. Prints the files that the page is made of, as JSON.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stop } from 'esbuild';
import { buildPage, copyPlugin } from '../../../scripts/build-preview.mjs';
import { repositoryRoot } from '../../../scripts/bundle.mjs';

const folder = dirname(fileURLToPath(import.meta.url));

/** What the host page installs into Grafana's packages and that Grafana does not have yet. */
const additions = {
  '@grafana/runtime/unstable': "export * from '@grafana/runtime/unstable'; export const initializeLoggersRegistry = () => undefined;",
  'grafana-runtime-inside/services/dataSource/settings': 'export const initDataSourceInstanceSettings = () => undefined;',
};

const [to = join(repositoryRoot, '.cache', 'oldest-grafana-page')] = process.argv.slice(2);
// As it is developed with: React says what it does not like.
const files = await buildPage(repositoryRoot, { to, packages: { folder, additions }, mode: 'development' });
copyPlugin(repositoryRoot, to);
await stop();
console.log(JSON.stringify(files));
