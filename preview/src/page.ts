// The page that `npm start` serves: the catalogue, four charts that keep up with the data, and lines to try in a shell.

import { readCatalog, readStatus, type Catalog } from './api.js';
import { Chart, fill } from './chart.js';

const REFRESH_MS = 2_000;
const RANGES: readonly (readonly [string, number])[] = [
  ['5 minutes', 300],
  ['15 minutes', 900],
  ['1 hour', 3_600],
  ['3 hours', 10_800],
  ['24 hours', 86_400],
];

function element(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (found === null) {
    throw new Error(`the page has no element #${id}`);
  }
  return found;
}

/** Four measures that say something together: how much, money or errors, people, how slow. */
function firstMeasures(catalog: Catalog): string[] {
  const kinds = ['count', 'sum', 'unique', 'quantiles', 'ratio', 'avg', 'max', 'count'];
  const chosen: string[] = [];
  for (const kind of kinds) {
    const measure = catalog.measures.find((m) => m.kind === kind && !chosen.includes(m.name));
    if (measure !== undefined && chosen.length < 4) {
      chosen.push(measure.name);
    }
  }
  return chosen;
}

function showCatalog(catalog: Catalog): void {
  const table = document.createElement('table');
  const head = table.createTHead().insertRow();
  for (const title of ['Measure', 'Kind', 'What it is']) {
    head.append(Object.assign(document.createElement('th'), { textContent: title }));
  }
  const body = table.createTBody();
  for (const measure of catalog.measures) {
    const row = body.insertRow();
    for (const text of [measure.name, measure.kind, measure.description]) {
      row.insertCell().textContent = text;
    }
  }
  const dimensions = document.createElement('p');
  dimensions.textContent = `Grouped and filtered by: ${catalog.dimensions.map((d) => d.name).join(', ')}.`;
  element('catalog').replaceChildren(table, dimensions);
}

function showCurl(catalog: Catalog): void {
  const [first, , , fourth] = firstMeasures(catalog);
  const by = catalog.dimensions[0]?.name ?? '';
  const origin = location.origin;
  const lines: readonly (readonly [string, string])[] = [
    ['The last five minutes, as CSV', `curl '${origin}/api/v1/series/${first}?start=now-5m&granularity=10s&format=csv'`],
    [`By ${by}, per minute`, `curl '${origin}/api/v1/series/${first}?start=now-1h&granularity=1m&dimensions=${by}'`],
    [
      'Several queries in one call, as Grafana data frames',
      `curl ${origin}/api/v1/query -H 'content-type: application/json' -d '${JSON.stringify({
        from: 'now-15m',
        to: 'now',
        queries: [
          { refId: 'A', kind: 'metric', measure: first, groupBy: [by] },
          { refId: 'B', kind: 'metric', measure: fourth ?? first },
        ],
      })}'`,
    ],
    [
      'Put an event in',
      `curl ${origin}/api/v1/events -H 'content-type: application/json' -d '[${JSON.stringify({ event_id: 'mine-1', ts: new Date().toISOString(), type: 'page_view', user_id: 'me' })}]'`,
    ],
    ['How it is', `curl ${origin}/api/v1/status`],
  ];
  element('curl').replaceChildren(
    ...lines.flatMap(([title, line]) => {
      const pre = document.createElement('pre');
      pre.textContent = line;
      const copy = Object.assign(document.createElement('button'), { textContent: 'Copy', type: 'button' });
      copy.addEventListener('click', () => {
        void navigator.clipboard.writeText(line).then(() => {
          copy.textContent = 'Copied';
          setTimeout(() => (copy.textContent = 'Copy'), 1_500);
        });
      });
      pre.append(copy);
      return [Object.assign(document.createElement('div'), { textContent: title }), pre];
    }),
  );
}

async function showState(): Promise<void> {
  const state = element('state');
  try {
    const status = await readStatus();
    const delayS = status.watermarkMs === 0 ? Number.NaN : (Date.now() - status.watermarkMs) / 1000;
    const lag = status.partitions.reduce((sum, p) => sum + (p.lag ?? 0), 0);
    const applied = status.partitions.reduce((sum, p) => sum + p.applied, 0);
    state.textContent = [
      status.state,
      `${applied.toLocaleString('en')} events applied`,
      lag > 0 ? `${lag.toLocaleString('en')} waiting in the log` : '',
      Number.isNaN(delayS) ? 'no events yet' : `buckets final up to ${delayS.toFixed(0)} s ago`,
      status.reason,
    ]
      .filter(Boolean)
      .join(' · ');
    state.className = `state ${status.complete && delayS < 120 ? 'good' : 'warn'}`;
  } catch (error) {
    state.textContent = error instanceof Error ? error.message : String(error);
    state.className = 'state bad';
  }
}

async function start(): Promise<void> {
  const catalog = await readCatalog();
  element('name').textContent = catalog.name;
  showCatalog(catalog);
  showCurl(catalog);
  const range = element('range');
  if (!(range instanceof HTMLSelectElement)) {
    throw new Error('#range is no select');
  }
  fill(
    range,
    RANGES.map(([, seconds]) => String(seconds)),
    '900',
    (value) => RANGES.find(([, seconds]) => String(seconds) === value)?.[0] ?? value,
  );
  const charts = firstMeasures(catalog).map(
    (measure, i) => new Chart(catalog, measure, i === 0 ? (catalog.dimensions[0]?.name ?? '') : ''),
  );
  element('charts').replaceChildren(...charts.map((c) => c.element));
  const refresh = (): void => {
    void showState();
    charts.forEach((chart) => void chart.refresh(Number(range.value)));
  };
  range.addEventListener('change', refresh);
  charts.forEach((chart) => chart.onChange(refresh));
  refresh();
  setInterval(() => {
    if (!document.hidden) {
      refresh();
    }
  }, REFRESH_MS);
}

start().catch((error: unknown) => {
  const state = element('state');
  state.textContent = error instanceof Error ? error.message : String(error);
  state.className = 'state bad';
  setTimeout(() => location.reload(), 3_000);
});
