// The API's description, OpenAPI 3.1, from the route table and the zod schemas that check the requests.

import { z } from 'zod';
import type { Route, RouteContent } from './route.js';

const errorSchema = z.object({
  error: z.object({
    code: z.string().describe('Stable, upper snake case.'),
    message: z.string().describe('What was found and what was expected.'),
    remedy: z.string().describe('What can be done about it.'),
    refId: z.string().optional().describe('The query that is wrong.'),
    path: z.string().optional().describe('Where in the request, e.g. queries[0].filters[1].op.'),
  }),
});

const REFUSALS: Readonly<Record<number, string>> = {
  400: 'The request cannot be used.',
  401: 'No valid token.',
  403: "Not this token's tenant.",
  413: 'The body is too large.',
  415: 'The body is of a type or encoding that is not understood.',
  429: 'A quota is used up; Retry-After says when to come back.',
};

type Json = Record<string, unknown>;

/** @returns the document, ready to be sent */
export function openApi(routes: readonly Route[], name: string, version: string): Json {
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    const path = route.path.replace(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(route) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: `Tidemark: ${name}`,
      version,
      description:
        'Hot windows and history through one query API. Times are epoch milliseconds, ISO 8601 or relative (now-5m); durations are 30s, 5m, 1h, 1d, 1w.',
    },
    paths,
    components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } }, schemas: { Error: jsonSchema(errorSchema) } },
  };
}

function operation(route: Route): Json {
  const refusals = Object.entries(REFUSALS).filter(([status]) => refusalApplies(route, Number(status)) && !(status in route.answers));
  return {
    summary: route.summary,
    description: route.description,
    operationId: `${route.method.toLowerCase()}${route.path.replace(/\W+(\w)/g, (_, letter: string) => letter.toUpperCase()).replace(/\W/g, '')}`,
    ...(route.token ? { security: [{ token: [] }] } : {}),
    ...(route.params === undefined && route.query === undefined
      ? {}
      : { parameters: [...parameters(route.params, 'path'), ...parameters(route.query, 'query')] }),
    ...(route.body === undefined ? {} : { requestBody: { required: true, ...content(route.body, 'input') } }),
    responses: {
      ...Object.fromEntries(Object.entries(route.answers).map(([status, answer]) => [status, content(answer, 'output')])),
      ...Object.fromEntries(
        refusals.map(([status, description]) => [
          status,
          { description, content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } } },
        ]),
      ),
    },
  };
}

function refusalApplies(route: Route, status: number): boolean {
  if (status === 401 || status === 403) return route.token;
  if (status === 413 || status === 415) return route.body !== undefined;
  return status === 429 ? route.token : route.body !== undefined || route.query !== undefined;
}

function parameters(schema: z.ZodObject | undefined, where: 'path' | 'query'): Json[] {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = z.toJSONSchema(schema, { io: 'input' });
  return Object.entries(properties).map(([name, property]) => {
    const description = typeof property === 'object' && property.description !== undefined ? { description: property.description } : {};
    return { name, in: where, required: required.includes(name), ...description, schema: property };
  });
}

function content(answer: RouteContent, io: 'input' | 'output'): Json {
  const types = Object.entries(answer.content ?? {});
  const described = types.map(([type, schema]) => [type, schema === null ? {} : { schema: jsonSchema(schema, io) }]);
  return { description: answer.description, ...(types.length === 0 ? {} : { content: Object.fromEntries(described) }) };
}

function jsonSchema(schema: z.ZodType, io: 'input' | 'output' = 'output'): Json {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io });
  return rest;
}
