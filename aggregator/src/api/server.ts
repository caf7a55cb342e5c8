// The HTTP server: registers the route table and does for every route what is the same for all: tokens, bodies, request ids,
// aborting when the client goes, errors in one form. It decides nothing about data.
// CORS is off: the preview has the same origin, and Grafana asks from its backend.

import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import fastify, { LogController, type FastifyBaseLogger, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Clock } from '../clock.js';
import type { ColdTier } from '../cold/cold-tier.js';
import type { Definition, Tenant } from '../definition/model.js';
import { TidemarkError } from '../errors.js';
import type { LiveHub } from '../live/hub.js';
import type { QueryEngine } from '../query/engine.js';
import { nearest } from '../query/problem.js';
import { apiError, refusalOf, type Refusal } from './api-error.js';
import { Authenticator, TENANT_HEADER } from './auth.js';
import { readBody } from './body.js';
import type { Collect } from './collect.js';
import { attachLive } from './live-upgrade.js';
import { QuotaKeeper } from './quota.js';
import type { Route, RouteReply } from './route.js';
import { anomalyRoutes } from './routes/anomalies.js';
import { eventRoutes } from './routes/events.js';
import { LIVE_PATH, liveRoutes } from './routes/live.js';
import { operationRoutes, type Operations } from './routes/operations.js';
import { queryRoutes } from './routes/query.js';
import { StaticFiles } from './static-files.js';

export interface ApiOptions {
  readonly def: Definition;
  readonly clock: Clock;
  readonly log: FastifyBaseLogger;
  readonly version: string;
  /** null: this process answers no queries. */
  readonly engine: QueryEngine | null;
  /** Is stopped with the server. null: this process pushes nothing. */
  readonly live?: LiveHub | null;
  /** Where watches keep what they find; null: this process answers no queries. */
  readonly anomalies?: Pick<ColdTier, 'readAnomalies'> | null;
  /** null: this process takes no events. */
  readonly collect: Collect | null;
  readonly operations: Operations;
  /** Directory of the page at `/`; '' for none. */
  readonly staticDir: string;
  /** Told of every request that was refused or failed, for metrics. */
  readonly onRefusal?: (code: string, status: number) => void;
  /** @default random UUIDs */
  readonly newRequestId?: () => string;
}

/** @returns a server that does not listen yet; `listen` with def.server, `close` waits for running requests */
export function createServer(options: ApiOptions): FastifyInstance {
  const { def, log } = options;
  const newRequestId = options.newRequestId ?? randomUUID;
  const app = fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    bodyLimit: def.server.maxBodyBytes,
    genReqId: (request) =>
      typeof request.headers['x-request-id'] === 'string' && /^[\w.-]{1,64}$/.test(request.headers['x-request-id'])
        ? request.headers['x-request-id']
        : newRequestId(),
    routerOptions: { maxParamLength: 500 },
    forceCloseConnections: 'idle',
  });
  const tenants = new WeakMap<FastifyRequest, Tenant>();
  const authenticator = new Authenticator(def);
  const routes = routeTable(options);

  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (request: FastifyRequest, payload: Readable) =>
    readBody(payload, request.headers['content-encoding'], request.headers['content-length'], def.server.maxBodyBytes),
  );
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id);
  });

  const refuse = (error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const refusal = refusalOf(error);
    noteRefusal(error, refusal, request, options);
    return reply.code(refusal.status).headers(refusal.headers).type('application/json').send(JSON.stringify(refusal.body));
  };
  app.setErrorHandler(refuse);

  for (const route of routes) {
    app.route({
      method: route.method,
      url: route.path,
      // Before the body is read: who may not ask may not upload either.
      onRequest: async (request) => {
        const authorization = request.headers.authorization;
        const header = request.headers[TENANT_HEADER];
        const tenantHeader = typeof header === 'string' ? header : undefined;
        tenants.set(request, route.token ? authenticator.tenantOf({ authorization, tenantHeader }) : def.tenants[0]);
      },
      handler: async (request, reply) => {
        const gone = abortOnClose(reply);
        const answer = await route.handle({
          tenant: tenants.get(request) ?? def.tenants[0],
          params: request.params,
          query: request.query,
          headers: request.headers,
          body: Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0),
          requestId: request.id,
          signal: gone,
        });
        return send(reply, answer);
      },
    });
  }
  serveRest(app, routes, options.staticDir);
  serveLive(app, options, authenticator);
  return app;
}

function serveLive(app: FastifyInstance, options: ApiOptions, authenticator: Authenticator): void {
  const hub = options.live ?? null;
  if (hub === null) return;
  attachLive(app.server, {
    hub,
    authenticator,
    onRefusal: (error, code, status) => {
      options.onRefusal?.(code, status);
      if (status >= 500) options.log.error({ err: error, path: LIVE_PATH }, 'upgrade failed');
    },
  });
  // Live connections do not end by themselves: the server would wait for them.
  app.addHook('preClose', () => hub.stop());
}

function routeTable(options: ApiOptions): Route[] {
  const quotas = new QuotaKeeper(options.clock);
  const routes: Route[] = [];
  if (options.engine !== null) routes.push(...queryRoutes(options.def, options.engine, quotas));
  if (options.live !== undefined && options.live !== null) routes.push(...liveRoutes(options.live));
  if (options.anomalies !== undefined && options.anomalies !== null)
    routes.push(...anomalyRoutes(options.def, options.anomalies, options.clock));
  if (options.collect !== null) routes.push(...eventRoutes(options.collect, quotas));
  routes.push(...operationRoutes(options.def, options.operations, options.version, () => routes));
  return routes;
}

/** What no route of the table answers: files, another method of a known path, or nothing. */
function serveRest(app: FastifyInstance, routes: readonly Route[], staticDir: string): void {
  const files = staticDir === '' ? null : new StaticFiles(staticDir);
  app.setNotFoundHandler(async (request, reply) => {
    const path = request.url.split('?')[0];
    const methods = routes.filter((route) => matchesPath(route.path, path)).map((route) => route.method);
    if (methods.length > 0) {
      throw apiError(405, 'METHOD_NOT_ALLOWED', `${request.method} is not possible here.`, `Use ${methods.join(' or ')}.`, {
        allow: methods.join(', '),
      });
    }
    if (files !== null && (request.method === 'GET' || request.method === 'HEAD')) {
      const file = await files.serve(path, request.headers['if-none-match']);
      if (file !== null) return send(reply, file);
      // The page has addresses of its own below `/`; a browser that opens one gets the page, which knows what to show.
      const page = isPageAddress(path, request.headers.accept) ? await files.serve('/', request.headers['if-none-match']) : null;
      if (page !== null) return send(reply, page);
    }
    const near = nearest(
      path,
      routes.map((route) => route.path),
    );
    throw apiError(
      404,
      'NOT_FOUND',
      `There is nothing at ${path.slice(0, 200)}.`,
      `${near === null ? '' : `Did you mean ${near}? `}GET /api/v1/openapi.json lists what there is.`,
    );
  });
}

/** Asked for by a person's browser, and neither an API's path nor a file's name. */
function isPageAddress(path: string, accept: string | undefined): boolean {
  return accept?.includes('text/html') === true && !path.startsWith('/api/') && !(path.split('/').at(-1) ?? '').includes('.');
}

function matchesPath(pattern: string, path: string): boolean {
  const [wanted, found] = [pattern.split('/'), path.split('/')];
  return wanted.length === found.length && wanted.every((part, index) => part.startsWith(':') || part === found[index]);
}

function send(reply: FastifyReply, answer: RouteReply): FastifyReply {
  reply.code(answer.status ?? 200);
  if (typeof answer.body === 'string' || Buffer.isBuffer(answer.body) || answer.body instanceof Readable)
    return reply.headers(answer.headers ?? {}).send(answer.body);
  return reply
    .headers(answer.headers ?? {})
    .type('application/json; charset=utf-8')
    .send(JSON.stringify(answer.body));
}

/** The response closes before it is written only when the client goes away. */
function abortOnClose(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) controller.abort(new TidemarkError('cancelled', 'CLIENT_GONE', 'The client closed the connection.'));
  });
  return controller.signal;
}

/** Faults go to the log with their cause; refusals are the asker's own business and only counted. */
function noteRefusal(error: unknown, refusal: Refusal, request: FastifyRequest, options: ApiOptions): void {
  options.onRefusal?.(refusal.body.error.code, refusal.status);
  if (refusal.status >= 500) request.log.error({ err: error, method: request.method, path: request.url.split('?')[0] }, 'request failed');
}
