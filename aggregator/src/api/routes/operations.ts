// For people and programs that look after a process: is it alive, is it ready, what does it do, what can be asked.

import { z } from 'zod';
import type { Definition } from '../../definition/model.js';
import { within } from '../../query/patience.js';
import { openApi } from '../openapi.js';
import type { Route } from '../route.js';

/** One thing a process needs, and how it is. */
export interface Dependency {
  readonly name: string;
  readonly ok: boolean;
  /** For people: version, round trip, or what is wrong and what to do. */
  readonly detail: string;
}

export interface Operations {
  /** Each dependency of this process, asked now. */
  ready(): Promise<readonly Dependency[]>;
  status(): Promise<object>;
  catalog(): object;
  /** Prometheus text format and its content type. */
  metrics(): Promise<{ readonly text: string; readonly contentType: string }>;
}

const dependencies = z.object({
  ready: z.boolean(),
  dependencies: z.array(z.object({ name: z.string(), ok: z.boolean(), detail: z.string() })),
});
const object = { 'application/json': z.record(z.string(), z.unknown()) };
/** Longer than any store should take to say that it is there. */
const READY_PATIENCE_MS = 3_000;

export function operationRoutes(def: Definition, operations: Operations, version: string, table: () => readonly Route[]): Route[] {
  const get = (
    path: string,
    token: boolean,
    summary: string,
    description: string,
    answers: Route['answers'],
    handle: Route['handle'],
  ): Route => ({ method: 'GET', path, token, summary, description, answers, handle });
  return [
    get(
      '/healthz',
      false,
      'Is the process alive?',
      'Answers as long as the process can answer anything; asks no store.',
      { 200: { description: 'It is.', content: object } },
      async () => ({ body: { alive: true } }),
    ),
    get(
      '/readyz',
      false,
      'Can the process do its work?',
      'Each dependency with detail.',
      {
        200: { description: 'All are there.', content: { 'application/json': dependencies } },
        503: { description: 'Some are not.', content: { 'application/json': dependencies } },
      },
      async () => {
        const list = await patiently(operations.ready());
        const ready = list.every((dependency) => dependency.ok);
        return { status: ready ? 200 : 503, headers: { 'cache-control': 'no-store' }, body: { ready, dependencies: list } };
      },
    ),
    get(
      '/metrics',
      false,
      'Metrics for Prometheus.',
      'Text format.',
      { 200: { description: 'The metrics.', content: { 'text/plain': null } } },
      async () => {
        const { text, contentType } = await operations.metrics();
        return { headers: { 'content-type': contentType }, body: text };
      },
    ),
    get(
      '/api/v1/status',
      true,
      'How the process stands.',
      'Partitions with lag and watermark, the ledger, both tiers.',
      { 200: { description: 'The state now.', content: object } },
      async () => ({ headers: { 'cache-control': 'no-store' }, body: await operations.status() }),
    ),
    get(
      '/api/v1/catalog',
      true,
      'What can be asked.',
      'Measures, dimensions, groupings, retention, limits, and examples to try.',
      { 200: { description: 'The catalogue.', content: object } },
      async () => ({ body: operations.catalog() }),
    ),
    get(
      '/api/v1/openapi.json',
      false,
      'This description.',
      'OpenAPI 3.1.',
      { 200: { description: 'The document.', content: object } },
      async () => ({ body: openApi(table(), def.name, version) }),
    ),
  ];
}

async function patiently(asked: Promise<readonly Dependency[]>): Promise<readonly Dependency[]> {
  const waited = await within(asked, READY_PATIENCE_MS);
  return waited.late ? [{ name: 'check', ok: false, detail: `A dependency did not answer within ${READY_PATIENCE_MS} ms.` }] : waited.value;
}
