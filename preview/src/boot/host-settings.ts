// What the page is told before anything of Grafana's is loaded: who answers `/api/ds/query` and the like, and which data sources
// there are. Read once from `host.json`, checked here; the aggregator serves one of its own, tests serve another.

/** aggregator: the page maps Grafana's calls to the aggregator itself. grafana: somebody answers them as Grafana's server does. */
export type BackendKind = 'aggregator' | 'grafana';

export interface HostDataSource {
  readonly uid: string;
  readonly name: string;
  readonly jsonData: Readonly<Record<string, unknown>>;
}

export interface HostSettings {
  readonly backend: BackendKind;
  readonly datasources: readonly HostDataSource[];
}

const DEFAULT_UID = 'tidemark';

/**
 * @param origin of the page, the aggregator's own address where it serves the page
 * @throws Error in words where host.json is there and cannot be used
 */
export async function readHostSettings(origin: string): Promise<HostSettings> {
  const response = await fetch('/host.json', { headers: { accept: 'application/json' } });
  if (!response.ok) return checkHostSettings({}, origin);
  return checkHostSettings(await response.json(), origin);
}

/** @throws Error naming the field that is wrong */
export function checkHostSettings(given: unknown, origin: string): HostSettings {
  if (!isRecord(given)) throw new Error('host.json: expected an object.');
  const backend = given['backend'] ?? 'aggregator';
  if (backend !== 'aggregator' && backend !== 'grafana') throw new Error('host.json: backend is neither "aggregator" nor "grafana".');
  const list = given['datasources'] ?? [{ uid: DEFAULT_UID, name: 'Tidemark', jsonData: { url: origin } }];
  if (!Array.isArray(list) || list.length === 0) throw new Error('host.json: datasources is not a list with at least one entry.');
  return { backend, datasources: list.map(checkDataSource) };
}

function checkDataSource(given: unknown, index: number): HostDataSource {
  if (!isRecord(given)) throw new Error(`host.json: datasources[${index}] is not an object.`);
  const { uid, name, jsonData } = given;
  if (typeof uid !== 'string' || typeof name !== 'string') throw new Error(`host.json: datasources[${index}] lacks uid or name.`);
  return { uid, name, jsonData: isRecord(jsonData) ? jsonData : {} };
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
