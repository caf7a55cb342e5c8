// One series, five ways to ask whether it is out of line: a panel's query, an alert rule's through the real backend binary, the live
// stream, `tidemark detect` over the same numbers, and the watch of the definition. Every bucket must get the same verdict from each.

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ServerMessage } from '../../aggregator/src/live/protocol.js';
import { LiveClient } from '../support/live-client.js';
import { buildTidemark, runTidemark, startTidemark, type Tidemark } from '../support/tidemark-process.js';
import { until } from '../support/until.js';
import { startGrafanaServer, type GrafanaServer } from './grafana-server.js';
import { buildPluginBinary } from './plugin-process.js';

const MINUTE_MS = 60_000;
const MINUTES = 300;
const COUNTRIES = ['DE', 'FR', 'US'] as const;
const PATIENCE_MS = 90_000;
/** What a panel, a rule, a subscriber and the watch are told alike; `tidemark detect` has the same defaults. */
const DETECTOR = { direction: 'both' };
const QUERY = { kind: 'anomaly', measure: 'errors', groupBy: ['country'], bucket: '1m', detector: DETECTOR };
const DEFINITION = `
name: verdicts
source: { http: {} }
event: { id: event_id, time: ts, type: type }
dimensions:
  country: { path: geo.country, cap: 20 }
  device: { cap: 10 }
measures:
  errors: { kind: count, where: { type: error } }
watches:
  errors_odd: { measure: errors, groupBy: [country], detector: { direction: both } }
lateness: 5s
flush: { interval: 200ms }
hot: { kind: memory }
cold: { kind: chdb }
auth: none
`;

interface Field {
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly config?: { readonly custom?: { readonly role?: string } };
}
interface Frame {
  readonly schema: { readonly fields: readonly Field[]; readonly meta?: { readonly custom?: unknown } };
  readonly data: { readonly values: readonly (readonly (number | string | null)[])[] };
}
interface Verdict {
  readonly score: number;
  readonly anomalous: number;
}
type Verdicts = ReadonlyMap<number, Verdict>;

let folder: string;
let tidemark: Tidemark;
let grafana: GrafanaServer;
let beginMs: number;
let endMs: number;
let live: LiveClient;
/** Rows of the live stream, by time; a later message replaces a row. */
const liveRows = new Map<number, readonly (number | string | null)[]>();
let liveFields: readonly Field[] = [];

/** Around ten errors a minute; five times as many in Germany for five minutes, and none in France for ten. */
function countOf(country: string, minute: number): number {
  const noise = Math.abs(Math.sin(minute * 12.9898 + country.charCodeAt(0) * 78.233) * 43_758.5453) % 1;
  const usual = 7 + Math.floor(noise * 7);
  if (country === 'DE' && minute >= 230 && minute < 235) return usual * 5;
  return country === 'FR' && minute >= 262 && minute < 272 ? 0 : usual;
}

async function send(fromMinute: number, toMinute: number): Promise<void> {
  const minutes = Array.from({ length: toMinute - fromMinute }, (_, index) => fromMinute + index);
  const events = minutes.flatMap((minute) =>
    COUNTRIES.flatMap((country) =>
      Array.from({ length: countOf(country, minute) }, (_, index) => ({
        event_id: `${country}-${minute}-${index}`,
        ts: beginMs + minute * MINUTE_MS + index * 700,
        type: 'error',
        geo: { country },
        device: index % 5 === 0 ? 'desktop' : 'mobile',
      })),
    ),
  );
  const response = await fetch(`${tidemark.url}/api/v1/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(events),
  });
  if (!response.ok) throw new Error(`events were refused with ${response.status}: ${await response.text()}`);
}

async function panel(query: object): Promise<Frame> {
  const { A } = await tidemark.query({ from: beginMs, to: endMs, queries: [{ refId: 'A', ...query }] });
  expect(A?.error).toBeUndefined();
  return A?.frames[0] as unknown as Frame;
}

/** As Grafana's server asks for a rule, through the binary. */
async function rule(queries: readonly object[], fromMs: number, toMs: number): Promise<Frame[]> {
  const response = await fetch(`${grafana.url}/api/ds/query`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      from: String(fromMs),
      to: String(toMs),
      queries: queries.map((query, index) => ({
        refId: String.fromCharCode(65 + index),
        datasource: { uid: grafana.uid },
        intervalMs: MINUTE_MS,
        maxDataPoints: 100,
        schemaVersion: 1,
        ...query,
      })),
    }),
  });
  const { results } = (await response.json()) as { results: Record<string, { status: number; error?: string; frames: Frame[] }> };
  return queries.map((_, index) => {
    const answer = results[String.fromCharCode(65 + index)];
    expect(answer?.error).toBeUndefined();
    return answer?.frames[0] as Frame;
  });
}

function columnOf(fields: readonly Field[], role: string, country: string): number {
  const at = fields.findIndex((field) => field.labels?.['country'] === country && (field.config?.custom?.role ?? 'value') === role);
  expect(at, `${role} of ${country}`).toBeGreaterThan(0);
  return at;
}

function verdictsIn(fields: readonly Field[], rows: Iterable<readonly (number | string | null)[]>, country: string): Verdicts {
  const [score, anomalous] = [columnOf(fields, 'score', country), columnOf(fields, 'anomalous', country)];
  const verdicts = new Map<number, Verdict>();
  for (const row of rows) {
    if (typeof row[score] !== 'number') continue;
    verdicts.set(Number(row[0]), { score: row[score], anomalous: Number(row[anomalous]) });
  }
  return verdicts;
}

function rowsOf({ data }: Frame): (number | string | null)[][] {
  return (data.values[0] ?? []).map((_, row) => data.values.map((column) => column[row] ?? null));
}

beforeAll(async () => {
  const [binary] = await Promise.all([buildPluginBinary(), buildTidemark()]);
  folder = await mkdtemp(join(tmpdir(), 'tidemark-verdicts-'));
  await mkdir(join(folder, 'data'));
  const definition = join(folder, 'verdicts.yaml');
  await writeFile(definition, DEFINITION);
  tidemark = await startTidemark({ definition, env: { TIDEMARK_DATA_DIR: join(folder, 'data') } });
  grafana = await startGrafanaServer({ binary, jsonData: { url: tidemark.url } });
  // The newest minute is finished, and stays so while the test runs.
  endMs = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS - MINUTE_MS;
  beginMs = endMs - MINUTES * MINUTE_MS;
  await send(0, 200);
  const onMessage = (message: ServerMessage): void => {
    if (message.type !== 'snapshot' && message.type !== 'delta') return;
    const [frame] = message.frames as unknown as Frame[];
    if (frame === undefined) return;
    if (message.type === 'snapshot') {
      liveRows.clear();
      liveFields = frame.schema.fields;
    }
    for (const row of rowsOf(frame)) liveRows.set(Number(row[0]), row);
  };
  live = await LiveClient.open(tidemark.url, 'websocket', { id: 'A', query: QUERY, spanMs: 6 * 3_600_000, resume: '' }, onMessage);
  await until('a snapshot of what there is', PATIENCE_MS, () => Promise.resolve(liveRows.size > 0));
  // The rest while somebody listens, in portions, so that it comes as deltas.
  for (let minute = 200; minute < MINUTES; minute += 25) await send(minute, minute + 25);
}, 300_000);
afterAll(async () => {
  live?.close();
  await grafana?.close();
  await tidemark?.process.stop();
  await rm(folder, { recursive: true, force: true });
});

describe('the verdict of a bucket', () => {
  const panels = new Map<string, Verdicts>();
  let shown: Frame;

  it('is there for every minute of every series, and tells the burst and the outage from the rest', async () => {
    await until('all minutes are judged', PATIENCE_MS, async () => {
      shown = await panel(QUERY);
      return verdictsIn(shown.schema.fields, rowsOf(shown), 'US').size === MINUTES;
    });
    for (const country of COUNTRIES) {
      const verdicts = verdictsIn(shown.schema.fields, rowsOf(shown), country);
      panels.set(country, verdicts);
      expect(verdicts.size).toBe(MINUTES);
    }
    const flagged = (country: string): number[] =>
      [...(panels.get(country) ?? [])].flatMap(([time, { anomalous }]) => (anomalous === 1 ? [(time - beginMs) / MINUTE_MS] : []));
    expect(flagged('DE')[0]).toBeGreaterThanOrEqual(230);
    expect(flagged('DE')[0]).toBeLessThanOrEqual(231);
    expect(flagged('FR')[0]).toBeGreaterThanOrEqual(262);
    expect(flagged('FR')[0]).toBeLessThanOrEqual(263);
    expect(flagged('US')).toEqual([]);
  });

  it('is the same for an alert rule that looks back ten minutes, through the backend', async () => {
    const asked = new Map<string, Map<number, Verdict>>(COUNTRIES.map((country) => [country, new Map()]));
    for (let toMs = beginMs + 10 * MINUTE_MS; toMs <= endMs; toMs += 10 * MINUTE_MS) {
      const queries = ['score', 'anomalous'].map((fields) => ({ ...QUERY, fields }));
      const [scores, flags] = await rule(queries, toMs - 10 * MINUTE_MS, toMs);
      for (const country of COUNTRIES) {
        const at = scores.schema.fields.findIndex(({ labels }) => labels?.['country'] === country);
        if (at < 0) continue;
        expect(flags.schema.fields[at]?.labels).toEqual(scores.schema.fields[at]?.labels);
        scores.data.values[0]?.forEach((time, row) => {
          const score = scores.data.values[at]?.[row];
          if (typeof score !== 'number') return;
          asked.get(country)?.set(Number(time), { score, anomalous: Number(flags.data.values[at]?.[row]) });
        });
      }
    }
    for (const country of COUNTRIES) expect(asked.get(country), country).toEqual(panels.get(country));
  });

  it('is the same for a rule that asks for the newest bucket alone', async () => {
    const toMs = beginMs + 232 * MINUTE_MS;
    const [newest] = await rule([{ ...QUERY, fields: 'score', format: 'total' }], toMs - 10 * MINUTE_MS, toMs);
    const scores = newest.schema.fields.map(({ labels }, at) => [labels?.['country'], newest.data.values[at]?.[0]]);
    expect(scores).toEqual(COUNTRIES.map((country) => [country, panels.get(country)?.get(toMs - MINUTE_MS)?.score]));
  });

  it('is the same in the live stream', async () => {
    await until('the stream has all of it', PATIENCE_MS, () => Promise.resolve(typeof liveRows.get(endMs - MINUTE_MS)?.[2] === 'number'));
    for (const country of COUNTRIES) {
      const streamed = new Map([...verdictsIn(liveFields, liveRows.values(), country)].filter(([time]) => time >= beginMs && time < endMs));
      expect(streamed, country).toEqual(panels.get(country));
    }
  });

  it.each(COUNTRIES)('is the same from tidemark detect, with expected, band and reason: %s', async (country) => {
    const { fields } = shown.schema;
    const column = (role: string): number => columnOf(fields, role, country);
    const file = join(folder, `${country}.csv`);
    const rows = rowsOf(shown);
    await writeFile(file, ['time,value', ...rows.map((row) => `${Number(row[0])},${Number(row[column('value')])}`), ''].join('\n'));
    const { code, stdout } = await runTidemark(['detect', file, '--direction', DETECTOR.direction]);
    expect(code).toBe(0);
    const [header, ...lines] = stdout.trim().split('\n');
    expect(header).toBe('time,value,expected,lower,upper,score,anomalous,reason');
    const said = (cell: number | string | null): string => (cell === null ? '' : String(cell));
    const asked = rows.map((row) =>
      ['expected', 'lower', 'upper', 'score', 'anomalous'].map((role) => said(row[column(role)] ?? null)).join(),
    );
    expect(lines.map((line) => line.split(',').slice(2, 7).join())).toEqual(asked);
    const reasons = lines.map((line) => line.split(',').slice(7).join(',').replace(/^"|"$/g, '').replaceAll('""', '"'));
    expect(reasons).toEqual(rows.map((row) => said(row[column('reason')] ?? null)));
  });

  it('is what the watch keeps: its episodes begin and peak where the panel says so', async () => {
    const peaks = (country: string) => [...(panels.get(country) ?? [])].filter(([, { anomalous }]) => anomalous === 1);
    const kept = async (): Promise<Kept[]> => {
      const response = await fetch(`${tidemark.url}/api/v1/anomalies?start=${beginMs}&end=${endMs}&watch=errors_odd`);
      return ((await response.json()) as { anomalies: Kept[] }).anomalies;
    };
    const found = (country: string, list: readonly Kept[]) => list.filter(({ labels }) => labels['country'] === country);
    await until('the watch keeps both', PATIENCE_MS, async () => {
      const list = await kept();
      return found('DE', list).length > 0 && found('FR', list).length > 0;
    });
    const list = await kept();
    expect(found('US', list)).toEqual([]);
    for (const country of ['DE', 'FR']) {
      const covered = peaks(country).map(([time]) => found(country, list).some(({ from, to }) => time >= from && time < to));
      expect(covered, country).not.toContain(false);
      for (const { peak, reason } of found(country, list)) {
        expect([country, peak.at, peak.score]).toEqual([country, peak.at, panels.get(country)?.get(peak.at)?.score]);
        const row = rowsOf(shown).find(([time]) => time === peak.at) ?? [];
        expect(reason).toBe(row[columnOf(shown.schema.fields, 'reason', country)]);
      }
    }
    expect(found('DE', list)[0]?.contributors.map(({ dimension, value }) => [dimension, value])).toContainEqual(['device', 'mobile']);
  });
});

interface Kept {
  readonly labels: Readonly<Record<string, string>>;
  readonly from: number;
  readonly to: number;
  readonly peak: { readonly at: number; readonly score: number };
  readonly reason: string;
  readonly contributors: readonly { readonly dimension: string; readonly value: string }[];
}
