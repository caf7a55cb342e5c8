// The shape of tidemark.yaml: one zod schema that checks the file, types the checked input, gives environment variables their
// names and is published as JSON Schema for editors. Strict everywhere: an unknown key is an error, never ignored.
// No transforms, so that what is published is exactly what is checked; meaning is added in check.ts and compile.ts.

import { z } from 'zod';
import { detectorSchema } from '../anomaly/detector-schema.js';
import { connectionSections } from './schema-connections.js';
import { bytes, duration, stringList, text, wholeNumber, eventPath, NAME_PATTERN } from './schema-values.js';

const comparable = z.union([z.string(), z.number(), z.boolean()], { error: 'a text, a number, true or false' });
const comparables = z.array(comparable).min(1, { error: 'at least one value' });
const numberOnly = (description: string) => z.number({ error: 'a number' }).optional().describe(description);

const comparison = z.strictObject({
  in: comparables.optional().describe('The value is one of these.'),
  not: z
    .union([comparable, comparables], { error: 'a value or a list of values' })
    .optional()
    .describe('The value is there and is none of these.'),
  gt: numberOnly('Greater than.'),
  gte: numberOnly('Greater than or equal.'),
  lt: numberOnly('Less than.'),
  lte: numberOnly('Less than or equal.'),
  exists: z.boolean({ error: 'true or false' }).optional().describe('true: the event has a value here; false: it has none.'),
});

const where = z
  .record(
    z.string(),
    z.union([comparable, comparables, comparison], { error: 'a value, a list of values, or a comparison such as {gte: 500, lt: 600}' }),
  )
  .optional()
  .describe(
    'Only events that fulfil every line count. Keys are paths in the event (dots for nesting) or names of event roles and dimensions; `$.name` always means the path.',
  );

const window = z
  .strictObject({
    size: duration('How long the sliding window is.'),
    slide: duration('How far it moves at a time: a whole number of seconds that divides the size.'),
  })
  .optional()
  .describe('Sliding form: the value at t covers the time from t - size to t.');

const shared = {
  description: text('Shown in the catalogue.').optional(),
  unit: text('A Grafana unit id, e.g. ms, currencyEUR, percentunit, bytes.').optional(),
  window,
};
const decimals = wholeNumber(0, 9).optional().describe('Decimals kept of the field (sums are exact in these). Default 3.');
const numberField = eventPath('The number in the event: a path, or the name of an event role or dimension.');

export const measureSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('count').describe('How many events.'), ...shared, where }),
  z.strictObject({ kind: z.literal('sum').describe('The sum of a number.'), field: numberField, decimals, ...shared, where }),
  z.strictObject({ kind: z.literal('min').describe('The smallest value of a number.'), field: numberField, decimals, ...shared, where }),
  z.strictObject({ kind: z.literal('max').describe('The largest value of a number.'), field: numberField, decimals, ...shared, where }),
  z.strictObject({
    kind: z.literal('avg').describe('The mean of a number over the events that have it.'),
    field: numberField,
    decimals,
    ...shared,
    where,
  }),
  z.strictObject({
    kind: z.literal('unique').describe('How many distinct values (HyperLogLog, within 2 %).'),
    field: eventPath('What is counted distinctly, e.g. user_id.'),
    ...shared,
    where,
  }),
  z.strictObject({
    kind: z.literal('quantiles').describe('Quantiles of a number (DDSketch, within 1 % of the value).'),
    field: numberField,
    decimals,
    quantiles: z
      .array(z.number({ error: 'a number between 0 and 1' }), { error: 'a list such as [0.5, 0.95, 0.99]' })
      .min(1, { error: 'at least one quantile' })
      .max(16, { error: 'at most 16 quantiles' })
      .default([0.5, 0.95, 0.99])
      .describe('Quantiles offered by name (p50, p95, …), each between 0 and 1.'),
    ...shared,
    where,
  }),
  z.strictObject({
    kind: z.literal('top').describe('The heaviest items.'),
    field: eventPath('The item, e.g. product.id.'),
    weight: eventPath('The number added per item; without it events are counted.').optional(),
    decimals,
    limit: wholeNumber(1, 1_000).default(10).describe('Items answered unless a query asks for another number.'),
    keep: wholeNumber(10, 10_000).optional().describe('Items kept per series and bucket. Default: ten times the limit, at least 100.'),
    ...shared,
    where,
  }),
  z.strictObject({
    kind: z.literal('ratio').describe('One measure divided by another.'),
    of: text('The measure on top: a count, sum or unique.'),
    to: text('The measure below: a count, sum or unique.'),
    ...shared,
  }),
]);

const dimensionSchema = z.union(
  [
    z.null(),
    z.string(),
    z.strictObject({
      path: eventPath("Where the value stands in the event. Default: the dimension's name.").optional(),
      cap: wholeNumber(1, 1_000_000).default(1_000).describe('Distinct values kept; beyond it values are counted under `__other__`.'),
    }),
  ],
  { error: 'a map such as {path: geo.country, cap: 300}, a path, or nothing' },
);

const eventSchema = z
  .strictObject({
    id: eventPath('The unique id of an event; duplicates are found by it.').optional(),
    time: z
      .union(
        [
          eventPath('Where the event time stands.'),
          z.strictObject({
            path: eventPath('Where the event time stands.'),
            format: z
              .enum(['auto', 'iso8601', 's', 'ms', 'us'])
              .default('auto')
              .describe('auto recognises ISO 8601 and epoch seconds, milliseconds and microseconds by their size.'),
          }),
        ],
        { error: 'a path such as ts, or {path: ts, format: auto}' },
      )
      .describe('When the event happened.'),
    type: eventPath('What kind of event it is, e.g. page_view.').optional(),
    user: eventPath('Who did it.').optional(),
    session: eventPath('The visit it belongs to.').optional(),
    tenant: eventPath('Which tenant it belongs to; without it all events are the first tenant’s.').optional(),
  })
  .describe('Where the parts that every event has stand in it: paths into the (nested) JSON, dots between keys.');

const groupingSchema = z.union(
  [
    z.array(z.string(), { error: 'a list of dimension names' }),
    z.string(),
    z.strictObject({
      dimensions: z
        .array(z.string(), { error: 'a list of dimension names' })
        .min(1, { error: 'at least one dimension' })
        .describe('The dimensions.'),
      hot: z.boolean({ error: 'true or false' }).default(true).describe('false: kept in the cold tier only.'),
    }),
  ],
  { error: 'a list of dimension names such as [country, device], {dimensions: [...], hot: false}, or one of none, all' },
);

const watchSchema = z.strictObject({
  description: text('Shown with its anomalies.').optional(),
  measure: text('The measure that is judged.'),
  stat: text('Which quantile of a measure of kind quantiles, e.g. p95.').optional(),
  groupBy: z
    .array(z.string(), { error: 'a list of dimension names' })
    .max(8, { error: 'at most 8 dimensions' })
    .default([])
    .describe('One series per combination of their values, each judged by itself.'),
  filters: z
    .record(z.string(), z.union([comparable, comparables], { error: 'a value or a list of values' }))
    .default({})
    .describe('Only these values of dimensions, e.g. {country: [DE, FR]}.'),
  bucket: duration('Length of the judged buckets.').default('1m'),
  detector: detectorSchema.prefault({}).describe('How it is judged.'),
  history: duration('How much the detector learns from. Default: by the bucket, 2d for 1m, 7d for 5m, 28d for 1h.').optional(),
  explain: z
    .array(z.string(), { error: 'a list of dimension names' })
    .max(8, { error: 'at most 8 dimensions' })
    .optional()
    .describe('Dimensions whose values are compared to say what contributed most. Default: all that groupBy does not name.'),
});

const quotas = z
  .strictObject({
    queriesInFlight: wholeNumber(0, 100_000).default(64).describe('Queries running at once.'),
    queriesPerSecond: z.number({ error: 'a number' }).min(0, { error: 'at least 0' }).default(0).describe('Queries started per second.'),
    seriesPerQuery: wholeNumber(0, 1_000_000).default(10_000).describe('Series in one answer.'),
    ingestEventsPerSecond: z
      .number({ error: 'a number' })
      .min(0, { error: 'at least 0' })
      .default(0)
      .describe('Events accepted by HTTP collect per second.'),
    liveSubscriptions: wholeNumber(0, 1_000_000).default(20_000).describe('Live connections, and live subscriptions, of one process.'),
    liveQueries: wholeNumber(0, 100_000)
      .default(1_000)
      .describe('Distinct live queries of one process: each is evaluated after each flush.'),
  })
  .prefault({})
  .describe('Limits of one tenant; 0 means none. What is beyond is refused with 429.');

const tenantSchema = z.strictObject({
  tokenFile: text('A file with one token per line; tokens can also come from TIDEMARK_TENANTS_<NAME>_TOKENS.').optional(),
  tokenFiles: stringList('Several such files (for rotation).').optional(),
  quotas,
});

const retentionSchema = z
  .strictObject({
    // Each a little longer than the range that people ask for (15 minutes, 2 hours, a day): buckets begin before their range does.
    hot1s: duration('One-second panes in the hot tier.').default('16m'),
    hot10s: duration('Ten-second panes in the hot tier.').default('130m'),
    hot1m: duration('One-minute panes in the hot tier.').default('25h'),
    raw: duration('Raw events in the cold tier; late data can be corrected and new measures backfilled this far back.').default('90d'),
    rollup1m: duration('Rollups per minute.').default('30d'),
    rollup1h: duration('Rollups per hour.').default('2y'),
    rollup1d: duration('Rollups per day, or `forever`.', { orForever: true }).default('forever'),
  })
  .prefault({})
  .describe('How long each form of the data is kept.');

export const definitionSchema = z
  .strictObject({
    name: z
      .string({ error: 'a name such as webshop' })
      .regex(/^[a-z][a-z0-9_-]{0,62}$/, { error: 'a lower-case name such as webshop (a-z, 0-9, _ and -; at most 63)' })
      .describe('Names this deployment in logs, metrics and keys.'),
    dataDir: text('Folder of the embedded log, the embedded engine and the dead-letter file; relative to the working directory.').default(
      './data',
    ),
    ...connectionSections,
    event: eventSchema,
    dimensions: z
      .record(z.string(), dimensionSchema, { error: 'a map from dimension names to {path, cap}' })
      .default({})
      .describe('What numbers can be split and filtered by.'),
    measures: z.record(z.string(), measureSchema, { error: 'a map from measure names to {kind, …}' }).describe('What can be asked for.'),
    groupings: z
      .array(groupingSchema, { error: 'a list such as [[], [country], [country, device], all]' })
      .optional()
      .describe(
        'Which combinations of dimensions are kept ready. Default: none and each dimension alone (hot and cold), all together (cold only). `none` and `all` are always kept.',
      ),
    watches: z
      .record(z.string(), watchSchema, { error: 'a map from watch names to {measure, …}' })
      .default({})
      .describe('Measures that are judged by a detector as their buckets close; what is out of line is kept and shown as annotations.'),
    lateness: duration('How long an event may come after newer ones before its bucket counts as closed.').default('30s'),
    maxFuture: duration('An event dated further than this after its record’s log time is dead-lettered.').default('1h'),
    duplicates: z
      .strictObject({
        window: duration('Log time within which the same event id is a duplicate; 0s switches detection off.').default('10m'),
        maxEvents: wholeNumber(0, 50_000_000).default(500_000).describe('Event ids remembered per partition.'),
      })
      .prefault({})
      .describe('How duplicates are found (by event.id, within a partition).'),
    retention: retentionSchema,
    tenants: z
      .record(z.string(), tenantSchema, { error: 'a map from tenant names to {tokenFile, quotas}' })
      .default({ default: tenantSchema.parse({}) })
      .describe('Who may ask and collect. As soon as tenants have tokens, every request needs one.'),
    auth: z
      .enum(['token', 'none'])
      .optional()
      .describe('none: say so to run without tokens although events come from Kafka. Default: token as soon as tenants have tokens.'),
    server: z
      .strictObject({
        host: text('Address to listen on; 0.0.0.0 to be reached from other machines and from outside a container.').default('127.0.0.1'),
        port: wholeNumber(0, 65_535).default(4400).describe('Port to listen on.'),
        maxBody: bytes('Largest request body, after decompression.').default('16MiB'),
      })
      .prefault({})
      .describe('The HTTP API.'),
    query: z
      .strictObject({
        deadline: duration('A query that takes longer is cancelled.').default('15s'),
        maxRows: wholeNumber(1, 100_000_000).default(1_000_000).describe('Rows that one query may produce.'),
        maxBuckets: wholeNumber(1, 1_000_000).default(20_000).describe('Time buckets that one query may have.'),
        cacheTtl: duration('How long closed cold segments are cached.').default('5m'),
      })
      .prefault({})
      .describe('Limits of a query.'),
    flush: z
      .strictObject({
        interval: duration('How often events become visible: 100ms to 1m.').default('1s'),
        maxRows: wholeNumber(1_000, 10_000_000).default(250_000).describe('Events after which a flush happens early.'),
      })
      .prefault({})
      .describe('How events are written to both tiers.'),
    roles: z
      .array(z.enum(['ingest', 'query', 'compact']), { error: 'a list of ingest, query, compact' })
      .min(1, { error: 'at least one of ingest, query, compact' })
      .default(['ingest', 'query', 'compact'])
      .describe('What this process does.'),
    logLevel: z
      .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
      .default('info')
      .describe('Least important log lines written.'),
  })
  .describe('The definition of a Tidemark deployment.');

/** A definition as checked, with defaults filled in, before its meaning is compiled. */
export type DefinitionInput = z.output<typeof definitionSchema>;
export type MeasureInput = z.output<typeof measureSchema>;
export type WhereInput = NonNullable<z.output<typeof where>>;

export const MEASURE_KINDS = measureSchema.options.map((option) => option.shape.kind.value);
export { NAME_PATTERN };
