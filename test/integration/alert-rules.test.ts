// The provisioned rules in the generated shop, minute by minute over an hour with known incidents: each is noticed by the rules made
// for it, with the right labels, and nobody is woken in between. No clock and no server: seed and time make the events, and rules
// are evaluated as Grafana does.

import { beforeAll, describe, expect, it } from 'vitest';
import { incidentsBetween, type Incident } from '../../aggregator/src/source/demo/incidents.js';
import { alertRules } from '../support/grafana-files.js';
import { evaluateRule, type Firing } from '../support/rule-evaluation.js';
import { ShopMinutes } from '../support/shop-minutes.js';

const MINUTE_MS = 60_000;
const SEED = 1;
/** What docker-compose.yaml generates by default; the limits of the rules are made for it. */
const RATE = 50;
const BEGIN_MS = Date.UTC(2026, 10, 25, 15, 40);
const FROM_MS = Date.UTC(2026, 10, 25, 16, 50);
const END_MS = Date.UTC(2026, 10, 25, 17, 50);
/** Rules look five minutes back. */
const AFTERWARDS_MS = 7 * MINUTE_MS;

const rules = alertRules().filter(({ data }) => data.some(({ datasourceUid }) => datasourceUid === 'tidemark'));
const fired = new Map<string, { readonly atMs: number; readonly labels: Firing }[]>();

function evaluateAt(shop: ShopMinutes, title: string, atMs: number): Promise<Firing> {
  const rule = rules.find((one) => one.title === title);
  if (rule === undefined) throw new Error(`no rule ${title}`);
  return evaluateRule(rule, (query) => Promise.resolve(shop.answer(query, atMs)));
}

const firedIn = (title: string, { fromMs }: Incident): Firing =>
  (fired.get(title) ?? []).filter(({ atMs }) => atMs > fromMs && atMs <= fromMs + 4 * MINUTE_MS).flatMap(({ labels }) => labels);
const incident = (kind: Incident['kind']): Incident => {
  const found = incidentsBetween(SEED, FROM_MS, END_MS).find((one) => one.kind === kind);
  if (found === undefined) throw new Error(`no ${kind} in this hour`);
  return found;
};

beforeAll(async () => {
  const shop = new ShopMinutes({ seed: SEED, rate: RATE, fromMs: BEGIN_MS, toMs: END_MS });
  for (const { title } of rules) {
    const times = [];
    for (let atMs = FROM_MS; atMs < END_MS; atMs += MINUTE_MS) {
      const labels = await evaluateAt(shop, title, atMs);
      if (labels.length > 0) times.push({ atMs, labels });
    }
    fired.set(title, times);
  }
}, 240_000);

describe('an hour in the shop', () => {
  it('has a payment outage, an error burst and a slow checkout', () => {
    expect(incident('payment_outage').affects).toEqual({});
    expect(incident('error_burst').affects).toEqual({ device: 'desktop' });
    expect(incident('slow_checkout').affects).toEqual({ device: 'desktop' });
  });

  it('a payment outage is noticed by the purchases that are missing, and by the errors', () => {
    expect(firedIn('Unusually few purchases', incident('payment_outage'))).not.toEqual([]);
    expect(firedIn('Shop errors spike', incident('payment_outage'))).not.toEqual([]);
  });

  it('an error burst is noticed in every large country', () => {
    for (const title of ['Unusually many errors', 'Shop error rate by country']) {
      const countries = firedIn(title, incident('error_burst')).map(({ country }) => country);
      expect(countries, title).toEqual(expect.arrayContaining(['DE', 'US', 'GB']));
    }
  });

  it('a slow checkout is noticed, on the device that has it', () => {
    for (const title of ['Shop latency p95', 'Unusually slow answers']) {
      expect(new Set(firedIn(title, incident('slow_checkout')).map(({ device }) => device)), title).toEqual(new Set(['desktop']));
    }
  });

  it('nobody is woken when nothing is wrong', () => {
    const incidents = incidentsBetween(SEED, BEGIN_MS, END_MS);
    const quiet = (atMs: number): boolean => !incidents.some(({ fromMs, toMs }) => atMs > fromMs && atMs <= toMs + AFTERWARDS_MS);
    const alarms = [...fired].flatMap(([title, times]) =>
      times
        .filter(({ atMs }) => quiet(atMs))
        .map(({ atMs, labels }) => `${title} at ${new Date(atMs).toISOString()} ${JSON.stringify(labels)}`),
    );
    expect(alarms).toEqual([]);
    let quietMinutes = 0;
    for (let atMs = FROM_MS; atMs < END_MS; atMs += MINUTE_MS) if (quiet(atMs)) quietMinutes++;
    expect(quietMinutes).toBeGreaterThan(10);
  });

  it('the feed counts as missing only when nothing comes', async () => {
    expect(fired.get('Shop feed missing')).toEqual([]);
    expect(fired.get('A device sends nothing')).toEqual([]);
    const short = new ShopMinutes({ seed: SEED, rate: RATE, fromMs: BEGIN_MS, toMs: BEGIN_MS + 10 * MINUTE_MS });
    expect(await evaluateAt(short, 'Shop feed missing', BEGIN_MS + 10 * MINUTE_MS)).toEqual([]);
    expect(await evaluateAt(short, 'Shop feed missing', BEGIN_MS + 20 * MINUTE_MS)).toEqual([{}]);
  });

  it('one kind of device that goes silent is named', async () => {
    const silentFrom = BEGIN_MS + 30 * MINUTE_MS;
    const shop = new ShopMinutes({
      seed: SEED,
      rate: RATE,
      fromMs: BEGIN_MS,
      toMs: BEGIN_MS + 40 * MINUTE_MS,
      silentFrom: { tablet: silentFrom },
    });
    expect(await evaluateAt(shop, 'A device sends nothing', silentFrom)).toEqual([]);
    expect(await evaluateAt(shop, 'A device sends nothing', silentFrom + 5 * MINUTE_MS)).toEqual([{ device: 'tablet' }]);
  });
});
