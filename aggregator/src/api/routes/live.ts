// GET /api/v1/live: the live API. As server-sent events it is a route like any other; a WebSocket comes in by live-upgrade.ts.

import { z } from 'zod';
import type { LiveHub } from '../../live/hub.js';
import { sseParameters, type ServerMessage } from '../../live/protocol.js';
import { openEventStream } from '../../live/sse.js';
import { invalid } from '../../query/problem.js';
import { apiError } from '../api-error.js';
import { checkParameters, type Route, type RouteRequest } from '../route.js';

export const LIVE_PATH = '/api/v1/live';

const MESSAGES: readonly ServerMessage['type'][] = ['snapshot', 'delta', 'error', 'heartbeat', 'dropped'];

export function liveRoutes(hub: LiveHub): Route[] {
  return [
    {
      method: 'GET',
      path: LIVE_PATH,
      summary: 'Follow a query as its answer changes.',
      description: `WebSocket (an upgrade request; any number of subscriptions as JSON messages), or server-sent events by Accept: text/event-stream or transport=sse (one subscription, in the parameters). Messages: ${MESSAGES.join(', ')}; see docs/live.md.`,
      token: true,
      query: sseParameters,
      answers: {
        101: { description: 'A WebSocket.' },
        200: { description: 'Events named by the type of their message.', content: { 'text/event-stream': z.string() } },
        426: { description: 'Neither a WebSocket nor server-sent events were asked for.' },
      },
      handle: async (request) => {
        if (!wantsEvents(request)) {
          throw apiError(
            426,
            'UPGRADE_REQUIRED',
            'This address speaks WebSocket and server-sent events.',
            "Open it as a WebSocket, or send 'Accept: text/event-stream' (or transport=sse) with the parameters query and spanMs.",
            { upgrade: 'websocket' },
          );
        }
        const { query, spanMs, resume, id } = checkParameters(sseParameters, request.query);
        const seen = request.headers['last-event-id'];
        const cursor = typeof seen === 'string' && seen !== '' ? seen : resume;
        const body = openEventStream(hub, request.tenant, { id, query: parseQuery(query), spanMs, resume: cursor });
        const headers = {
          'content-type': 'text/event-stream; charset=utf-8',
          'cache-control': 'no-cache, no-transform',
          'x-accel-buffering': 'no',
        };
        return { headers, body };
      },
    },
  ];
}

function wantsEvents(request: RouteRequest): boolean {
  if (typeof request.query === 'object' && request.query !== null && Reflect.get(request.query, 'transport') === 'sse') return true;
  return (request.headers.accept ?? '').split(',').some((type) => type.split(';')[0].trim().toLowerCase() === 'text/event-stream');
}

function parseQuery(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw invalid(
      'INVALID_PARAMETER',
      `query: found ${JSON.stringify(text.slice(0, 80))}, expected a query as JSON.`,
      'Send the query of POST /api/v1/query as URL-encoded JSON.',
      { path: 'query' },
    );
  }
}
