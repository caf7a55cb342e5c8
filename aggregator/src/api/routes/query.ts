// POST /api/v1/query and GET /api/v1/series/{measure}: the query engine over HTTP.

import { z } from 'zod';
import type { Definition } from '../../definition/model.js';
import { FailedQuery, type QueryEngine } from '../../query/engine.js';
import { problemOf, QueryProblem } from '../../query/problem.js';
import { queryRequestSchema } from '../../query/request.js';
import { ApiError } from '../api-error.js';
import { parseJson } from '../body.js';
import type { QuotaKeeper } from '../quota.js';
import { checkParameters, type Route, type RouteReply, type RouteRequest } from '../route.js';
import { problemInParameters, queryBodyOf, seriesCsv, seriesJson, seriesParams, seriesQuery } from '../series-query.js';

const frameSchema = z.object({
  schema: z.object({ refId: z.string(), meta: z.record(z.string(), z.unknown()), fields: z.array(z.record(z.string(), z.unknown())) }),
  data: z.object({ values: z.array(z.array(z.union([z.number(), z.string(), z.null()]))) }),
});

const answerSchema = z.object({
  results: z.record(
    z.string().describe('refId'),
    z.object({
      status: z.number().int(),
      error: z.string().optional(),
      frames: z.array(frameSchema).describe("Grafana data frames; a refused query's problem stands in schema.meta.custom.error."),
    }),
  ),
});

const seriesAnswerSchema = z.object({
  measure: z.string(),
  unit: z.string(),
  bucketMs: z.number(),
  effectiveRange: z.object({ fromMs: z.number(), toMs: z.number() }),
  partialFrom: z.number().nullable().describe('First bucket that is not finished, epoch ms.'),
  notices: z.array(z.string()),
  series: z.array(
    z.object({ name: z.string(), labels: z.record(z.string(), z.string()), points: z.array(z.tuple([z.number(), z.number().nullable()])) }),
  ),
});

export function queryRoutes(def: Definition, engine: QueryEngine, quotas: QuotaKeeper): Route[] {
  return [
    {
      method: 'POST',
      path: '/api/v1/query',
      summary: 'Ask several queries of one time range.',
      description:
        "Each refId has a status of its own: one that is wrong does not spoil the others. The plan, the freshness and the first unfinished bucket stand in each frame's schema.meta.custom.",
      token: true,
      body: { description: 'The range and the queries.', content: { 'application/json': queryRequestSchema } },
      answers: { 200: { description: 'A status and data frames by refId.', content: { 'application/json': answerSchema } } },
      handle: async (request) => {
        const body = parseJson(request.body, request.headers['content-type']);
        return withQuota(quotas, request, countQueries(body), async () => ({
          body: await engine.run(request.tenant, body, request.signal),
        }));
      },
    },
    {
      method: 'GET',
      path: '/api/v1/series/:measure',
      summary: 'One measure as plain series, JSON or CSV.',
      description:
        'CSV by Accept: text/csv or format=csv (RFC 4180; values are not altered, so import the columns as text when a spreadsheet opens values that look like formulas).',
      token: true,
      params: seriesParams,
      query: seriesQuery,
      answers: {
        200: { description: 'The series.', content: { 'application/json': seriesAnswerSchema, 'text/csv': null } },
        404: { description: 'There is no such measure.' },
      },
      handle: (request) => withQuota(quotas, request, 1, () => series(def, engine, request)),
    },
  ];
}

async function series(def: Definition, engine: QueryEngine, request: RouteRequest): Promise<RouteReply> {
  const { measure } = checkParameters(seriesParams, request.params);
  const query = checkParameters(seriesQuery, request.query);
  const body = queryBodyOf(measure, query);
  try {
    const frame = await engine.runOne(request.tenant, body, request.signal);
    if (!wantsCsv(query.format, request.headers.accept)) return { body: seriesJson(measure, frame) };
    const dimensions = query.dimensions
      .split(',')
      .map((name) => name.trim())
      .filter((name) => def.dimensions.some((dimension) => dimension.name === name));
    const headers = {
      'content-type': 'text/csv; charset=utf-8; header=present',
      'content-disposition': `attachment; filename="${measure.replace(/[^\w.-]/g, '_')}.csv"`,
      'x-content-type-options': 'nosniff',
    };
    return { headers, body: seriesCsv(dimensions, query.compareWith !== undefined, frame) };
  } catch (error) {
    if (error instanceof FailedQuery) {
      const status = error.problem.code === 'UNKNOWN_MEASURE' ? 404 : error.status;
      throw new ApiError(status, problemInParameters(error.problem));
    }
    if (error instanceof QueryProblem) throw new ApiError(400, problemInParameters(problemOf(error)));
    throw error;
  }
}

function wantsCsv(format: 'json' | 'csv' | undefined, accept: string | undefined): boolean {
  if (format !== undefined) return format === 'csv';
  const types = (accept ?? '').split(',').map((type) => type.split(';')[0].trim().toLowerCase());
  return types.includes('text/csv') && !types.includes('application/json');
}

/** At least one: a body without queries is refused, but not for free. */
function countQueries(body: unknown): number {
  const queries: unknown = typeof body === 'object' && body !== null && 'queries' in body ? body.queries : null;
  return Array.isArray(queries) ? Math.max(1, queries.length) : 1;
}

async function withQuota(quotas: QuotaKeeper, request: RouteRequest, count: number, run: () => Promise<RouteReply>): Promise<RouteReply> {
  const end = quotas.beginQueries(request.tenant, count);
  try {
    return await run();
  } finally {
    end();
  }
}
