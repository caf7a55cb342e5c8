// One route of the API: what it is called, what it takes and gives, and what it does. The server registers the table, and
// openapi.ts writes it down, so that the description cannot differ from what is served.

import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import type { z } from 'zod';
import type { Tenant } from '../definition/model.js';
import { problemOfSchema, QueryProblem } from '../query/problem.js';

export interface RouteRequest {
  /** The token's; of routes without a token the first. */
  readonly tenant: Tenant;
  readonly params: unknown;
  readonly query: unknown;
  readonly headers: IncomingHttpHeaders;
  /** Inflated; empty where there is none. */
  readonly body: Buffer;
  readonly requestId: string;
  /** Aborts when the client has gone. */
  readonly signal: AbortSignal;
}

export interface RouteReply {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** A stream goes out as it comes, any other object as JSON. */
  readonly body: object | string | Buffer | Readable;
}

export interface RouteContent {
  readonly description: string;
  /** By media type: what it is. */
  readonly content?: Readonly<Record<string, z.ZodType | null>>;
}

export interface Route {
  readonly method: 'GET' | 'POST';
  /** Path with parameters as `:name`. */
  readonly path: string;
  readonly summary: string;
  readonly description: string;
  /** Needs a token where the definition has any. */
  readonly token: boolean;
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly body?: RouteContent;
  readonly answers: Readonly<Record<number, RouteContent>>;
  handle(request: RouteRequest): Promise<RouteReply>;
}

/**
 * Checks parameters by their schema.
 * @throws QueryProblem naming the parameter, what was found and what was expected
 */
export function checkParameters<T extends z.ZodObject>(schema: T, input: unknown): z.infer<T> {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  const problem = problemOfSchema(parsed.error, input, '', () => Object.keys(schema.shape));
  throw new QueryProblem(
    'invalid',
    problem.code.replace('_FIELD', '_PARAMETER'),
    problem.message.replace('there is no field', 'there is no parameter'),
    problem.remedy.replace('Correct the field', 'Correct the parameter'),
    problem.path === undefined ? {} : { path: problem.path },
  );
}
