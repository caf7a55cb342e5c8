// What GET /api/v1/status and GET /readyz of the aggregator say, checked field by field: the aggregator may be older or newer than the
// plugin. What is missing becomes null or 0 and is shown as unknown, never guessed. Pure.

export interface PartitionStatus {
  readonly partition: string;
  readonly offset: number;
  /** Records not yet applied; null: not known. */
  readonly lag: number | null;
  readonly watermarkMs: number;
  readonly idle: boolean;
  readonly consumed: number;
  readonly applied: number;
  readonly duplicates: number;
  readonly deadLettered: number;
  readonly late: number;
  readonly lost: number;
}

export interface StoreStatus {
  readonly kind: string;
  readonly ok: boolean;
  readonly detail: string;
}

export interface AggregatorStatus {
  readonly name: string;
  readonly version: string;
  readonly state: string;
  readonly roles: readonly string[];
  /** The aggregator's clock; null: it does not say. Epoch ms. */
  readonly nowMs: number | null;
  readonly startedAtMs: number | null;
  readonly source: { readonly kind: string; readonly topics: readonly string[]; readonly deadLetters: string };
  /** 0: nothing is known. */
  readonly watermarkMs: number;
  /** 0: no event yet. */
  readonly newestEventMs: number;
  readonly complete: boolean;
  readonly reason: string;
  readonly partitions: readonly PartitionStatus[];
  readonly hot: StoreStatus & { readonly memoryBytes: number; readonly coverageFromMs: number | null };
  readonly cold: StoreStatus & {
    readonly rawRows: number;
    readonly diskBytes: number;
    readonly closedUntilMs: number;
    readonly dirtyMinutes: number;
  };
}

export interface Dependency {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

/** Null: this is no status. */
export function readStatus(body: unknown): AggregatorStatus | null {
  const root = fieldsOf(body);
  if (typeof root['name'] !== 'string' || !Array.isArray(root['partitions'])) return null;
  const [source, hot, cold] = [fieldsOf(root['source']), fieldsOf(root['hot']), fieldsOf(root['cold'])];
  const startedAtMs = Date.parse(text(root['startedAt']));
  return {
    name: root['name'],
    version: text(root['version']),
    state: text(root['state']),
    roles: texts(root['roles']),
    nowMs: numberOrNull(root['nowMs']),
    startedAtMs: Number.isNaN(startedAtMs) ? null : startedAtMs,
    source: { kind: text(source['kind']), topics: texts(source['topics']), deadLetters: text(source['deadLetters']) },
    watermarkMs: count(root['watermarkMs']),
    newestEventMs: count(root['newestEventMs']),
    complete: root['complete'] === true,
    reason: text(root['reason']),
    partitions: root['partitions'].map(readPartition),
    hot: { ...readStore(hot), memoryBytes: count(hot['memoryBytes']), coverageFromMs: numberOrNull(hot['coverageFromMs']) },
    cold: {
      ...readStore(cold),
      rawRows: count(cold['rawRows']),
      diskBytes: count(cold['diskBytes']),
      closedUntilMs: count(cold['closedUntilMs']),
      dirtyMinutes: count(cold['dirtyMinutes']),
    },
  };
}

/** Null: this is no answer of /readyz. */
export function readDependencies(body: unknown): Dependency[] | null {
  const list = fieldsOf(body)['dependencies'];
  if (!Array.isArray(list)) return null;
  return list.map(fieldsOf).map((one) => ({ name: text(one['name']), ok: one['ok'] === true, detail: text(one['detail']) }));
}

function readPartition(raw: unknown): PartitionStatus {
  const one = fieldsOf(raw);
  return {
    partition: text(one['partition']),
    offset: count(one['offset']),
    lag: numberOrNull(one['lag']),
    watermarkMs: count(one['watermarkMs']),
    idle: one['idle'] === true,
    consumed: count(one['consumed']),
    applied: count(one['applied']),
    duplicates: count(one['duplicates']),
    deadLettered: count(one['deadLettered']),
    late: count(one['late']),
    lost: count(one['lost']),
  };
}

function readStore(store: Readonly<Record<string, unknown>>): StoreStatus {
  return { kind: text(store['kind']), ok: store['ok'] === true, detail: text(store['detail']) };
}

export function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {};
}

export function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.map(text) : [];
}

function numberOrNull(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

function count(value: unknown): number {
  return numberOrNull(value) ?? 0;
}
