// The app's pages, and the provisioned alert rules as a real Grafana evaluates them.

import { expect, test } from '@grafana/plugin-e2e';

const APP = 'tidemark-realtime-app';

test('the set-up check names every dependency', async ({ gotoAppPage, page }) => {
  await gotoAppPage({ pluginId: APP, path: '/setup' });
  for (const name of ['Aggregator', 'Kafka', 'Redis', 'ClickHouse']) await expect(page.getByText(name).first()).toBeVisible();
});

test('the pipeline health shows lag and watermark', async ({ gotoAppPage, page }) => {
  await gotoAppPage({ pluginId: APP, path: '/health' });
  for (const name of [/lag/i, /watermark/i]) await expect(page.getByText(name).first()).toBeVisible();
});

interface Rules {
  readonly data: {
    readonly groups: readonly {
      readonly name: string;
      readonly rules: readonly { readonly name: string; readonly health: string; readonly lastError?: string }[];
    }[];
  };
}

test('every provisioned rule is evaluated without an error', async ({ request }) => {
  test.setTimeout(180_000);
  await expect(async () => {
    const { data } = (await (await request.get('/api/prometheus/grafana/api/v1/rules')).json()) as Rules;
    const rules = data.groups.filter(({ name }) => name.startsWith('tidemark-')).flatMap((group) => group.rules);
    expect(rules.length).toBeGreaterThanOrEqual(8);
    expect(
      rules.filter(({ health }) => health !== 'ok').map(({ name, health, lastError }) => `${name}: ${health} ${lastError ?? ''}`),
    ).toEqual([]);
  }).toPass({ timeout: 150_000, intervals: [5_000] });
});

test('contact point, policy and mute timing are there', async ({ request }) => {
  const receivers = (await (await request.get('/api/v1/provisioning/contact-points')).json()) as { name: string }[];
  expect(receivers.map(({ name }) => name)).toContain('Tidemark on-call');
  const policy = (await (await request.get('/api/v1/provisioning/policies')).json()) as { receiver: string };
  expect(policy.receiver).toBe('Tidemark on-call');
  const mutes = (await (await request.get('/api/v1/provisioning/mute-timings')).json()) as { name: string }[];
  expect(mutes.map(({ name }) => name)).toContain('Tidemark nights and weekends');
});
