// POST /api/v1/events: takes events into the log. Says of each what was refused and why; accepted means stored.

import { z } from 'zod';
import { apiError } from '../api-error.js';
import { mediaType } from '../body.js';
import type { Collect, CollectAnswer } from '../collect.js';
import { NDJSON_TYPES, splitArray, splitLines } from '../event-split.js';
import type { QuotaKeeper } from '../quota.js';
import type { Route, RouteRequest } from '../route.js';

export const MAX_EVENTS = 50_000;

const event = z.record(z.string(), z.unknown()).describe('An event as the definition describes it.');
const answer = z.object({
  accepted: z.number().int().describe('Events stored durably.'),
  refused: z.array(
    z.object({ index: z.number().int().describe('Position in the request, from 0.'), reason: z.string(), detail: z.string() }),
  ),
});

export function eventRoutes(collect: Collect, quotas: QuotaKeeper): Route[] {
  const json = { 'application/json': answer };
  return [
    {
      method: 'POST',
      path: '/api/v1/events',
      summary: 'Send events.',
      description: `A JSON array (or one object), or one event per line as application/x-ndjson; gzip by Content-Encoding. At most ${MAX_EVENTS} events at a time.`,
      token: true,
      body: { description: 'The events.', content: { 'application/json': z.array(event), 'application/x-ndjson': null } },
      answers: {
        200: { description: 'All are stored.', content: json },
        207: { description: 'Some are stored; the others are refused for the reasons given.', content: json },
        400: { description: 'None is stored: all are refused (with the reasons), or the body cannot be read.' },
      },
      handle: async (request) => {
        const events = split(request);
        quotas.takeEvents(request.tenant, events.length);
        const done = events.length === 0 ? { accepted: 0, refused: [] } : await collect(request.tenant.name, events);
        return { status: statusOf(done), body: done.accepted === 0 && done.refused.length > 0 ? { ...nothingTaken(done), ...done } : done };
      },
    },
  ];
}

function split(request: RouteRequest): Buffer[] {
  const type = mediaType(request.headers['content-type']);
  if (NDJSON_TYPES.includes(type)) return splitLines(request.body, MAX_EVENTS);
  if (type === 'application/json' || type.endsWith('+json')) return splitArray(request.body, MAX_EVENTS);
  throw apiError(
    415,
    'UNKNOWN_TYPE',
    `Content-Type: found ${JSON.stringify(type.slice(0, 60))}, expected application/json or application/x-ndjson.`,
    "Send the header 'Content-Type: application/json' with a JSON array.",
  );
}

function statusOf({ accepted, refused }: CollectAnswer): number {
  if (refused.length === 0) return 200;
  return accepted > 0 ? 207 : 400;
}

function nothingTaken({ refused }: CollectAnswer): object {
  const first = refused[0];
  return {
    error: {
      code: 'ALL_EVENTS_REFUSED',
      message:
        refused.length === 1
          ? `The event was refused: ${first.detail}.`
          : `All ${refused.length} events were refused; the first: ${first.detail}.`,
      remedy: 'Correct what was sent; `refused` has the reason of each event.',
    },
  };
}
