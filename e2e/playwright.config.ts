// The end-to-end suite for those who have Docker: a real Grafana with the plugin, as docker-compose.yaml starts it.
//   docker compose up --build --detach --wait && npx playwright test --config e2e
// GRAFANA_URL says where Grafana is; its administrator is admin / admin.

import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { PluginOptions } from '@grafana/plugin-e2e';
import { defineConfig, devices } from '@playwright/test';

const here = dirname(fileURLToPath(import.meta.url));
const pluginE2e = dirname(fileURLToPath(import.meta.resolve('@grafana/plugin-e2e')));
const inCi = process.env['CI'] !== undefined;

export default defineConfig<PluginOptions>({
  testDir: join(here, 'tests'),
  outputDir: join(here, 'results'),
  fullyParallel: true,
  forbidOnly: inCi,
  retries: inCi ? 2 : 0,
  timeout: 60_000,
  reporter: inCi ? [['github'], ['html', { open: 'never', outputFolder: join(here, 'report') }]] : 'list',
  use: {
    baseURL: process.env['GRAFANA_URL'] ?? 'http://localhost:3000',
    provisioningRootDir: join(here, '..', 'provisioning'),
    trace: 'retain-on-failure',
    screenshot: 'only-on-failure',
  },
  projects: [
    { name: 'log in', testDir: join(pluginE2e, 'auth'), testMatch: [/.*\.js/] },
    {
      name: 'chromium',
      dependencies: ['log in'],
      // Where @grafana/plugin-e2e leaves the session.
      use: { ...devices['Desktop Chrome'], storageState: 'playwright/.auth/admin.json' },
    },
  ],
});
