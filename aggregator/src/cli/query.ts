// `tidemark query`: one measure from a running aggregator, as a table, CSV or JSON.

import { z } from 'zod';
import { TidemarkError } from '../errors.js';
import { request } from './client.js';
import { EXIT } from './exit-codes.js';
import type { Io } from './io.js';
import { readToken } from './status.js';
import { table } from './table.js';

/** Rows of a table whose bucket is chosen automatically. */
const TABLE_ROWS = 60;

export interface QueryOptions {
  readonly url: string;
  readonly tokenFile?: string;
  readonly from: string;
  readonly to: string;
  readonly bucket: string;
  readonly by?: string;
  readonly filter?: readonly string[];
  readonly stat?: string;
  readonly total?: boolean;
  readonly top?: string;
  readonly compare?: string;
  readonly format: 'table' | 'csv' | 'json';
}

/** What is used of the API's answer; it has more. */
const answerSchema = z.object({
  results: z.record(
    z.string(),
    z.object({
      status: z.number(),
      error: z.string().optional(),
      frames: z.array(
        z.object({
          schema: z.object({
            meta: z
              .object({
                notices: z.array(z.object({ text: z.string() })).optional(),
                custom: z
                  .object({
                    partialFrom: z.number().nullish(),
                    plan: z.object({ bucketMs: z.number() }).optional(),
                    error: z.object({ code: z.string(), message: z.string(), remedy: z.string() }).optional(),
                  })
                  .optional(),
              })
              .optional(),
            fields: z.array(
              z.object({ name: z.string(), type: z.string(), config: z.object({ displayNameFromDS: z.string().optional() }).optional() }),
            ),
          }),
          data: z.object({ values: z.array(z.array(z.union([z.number(), z.string(), z.null()]))) }),
        }),
      ),
    }),
  ),
});

type Frame = z.infer<typeof answerSchema>['results'][string]['frames'][number];

export async function query(measure: string, options: QueryOptions, io: Io): Promise<number> {
  const body = {
    from: timeOf(options.from),
    to: timeOf(options.to),
    // Rows for people to look at; a program that reads CSV or JSON gets the API's own default.
    ...(options.format === 'table' ? { maxDataPoints: TABLE_ROWS } : {}),
    queries: [
      {
        refId: 'A',
        kind: options.top !== undefined && options.by === undefined ? 'top' : 'metric',
        measure,
        ...(options.stat === undefined ? {} : { stat: options.stat }),
        ...(options.filter === undefined ? {} : { filters: options.filter.map(parseFilter) }),
        ...(options.top === undefined ? {} : { limit: wholeNumber('--top', options.top) }),
        ...(options.by === undefined ? {} : { groupBy: options.by.split(',').map((name) => name.trim()) }),
        ...(options.top !== undefined && options.by === undefined
          ? {}
          : {
              ...(options.total === true ? { format: 'total' } : { bucket: options.bucket }),
              ...(options.compare === undefined ? {} : { compareWith: options.compare }),
            }),
      },
    ],
  };
  const response = await request({ url: options.url, token: readToken(options.tokenFile ?? '', io) }, '/api/v1/query', { body });
  const answered: unknown = await response.json();
  const answer = answerSchema.parse(answered);
  const result = answer.results['A'];
  if (result.error !== undefined) {
    const problem = result.frames[0]?.schema.meta?.custom?.error ?? { code: 'QUERY_FAILED', message: result.error, remedy: '' };
    throw new TidemarkError(result.status >= 500 ? 'unavailable' : 'invalid', problem.code, inOptions(problem.message), remedyOf(problem));
  }
  if (options.format === 'json') {
    io.stdout.write(`${JSON.stringify(answered, null, 2)}\n`);
    return EXIT.ok;
  }
  for (const frame of result.frames) {
    const rows = rowsOf(frame);
    io.stdout.write(
      options.format === 'csv'
        ? rows.map((row) => `${row.map(csvCell).join(',')}\r\n`).join('')
        : `${table(rows, numericColumns(frame))}\n`,
    );
    for (const notice of [...(frame.schema.meta?.notices ?? []).map(({ text }) => text), ...unfinished(frame)]) {
      io.stderr.write(`note: ${notice}\n`);
    }
  }
  return EXIT.ok;
}

/** The API names places in the request's body, which nobody wrote here. */
function inOptions(message: string): string {
  return message.replace(/^queries\[0\]\./, '');
}

function remedyOf({ code, remedy }: { readonly code: string; readonly remedy: string }): string {
  return code === 'NOT_A_NUMBER' ? 'Add --top 10.' : remedy;
}

/** A total says nothing of its newest bucket: it has none. */
function unfinished(frame: Frame): string[] {
  const custom = frame.schema.meta?.custom;
  const partialFrom = custom?.partialFrom ?? null;
  if (partialFrom === null || (custom?.plan?.bucketMs ?? 0) === 0 || frame.schema.fields.length === 0) return [];
  return [`unfinished from ${new Date(partialFrom).toISOString()} on; events may still come`];
}

/** `country=DE`, `device!=phone`, `category=~shoe.*`, `country=DE|FR` is two values. */
function parseFilter(text: string): { dimension: string; op: string; values: string[] } {
  const match = /^([A-Za-z_][A-Za-z0-9_]*)\s*(=~|!~|!=|=)(.*)$/s.exec(text);
  if (match === null) {
    throw new TidemarkError(
      'invalid',
      'FILTER',
      `--filter: found ${JSON.stringify(text)}, expected DIMENSION=VALUE, !=, =~ or !~.`,
      'For example: --filter country=DE',
    );
  }
  const [, dimension, op, value] = match;
  if (op === '=~' || op === '!~') {
    return { dimension, op, values: [value] };
  }
  const values = value.split('|');
  return { dimension, op: values.length === 1 ? op : op === '=' ? 'in' : 'not in', values };
}

function timeOf(text: string): number | string {
  return /^\d+$/.test(text) ? Number(text) : text;
}

function wholeNumber(option: string, text: string): number {
  if (!/^\d+$/.test(text)) {
    throw new TidemarkError('invalid', 'OPTION', `${option}: found ${JSON.stringify(text)}, expected a whole number.`);
  }
  return Number(text);
}

function rowsOf(frame: Frame): string[][] {
  const fields = frame.schema.fields;
  const head = fields.map((f) => f.config?.displayNameFromDS ?? f.name);
  const count = frame.data.values[0]?.length ?? 0;
  const rows = Array.from({ length: count }, (_, i) =>
    fields.map((field, f) => {
      const value = frame.data.values[f][i];
      return value === null ? '' : field.type === 'time' ? new Date(Number(value)).toISOString() : String(value);
    }),
  );
  return fields.length === 0 ? [['no data']] : [head, ...rows];
}

function numericColumns(frame: Frame): Set<number> {
  return new Set(frame.schema.fields.flatMap((f, i) => (f.type === 'number' ? [i] : [])));
}

function csvCell(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
