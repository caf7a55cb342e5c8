// The data source in a real Grafana: the config editor says in words what is wrong, and the query editor builds a query by keyboard.

import { expect, test } from '@grafana/plugin-e2e';

const TYPE = 'tidemark-realtime-datasource';

test('save & test says that the aggregator is well', async ({ createDataSourceConfigPage, page }) => {
  const config = await createDataSourceConfigPage({ type: TYPE });
  await page.getByLabel('URL').fill('http://aggregator:4400');
  if (process.env['TIDEMARK_TOKEN']) await page.getByLabel('Token').fill(process.env['TIDEMARK_TOKEN']);
  await expect(config.saveAndTest()).toBeOK();
  await expect(config).toHaveAlert('success');
});

test('save & test says what is wrong with the address', async ({ createDataSourceConfigPage, page }) => {
  const config = await createDataSourceConfigPage({ type: TYPE });
  await page.getByLabel('URL').fill('http://aggregator:4401');
  await expect(config.saveAndTest()).not.toBeOK();
  await expect(config).toHaveAlert('error', { hasText: 'aggregator:4401' });
});

test('a query is built by keyboard and answered, with its plan below', async ({ panelEditPage, page }) => {
  await panelEditPage.datasource.set('Tidemark');
  await panelEditPage.setVisualization('Time series');
  const measure = page.getByLabel('Measure');
  await measure.fill('revenue');
  await measure.press('Enter');
  await expect(panelEditPage.refreshPanel()).toBeOK();
  await expect(page.getByTestId('tidemark-answer')).toBeVisible();
  await expect(panelEditPage.panel.getErrorIcon()).not.toBeVisible();
});

test('Explore answers, and keeps the query in its address', async ({ explorePage, page }) => {
  await explorePage.datasource.set('Tidemark');
  const measure = page.getByLabel('Measure');
  await measure.fill('events');
  await measure.press('Enter');
  await expect(explorePage.runQuery()).toBeOK();
  await expect(page).toHaveURL(/events/);
});
