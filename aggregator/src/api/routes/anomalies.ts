// GET /api/v1/anomalies: what watches have found, for people with curl and for other systems.

import { z } from 'zod';
import type { Clock } from '../../clock.js';
import type { ColdTier } from '../../cold/cold-tier.js';
import type { Definition } from '../../definition/model.js';
import { invalid, quote, suggestion } from '../../query/problem.js';
import { checkRange } from '../../query/request.js';
import { checkParameters, type Route } from '../route.js';

const parameters = z.strictObject({
  start: z.string().min(1).max(64).default('now-24h').describe('Epoch milliseconds, ISO 8601, or relative such as now-6h.'),
  end: z.string().min(1).max(64).default('now'),
  watch: z.string().max(2_000).default('').describe("Names of watches, comma-separated. Default: all of the definition's."),
  minScore: z.coerce.number().min(0).max(1).default(0),
  limit: z.coerce.number().int().min(1).max(10_000).default(100),
});

const answer = z.object({
  anomalies: z.array(
    z.object({
      watch: z.string(),
      labels: z.record(z.string(), z.string()).describe('The series.'),
      from: z.number().describe('Begin, epoch ms.'),
      to: z.number().describe('End of its last bucket so far, epoch ms.'),
      durationMs: z.number(),
      open: z.boolean().describe('Not over yet.'),
      peak: z.object({ at: z.number(), value: z.number().nullable(), expected: z.number().nullable(), score: z.number() }),
      reason: z.string(),
      contributors: z.array(
        z.object({
          dimension: z.string(),
          value: z.string(),
          change: z.number(),
          share: z.number().nullable().describe('Part of the whole change.'),
        }),
      ),
    }),
  ),
});

export function anomalyRoutes(def: Definition, cold: Pick<ColdTier, 'readAnomalies'>, clock: Clock): Route[] {
  return [
    {
      method: 'GET',
      path: '/api/v1/anomalies',
      summary: 'What the watches found, newest first.',
      description: 'Episodes that overlap the range, with the worst bucket, the reason, and the dimension values that contributed most.',
      token: true,
      query: parameters,
      answers: { 200: { description: 'The episodes.', content: { 'application/json': answer } } },
      handle: async (request) => {
        const { start, end, watch, minScore, limit } = checkParameters(parameters, request.query);
        const range = checkRange(start, end, clock.now(), 'UTC', ['start', 'end']);
        const watches = watch.split(',').filter((name) => name !== '');
        const known = def.watches.map(({ name }) => name);
        const strange = watches.find((name) => !known.includes(name));
        if (strange !== undefined) {
          const remedy = known.length === 0 ? 'The definition has no watches.' : suggestion(strange, known, 'watch');
          throw invalid('UNKNOWN_WATCH', `watch: there is no watch ${quote(strange)}.`, remedy, { path: 'watch' });
        }
        const records = await cold.readAnomalies({
          tenant: request.tenant.name,
          ...range,
          watches,
          minScore,
          limit,
          signal: request.signal,
        });
        return {
          body: {
            anomalies: records.map((record) => ({
              watch: record.watch,
              labels: record.labels,
              from: record.fromMs,
              to: record.toMs,
              durationMs: record.toMs - record.fromMs,
              open: record.open,
              peak: { at: record.peakMs, value: record.value, expected: record.expected, score: record.score },
              reason: record.reason,
              contributors: record.contributors,
            })),
          },
        };
      },
    },
  ];
}
