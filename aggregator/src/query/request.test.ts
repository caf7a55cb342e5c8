import { describe, expect, it } from 'vitest';
import { testDefinition } from './shop.fixture.js';
import { problemOf, QueryProblem, type Problem } from './problem.js';
import { checkRequest } from './request.js';
import { resolveQuery } from './resolve.js';
import type { MetricAsk } from './ask.js';

const NOW = Date.UTC(2025, 5, 10, 12);
const DEF = testDefinition();

function problem(run: () => unknown): Problem {
  try {
    run();
  } catch (error) {
    if (error instanceof QueryProblem) return problemOf(error);
    throw error;
  }
  throw new Error('nothing was refused');
}

function body(query: object): object {
  return { from: 'now-1h', to: 'now', queries: [{ refId: 'A', ...query }] };
}

/** Form and names, as the engine checks them. */
function ask(query: object): MetricAsk {
  const [checked] = checkRequest(body(query), NOW).queries;
  if (checked.query === null) throw checked.problem;
  const resolved = resolveQuery(DEF, checked.query, checked.at, 1_000);
  if (resolved.kind !== 'metric') throw new Error('not a metric');
  return resolved;
}

describe('a request as a whole', () => {
  it('fills in what is left out', () => {
    const checked = checkRequest({ from: 'now-1h', queries: [{ refId: 'A', measure: 'views' }] }, NOW);
    expect(checked).toMatchObject({ fromMs: NOW - 3_600_000, toMs: NOW, maxDataPoints: 1_000 });
    expect(checked.queries[0].query).toMatchObject({
      kind: 'metric',
      bucket: 'auto',
      format: 'timeseries',
      fill: 'auto',
      filters: [],
      groupBy: [],
    });
  });

  it.each([
    [null, '', 'found null, expected an object'],
    [[], '', 'a list of 0'],
    [{ queries: [{}] }, 'from', 'from: found nothing'],
    [{ from: 'now', queries: [] }, 'queries', 'at least 1'],
    [{ from: 'now-1h', queries: Array.from({ length: 53 }, () => ({})) }, 'queries', 'at most 52'],
    [{ from: 'now-1h', to: 'noow', queries: [{}] }, 'to', 'to: found "noow"'],
    [{ from: 'now', to: 'now-1h', queries: [{}] }, 'from', 'is not before to'],
    [{ from: 'now', to: 'now', queries: [{}] }, 'from', 'is not before to'],
    [{ from: 'now-1h', timezone: 'Mars/Olympus', queries: [{}] }, 'timezone', 'IANA'],
    [{ from: 'now-1h', quries: [], queries: [{}] }, 'quries', 'no field "quries"'],
    [{ from: { $gt: 0 }, queries: [{}] }, 'from', 'found an object, expected number or string'],
    [{ from: 'now-1h', maxDataPoints: 0, queries: [{}] }, 'maxDataPoints', 'at least 1'],
  ])('%j is refused at %s', (input, path, message) => {
    const found = problem(() => checkRequest(input, NOW));
    expect(found.path).toBe(path);
    expect(found.message).toContain(message);
    expect(found.remedy).not.toBe('');
  });

  it('refuses a refId used twice, naming it', () => {
    const twice = {
      from: 'now-1h',
      queries: [
        { refId: 'A', measure: 'views' },
        { refId: 'A', measure: 'buys' },
      ],
    };
    expect(problem(() => checkRequest(twice, NOW))).toMatchObject({ code: 'DUPLICATE_REF_ID', refId: 'A', path: 'queries[1].refId' });
  });

  it('lets one wrong query spoil its own refId alone', () => {
    const checked = checkRequest({ from: 'now-1h', queries: [{ refId: 'A', measure: 7 }, { refId: 'B', measure: 'views' }, 'C'] }, NOW);
    expect(checked.queries.map((query) => query.problem?.code ?? 'fine')).toEqual(['INVALID_FIELD', 'fine', 'INVALID_FIELD']);
    expect(checked.queries[0].problem).toMatchObject({ refId: 'A', path: 'queries[0].measure' });
    expect(checked.queries[2].refId).toBe('#2');
  });
});

describe('a query', () => {
  it.each(['funnel'])('of kind %s is refused as not supported yet', (kind) => {
    const [checked] = checkRequest(body({ kind }), NOW).queries;
    expect(checked.problem).toMatchObject({ code: 'NOT_SUPPORTED_YET', refId: 'A', path: 'queries[0].kind' });
    expect(checked.problem?.message).toContain('not supported yet');
  });

  it.each([
    [{ kind: 'metrik', measure: 'views' }, 'UNKNOWN_KIND', 'queries[0].kind', 'Did you mean "metric"?'],
    [{ measure: 'vews' }, 'UNKNOWN_MEASURE', 'queries[0].measure', 'Did you mean "views"?'],
    [{ measure: 'Revenue' }, 'UNKNOWN_MEASURE', 'queries[0].measure', 'Did you mean "revenue"?'],
    [{ measure: 'views', groupBy: ['land'] }, 'UNKNOWN_DIMENSION', 'queries[0].groupBy[0]', 'Known: country, device, type.'],
    [{ measure: 'views', groupBy: ['country', 'country'] }, 'DIMENSION_TWICE', 'queries[0].groupBy', 'once'],
    [
      { measure: 'views', filters: [{ dimension: 'cuntry', value: 'DE' }] },
      'UNKNOWN_DIMENSION',
      'queries[0].filters[0].dimension',
      'Did you mean "country"?',
    ],
    [
      { measure: 'views', filters: [{ dimension: 'country', op: '==', value: 'DE' }] },
      'INVALID_FIELD',
      'queries[0].filters[0].op',
      'Did you mean',
    ],
    [{ measure: 'views', filters: [{ dimension: 'country', op: '=' }] }, 'VALUE_MISSING', 'queries[0].filters[0].value', 'empty string'],
    [
      { measure: 'views', filters: [{ dimension: 'country', values: ['DE', 'FR'] }] },
      'VALUE_MANY',
      'queries[0].filters[0].values',
      "op: 'in'",
    ],
    [
      { measure: 'views', filters: [{ dimension: 'country', op: '=~', value: '(' }] },
      'INVALID_PATTERN',
      'queries[0].filters[0].value',
      'RE2',
    ],
    [
      { measure: 'views', filters: [{ dimension: 'country', op: '=~', value: '(?=a)' }] },
      'INVALID_PATTERN',
      'queries[0].filters[0].value',
      'look-around',
    ],
    [{ measure: 'views', bucket: '5 minutes' }, 'INVALID_DURATION', 'queries[0].bucket', '5m'],
    [{ measure: 'views', stat: 'p95' }, 'UNKNOWN_STAT', 'queries[0].stat', 'count'],
    [{ measure: 'latency', stat: 'p101' }, 'UNKNOWN_STAT', 'queries[0].stat', 'p95'],
    [{ measure: 'latency', stat: ['p50', 'media'] }, 'UNKNOWN_STAT', 'queries[0].stat', 'p50'],
    [{ measure: 'views', window: { size: '5m', slide: '7s' } }, 'WINDOW_SLIDE', 'queries[0].window.slide', 'divides'],
    [{ measure: 'views', fill: 'zeros' }, 'INVALID_FIELD', 'queries[0].fill', 'Did you mean "zero"?'],
    [{ measure: 'views', gruopBy: [] }, 'UNKNOWN_FIELD', 'queries[0].gruopBy', 'Did you mean "groupBy"?'],
    [{ mesure: 'views' }, 'UNKNOWN_FIELD', 'queries[0].mesure', 'Did you mean "measure"?'],
    [
      { measure: 'views', filters: [{ key: 'device', op: '=', value: 'x' }] },
      'UNKNOWN_FIELD',
      'queries[0].filters[0].key',
      'Known: dimension, op',
    ],
    [{ measure: '' }, 'INVALID_FIELD', 'queries[0].measure', 'ask again'],
    [{ measure: 'pages' }, 'NOT_A_NUMBER', 'queries[0].measure', "kind: 'top'"],
    [{ measure: 'views', format: 'heatmap' }, 'HEATMAP_UNGROUPED', 'queries[0].groupBy', 'quantiles'],
    [{ measure: 'latency', format: 'heatmap', groupBy: ['country'] }, 'HEATMAP_GROUPED', 'queries[0].groupBy', 'filters'],
    [{ measure: 'views', limit: 0 }, 'INVALID_FIELD', 'queries[0].limit', 'ask again'],
    [{ kind: 'top', measure: 'views' }, 'NOTHING_TO_RANK', 'queries[0].by', 'dimension'],
    [{ kind: 'top', measure: 'pages', by: 'country' }, 'RANKED_TWICE', 'queries[0].by', 'Leave by out'],
    [{ kind: 'top', measure: 'pages', limit: 51 }, 'TOP_LIMIT', 'queries[0].limit', 'at most 50'],
    [{ kind: 'values', dimension: 'devise' }, 'UNKNOWN_DIMENSION', 'queries[0].dimension', 'Did you mean "device"?'],
  ])('%j is refused with %s', (query, code, path, remedy) => {
    const found = problem(() => ask(query));
    expect(found).toMatchObject({ code, refId: 'A', path });
    expect(found.remedy).toContain(remedy);
  });

  it('asks for the count of events first, and for each output once', () => {
    const { outputs, stats } = ask({ measure: 'conversion' });
    expect(outputs).toEqual([
      { component: 0, stat: 'value' },
      { component: 1, stat: 'value' },
    ]);
    expect(stats[0].formula).toEqual({ op: 'divide', numerator: { op: 'output', output: 1 }, denominator: { op: 'output', output: 0 } });
    expect(ask({ measure: 'mean_latency' }).outputs.map((output) => output.component)).toEqual([0, 5, 6]);
    expect(ask({ measure: 'latency' }).outputs.slice(1)).toEqual([
      { component: 8, stat: 'quantile', q: 0.5 },
      { component: 8, stat: 'quantile', q: 0.95 },
    ]);
    expect(ask({ measure: 'latency', stat: 'p99.9' }).outputs[1]).toEqual({ component: 8, stat: 'quantile', q: 0.999 });
  });

  it("takes the measure's window unless another or none is asked for", () => {
    expect(ask({ measure: 'active_users' }).window).toEqual({ sizeMs: 300_000, slideMs: 30_000 });
    expect(ask({ measure: 'active_users', window: 'none' }).window).toBeNull();
    expect(ask({ measure: 'views', window: { size: '10m', slide: '1m' } }).window).toEqual({ sizeMs: 600_000, slideMs: 60_000 });
  });

  it('keeps hostile strings as the plain values they are', () => {
    const hostile = `'; DROP TABLE events; -- ${'\u0000'}{{x}} \\ redis.call('FLUSHALL')`;
    const { filters } = ask({ measure: 'views', filters: [{ dimension: 'country', value: hostile }] });
    expect(filters[0].values).toEqual([hostile]);
    expect(problem(() => ask({ measure: hostile })).code).toBe('UNKNOWN_MEASURE');
    expect(problem(() => ask({ measure: '__proto__' })).code).toBe('UNKNOWN_MEASURE');
    expect(problem(() => ask({ kind: 'constructor', measure: 'views' })).code).toBe('UNKNOWN_KIND');
  });
});
