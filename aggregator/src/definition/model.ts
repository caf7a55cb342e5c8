// The compiled definition: what every other room reads. Made once at start by `compile.ts` from a checked tidemark.yaml,
// never changed afterwards. Everything is referred to by index, so that the hot path works on small integers.
//
// A measure (what people ask for) is computed from components (what is stored): avg needs a sum and a count, ratio needs
// its two measures' components. Components with the same kind, field and condition are shared.

/** Index into `Definition.fields`; -1 where a definition leaves the role out. */
export type FieldId = number;

/** One value that is taken out of each event and kept as a column of the raw table. */
export interface Field {
  readonly index: FieldId;
  /** Name of the raw column, unique, `[a-z_][a-z0-9_]*`. */
  readonly name: string;
  /** Keys from the event's root to the value, e.g. `['geo', 'country']`. */
  readonly path: readonly string[];
  /** `time` is epoch ms after decoding; `number` is a fixed-point integer (value × 10^decimals) after decoding. */
  readonly type: 'string' | 'number' | 'time';
  /** Fixed-point decimals of a number, 0-9. |value| × 10^decimals must stay ≤ 2^52, else the event is dead-lettered. */
  readonly decimals: number;
  /** Strings of few values (dimensions, type, tenant, conditions) are interned to integers; ids and users are not. */
  readonly interned: boolean;
}

export type TimeFormat = 'auto' | 'iso8601' | 's' | 'ms' | 'us';

/** One comparison on a field. Numbers are fixed-point integers of that field's decimals; a missing field matches only `missing`. */
export interface Condition {
  readonly field: FieldId;
  readonly op: '=' | '!=' | 'in' | 'not in' | '<' | '<=' | '>' | '>=' | 'exists' | 'missing';
  /** One value for comparisons, several for in / not in, none for exists / missing. */
  readonly values: readonly (string | number)[];
}

/** Conditions joined by AND; empty means every event. */
export type Where = readonly Condition[];

export interface Dimension {
  readonly index: number;
  readonly name: string;
  readonly field: FieldId;
  /** Distinct values kept; beyond it values are counted under `OTHER_VALUE`. */
  readonly cap: number;
}

/** A value beyond its dimension's cap. */
export const OTHER_VALUE = '__other__';
/** An event without this dimension. */
export const MISSING_VALUE = '';

export type ComponentKind = 'count' | 'sum' | 'min' | 'max' | 'unique' | 'quantiles' | 'top';

/**
 * What is stored per series and bucket. Component 0 is always the plain count of events.
 * count, sum, min, max are numeric (one 64-bit slot); unique, quantiles, top are sketches.
 */
export interface Component {
  readonly index: number;
  readonly kind: ComponentKind;
  /** Stable over definition changes; `[a-z0-9_]+`; names the rollup column(s). */
  readonly key: string;
  /** Field aggregated; -1 for count. For `count` with a field: events where the field is present (what avg divides by). */
  readonly field: FieldId;
  readonly where: Where;
  /** Fixed-point decimals of the stored number (0 for count, unique and unweighted top). */
  readonly decimals: number;
  /** `top` only: the field whose number is added per item, or -1 to count events. */
  readonly weightField: FieldId;
  /** `top` only: items kept per series and bucket (the heaviest; the rest is summed up as the bucket's error bound). */
  readonly keep: number;
  /** `quantiles` only: quantiles whose values are stored ready in rollups, e.g. [0.5, 0.95, 0.99]. */
  readonly quantiles: readonly number[];
}

export type MeasureKind = 'count' | 'sum' | 'min' | 'max' | 'avg' | 'unique' | 'quantiles' | 'top' | 'ratio';

export interface Measure {
  readonly index: number;
  readonly name: string;
  readonly kind: MeasureKind;
  readonly description: string;
  /** Grafana unit id, e.g. `ms`, `currencyEUR`, `percentunit`; '' if none. */
  readonly unit: string;
  /**
   * Component indices: count [n], sum [s], min [m], max [m], avg [sum, count], unique [u], quantiles [q], top [t].
   * A ratio has none of its own; it has `numerator` and `denominator`.
   */
  readonly components: readonly number[];
  readonly quantiles: readonly number[];
  /** `top`: default number of items answered. */
  readonly limit: number;
  /** `ratio`: measure indices (never ratios, tops or quantiles themselves). -1 otherwise. */
  readonly numerator: number;
  readonly denominator: number;
  /** Sliding form: the value at t covers [t - sizeMs, t); t moves by slideMs. Both multiples of 1 s, size a multiple of slide. */
  readonly window: { readonly sizeMs: number; readonly slideMs: number } | null;
}

/** A subset of the dimensions that is kept aggregated. Series values are listed in the order of `dimensions`. */
export interface Grouping {
  readonly index: number;
  /** `none`, `all`, or the dimension names joined by `,`. */
  readonly name: string;
  /** Dimension indices, ascending. */
  readonly dimensions: readonly number[];
  /** Kept in the hot tier too (the cold tier keeps all of them). */
  readonly hot: boolean;
}

export interface Tenant {
  readonly name: string;
  /** Lower-case hex SHA-256 of each accepted token; secrets come only from the environment or from files. */
  readonly tokenSha256: readonly string[];
  readonly quotas: Quotas;
}

/** 0 means no limit. */
export interface Quotas {
  readonly queriesInFlight: number;
  readonly queriesPerSecond: number;
  readonly seriesPerQuery: number;
  readonly ingestEventsPerSecond: number;
  readonly liveSubscriptions: number;
  readonly liveQueries: number;
}

export interface TlsConfig {
  readonly enabled: boolean;
  /** PEM texts, already read from their files; '' where not given. */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  readonly serverName: string;
  readonly insecureSkipVerify: boolean;
}

export interface KafkaConfig {
  readonly brokers: readonly string[];
  readonly topics: readonly string[];
  readonly group: string;
  readonly clientId: string;
  readonly start: { readonly from: 'earliest' | 'latest' } | { readonly from: 'timestamp'; readonly timeMs: number };
  readonly tls: TlsConfig;
  readonly sasl: {
    readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
    readonly username: string;
    readonly password: string;
  } | null;
  /** Records with a larger value are dead-lettered. */
  readonly maxRecordBytes: number;
  readonly sessionTimeoutMs: number;
  /** '' : `<first topic>.dead-letters`. */
  readonly deadLetterTopic: string;
}

/** The demo shop's generator, see source/demo. */
export interface DemoConfig {
  readonly seed: number;
  /** Mean events per second. */
  readonly rate: number;
  /** How much history is generated at the first start. */
  readonly historyMs: number;
  /** Something goes wrong once in so long; null: never. */
  readonly incidentsEveryMs: number | null;
}

export interface SourceConfig {
  /** null: the embedded log, fed by HTTP collect and, if given, the demo generator. */
  readonly kafka: KafkaConfig | null;
  readonly demo: DemoConfig | null;
  readonly format: 'json';
}

export interface HotConfig {
  /** memory: in this process. redis: single, Sentinel or Cluster. */
  readonly kind: 'memory' | 'redis';
  readonly redis: {
    readonly mode: 'single' | 'sentinel' | 'cluster';
    /** host:port of the server, the sentinels or some cluster nodes. */
    readonly nodes: readonly string[];
    readonly sentinelName: string;
    readonly username: string;
    readonly password: string;
    readonly sentinelPassword: string;
    readonly db: number;
    readonly tls: TlsConfig;
    readonly keyPrefix: string;
  };
  /** Number of hash-slot groups the series are spread over. */
  readonly shards: number;
  /** The start is refused when the estimate from the caps is larger; 0: only reported. */
  readonly maxMemoryBytes: number;
  /** What the memory estimate reckons with; only that. */
  readonly expectedEventsPerSecond?: number;
}

export interface ColdConfig {
  /** chdb: the engine in this process, in `dataDir`. http: a ClickHouse server or cluster. */
  readonly kind: 'chdb' | 'http';
  readonly url: string;
  readonly username: string;
  readonly password: string;
  readonly database: string;
  readonly tls: TlsConfig;
  /** '' : plain tables; else Replicated and Distributed tables ON CLUSTER. */
  readonly cluster: string;
  readonly requestTimeoutMs: number;
}

/** A measure under a detector; see watches.ts. */
export interface Watch {
  readonly name: string;
  readonly description: string;
  readonly bucketMs: number;
  /** Names of the dimensions whose values may have contributed. */
  readonly explain: readonly string[];
  /** A query of kind anomaly as the query API takes it, without refId and format. */
  readonly query: Readonly<Record<string, unknown>>;
}

export interface Definition {
  readonly name: string;
  /** Hash of everything that shapes stored data (fields, dimensions, components, groupings): part of the hot tier's keys. */
  readonly layoutHash: string;
  /** Where the embedded log, chDB's data and the dead-letter file live. */
  readonly dataDir: string;
  readonly source: SourceConfig;
  readonly fields: readonly Field[];
  readonly event: {
    readonly id: FieldId;
    readonly time: FieldId;
    readonly timeFormat: TimeFormat;
    readonly type: FieldId;
    readonly user: FieldId;
    readonly session: FieldId;
    readonly tenant: FieldId;
  };
  readonly dimensions: readonly Dimension[];
  readonly components: readonly Component[];
  readonly measures: readonly Measure[];
  readonly groupings: readonly Grouping[];
  readonly watches: readonly Watch[];
  readonly latenessMs: number;
  /** An event is refused (dead letter) when its time is further than this ahead of its record's log timestamp. */
  readonly maxFutureMs: number;
  /** Duplicate: the same event id seen at most `maxEvents` records and `windowMs` of log time earlier in the same partition. */
  readonly duplicates: { readonly windowMs: number; readonly maxEvents: number };
  readonly retention: {
    readonly hot1sMs: number;
    readonly hot10sMs: number;
    readonly hot1mMs: number;
    readonly rawMs: number;
    readonly rollup1mMs: number;
    readonly rollup1hMs: number;
    /** 0: for ever. */
    readonly rollup1dMs: number;
  };
  /** At least one. Events without a tenant field belong to the first. */
  readonly tenants: readonly Tenant[];
  /** false: no tokens anywhere, every request is the first tenant's (embedded default). */
  readonly authRequired: boolean;
  readonly hot: HotConfig;
  readonly cold: ColdConfig;
  readonly server: { readonly host: string; readonly port: number; readonly maxBodyBytes: number };
  readonly query: { readonly deadlineMs: number; readonly maxRows: number; readonly maxBuckets: number; readonly cacheTtlMs: number };
  readonly flush: { readonly intervalMs: number; readonly maxRows: number };
  readonly roles: { readonly ingest: boolean; readonly query: boolean; readonly compact: boolean };
  readonly logLevel: string;
}
