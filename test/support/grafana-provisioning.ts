// The files that Grafana reads under `provisioning/`, as its documentation lists their fields (administration/provisioning and
// alerting/set-up/provision-alerting-resources/file-provisioning). Strict: Grafana ignores a key that it does not know, so that
// a spelling mistake would go unnoticed until somebody is not paged.

import { z } from 'zod';

const apiVersion = z.literal(1);
const orgId = z.number().int().positive();
const uid = z.string().regex(/^[a-zA-Z0-9_-]{1,40}$/, { error: 'a uid: at most 40 of a-z, A-Z, 0-9, - and _' });
/** Prometheus' durations: whole numbers with a unit. */
const duration = z.string().regex(/^(\d+(ms|s|m|h|d|w|y))+$/, { error: 'a duration such as 30s or 5m' });
const labelName = z.string().regex(/^[a-zA-Z_][a-zA-Z0-9_]*$/);

/** What pkg/plugin/settings.go and the config editor know. */
const tidemarkSettings = z.strictObject({
  url: z.string().min(1),
  tenant: z.string().optional(),
  timeoutMs: z.number().int().min(100).max(600_000).optional(),
  streamSpanMs: z.number().int().nonnegative().optional(),
  tlsSkipVerify: z.boolean().optional(),
  tlsServerName: z.string().optional(),
  tlsAuth: z.boolean().optional(),
  tlsAuthWithCACert: z.boolean().optional(),
});
const tidemarkSecrets = z.strictObject({
  token: z.string().optional(),
  tlsCACert: z.string().optional(),
  tlsClientCert: z.string().optional(),
  tlsClientKey: z.string().optional(),
});
const prometheusSettings = z.strictObject({ httpMethod: z.enum(['GET', 'POST']), timeInterval: duration });

const dataSourceFields = {
  name: z.string().min(1),
  uid,
  access: z.enum(['proxy', 'direct']),
  orgId: orgId.optional(),
  orgName: z.string().optional(),
  url: z.string().optional(),
  user: z.string().optional(),
  database: z.string().optional(),
  basicAuth: z.boolean().optional(),
  basicAuthUser: z.string().optional(),
  withCredentials: z.boolean().optional(),
  isDefault: z.boolean().optional(),
  correlations: z.array(z.record(z.string(), z.unknown())).optional(),
  version: z.number().int().optional(),
  editable: z.boolean().optional(),
};

export const dataSourcesFile = z.strictObject({
  apiVersion,
  prune: z.boolean().optional(),
  deleteDatasources: z.array(z.strictObject({ name: z.string(), orgId })).optional(),
  datasources: z.array(
    z.discriminatedUnion('type', [
      z.strictObject({
        ...dataSourceFields,
        type: z.literal('tidemark-realtime-datasource'),
        jsonData: tidemarkSettings,
        secureJsonData: tidemarkSecrets.optional(),
      }),
      z.strictObject({ ...dataSourceFields, type: z.literal('prometheus'), jsonData: prometheusSettings }),
    ]),
  ),
});

export const dashboardProvidersFile = z.strictObject({
  apiVersion,
  providers: z.array(
    z.strictObject({
      name: z.string().min(1),
      orgId: orgId.optional(),
      type: z.literal('file').optional(),
      folder: z.string().optional(),
      folderUid: uid.optional(),
      editable: z.boolean().optional(),
      disableDeletion: z.boolean().optional(),
      updateIntervalSeconds: z.number().int().positive().optional(),
      allowUiUpdates: z.boolean().optional(),
      options: z.strictObject({ path: z.string().startsWith('/'), foldersFromFilesStructure: z.boolean().optional() }),
    }),
  ),
});

export const appsFile = z.strictObject({
  apiVersion,
  apps: z.array(
    z.strictObject({
      type: z.string().min(1),
      org_id: orgId.optional(),
      org_name: z.string().optional(),
      disabled: z.boolean().optional(),
      jsonData: z.record(z.string(), z.unknown()).optional(),
      secureJsonData: z.record(z.string(), z.string()).optional(),
    }),
  ),
});

const refId = z.string().regex(/^[A-Za-z][A-Za-z0-9_]*$/, { error: 'a name that a math expression can use' });
const evaluator = z.strictObject({
  type: z.enum(['gt', 'lt', 'eq', 'ne', 'gte', 'lte', 'within_range', 'outside_range', 'within_range_included', 'outside_range_included']),
  params: z.array(z.number()).min(1).max(2),
});
const expressionFields = {
  refId,
  intervalMs: z.number().int().positive().optional(),
  maxDataPoints: z.number().int().positive().optional(),
};

/** Grafana's server-side expressions that rules are made of. */
const expressionModel = z.discriminatedUnion('type', [
  z.strictObject({
    ...expressionFields,
    type: z.literal('reduce'),
    reducer: z.enum(['sum', 'mean', 'min', 'max', 'count', 'last', 'median']),
    expression: refId,
    settings: z
      .discriminatedUnion('mode', [
        z.strictObject({ mode: z.enum(['', 'dropNN']) }),
        z.strictObject({ mode: z.literal('replaceNN'), replaceWithValue: z.number() }),
      ])
      .optional(),
  }),
  z.strictObject({ ...expressionFields, type: z.literal('math'), expression: z.string().min(1) }),
  z.strictObject({
    ...expressionFields,
    type: z.literal('threshold'),
    expression: refId,
    conditions: z.array(z.strictObject({ evaluator, unloadEvaluator: evaluator.optional() })).length(1),
  }),
]);

const prometheusModel = z.strictObject({
  ...expressionFields,
  expr: z.string().min(1),
  instant: z.boolean(),
  range: z.boolean(),
  legendFormat: z.string().optional(),
});

const queryFields = {
  refId,
  queryType: z.string().optional(),
  relativeTimeRange: z.strictObject({ from: z.number().int().nonnegative(), to: z.number().int().nonnegative() }),
};

/** A Tidemark model is checked by the aggregator's own schema, in the test. */
const ruleQuery = z.union([
  z.strictObject({ ...queryFields, datasourceUid: z.literal('__expr__'), model: expressionModel }),
  z.strictObject({ ...queryFields, datasourceUid: z.literal('tidemark-prometheus'), model: prometheusModel }),
  z.strictObject({ ...queryFields, datasourceUid: z.literal('tidemark'), model: z.looseObject({ refId }) }),
]);

const rule = z.strictObject({
  uid,
  title: z.string().min(1).max(190),
  condition: refId,
  data: z.array(ruleQuery).min(1),
  dashboardUid: uid.optional(),
  panelId: z.number().int().positive().optional(),
  noDataState: z.enum(['NoData', 'Alerting', 'OK', 'KeepLast']).optional(),
  execErrState: z.enum(['Error', 'Alerting', 'OK', 'KeepLast']).optional(),
  for: duration,
  keepFiringFor: duration.optional(),
  missing_series_evals_to_resolve: z.number().int().positive().optional(),
  annotations: z.record(z.string(), z.string()).optional(),
  labels: z.record(labelName, z.string()).optional(),
  isPaused: z.boolean().optional(),
  notification_settings: z
    .strictObject({
      receiver: z.string(),
      group_by: z.array(z.string()).optional(),
      group_wait: duration.optional(),
      group_interval: duration.optional(),
      repeat_interval: duration.optional(),
      mute_time_intervals: z.array(z.string()).optional(),
      active_time_intervals: z.array(z.string()).optional(),
    })
    .optional(),
});

const matcher = z.tuple([labelName, z.enum(['=', '!=', '=~', '!~']), z.string()]);
const routeFields = {
  receiver: z.string().optional(),
  group_by: z.array(z.string()).optional(),
  object_matchers: z.array(matcher).optional(),
  matchers: z.array(z.string()).optional(),
  mute_time_intervals: z.array(z.string()).optional(),
  active_time_intervals: z.array(z.string()).optional(),
  continue: z.boolean().optional(),
  group_wait: duration.optional(),
  group_interval: duration.optional(),
  repeat_interval: duration.optional(),
};
const plainRoute = z.strictObject(routeFields);
export interface Route extends z.output<typeof plainRoute> {
  readonly routes?: readonly Route[] | undefined;
}
const route: z.ZodType<Route> = z.lazy(() => plainRoute.extend({ routes: z.array(route).optional() }));

const clock = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$|^24:00$/);
const day = 'sunday|monday|tuesday|wednesday|thursday|friday|saturday';
const weekdays = z.string().regex(new RegExp(`^(${day})(:(${day}))?$`));

export const alertingFile = z.strictObject({
  apiVersion,
  groups: z
    .array(
      z.strictObject({
        orgId: orgId.optional(),
        name: z.string().min(1),
        folder: z.string().min(1),
        interval: duration,
        rules: z.array(rule).min(1),
      }),
    )
    .optional(),
  deleteRules: z.array(z.strictObject({ orgId: orgId.optional(), uid })).optional(),
  contactPoints: z
    .array(
      z.strictObject({
        orgId: orgId.optional(),
        name: z.string().min(1),
        receivers: z
          .array(
            z.discriminatedUnion('type', [
              z.strictObject({
                uid,
                type: z.literal('email'),
                disableResolveMessage: z.boolean().optional(),
                settings: z.strictObject({
                  addresses: z.string().min(1),
                  singleEmail: z.boolean().optional(),
                  message: z.string().optional(),
                  subject: z.string().optional(),
                }),
              }),
              z.strictObject({
                uid,
                type: z.literal('webhook'),
                disableResolveMessage: z.boolean().optional(),
                settings: z.strictObject({
                  url: z.string().min(1),
                  httpMethod: z.enum(['POST', 'PUT']).optional(),
                  username: z.string().optional(),
                  password: z.string().optional(),
                  authorization_scheme: z.string().optional(),
                  authorization_credentials: z.string().optional(),
                  maxAlerts: z.string().optional(),
                }),
              }),
            ]),
          )
          .min(1),
      }),
    )
    .optional(),
  deleteContactPoints: z.array(z.strictObject({ orgId: orgId.optional(), uid })).optional(),
  policies: z.array(plainRoute.extend({ orgId: orgId.optional(), routes: z.array(route).optional() })).optional(),
  resetPolicies: z.array(orgId).optional(),
  muteTimes: z
    .array(
      z.strictObject({
        orgId: orgId.optional(),
        name: z.string().min(1),
        time_intervals: z
          .array(
            z.strictObject({
              times: z.array(z.strictObject({ start_time: clock, end_time: clock })).optional(),
              weekdays: z.array(weekdays).optional(),
              days_of_month: z.array(z.string()).optional(),
              months: z.array(z.string()).optional(),
              years: z.array(z.string()).optional(),
              location: z.string().optional(),
            }),
          )
          .min(1),
      }),
    )
    .optional(),
  deleteMuteTimes: z.array(z.strictObject({ orgId: orgId.optional(), name: z.string() })).optional(),
});

export type AlertingFile = z.output<typeof alertingFile>;
export type AlertRule = Omit<z.output<typeof rule>, 'data'> & { readonly data: readonly RuleQuery[] };
/** Whatever the data source: a test that looks into a model says what it looks for. */
export type RuleQuery = Omit<z.output<typeof ruleQuery>, 'model'> & { readonly model: Readonly<Record<string, unknown>> };
