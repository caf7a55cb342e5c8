// What the aggregator can be asked (GET /api/v1/catalog) and the values of its dimensions, through the data source's backend. Answers are
// checked here; everything behind it may trust them. State: the catalogue, kept for a minute so that editors do not ask one by one.

/** The raw answer of the catalogue's resource. */
export type CatalogReader = () => Promise<unknown>;

export interface CatalogMeasure {
  readonly name: string;
  /** count, sum, min, max, avg, ratio, unique, quantiles, top */
  readonly kind: string;
  readonly description: string;
  readonly unit: string;
  readonly stats: readonly string[];
  readonly window: { readonly size: string; readonly slide: string } | null;
  readonly accuracy: string;
}

export interface CatalogDimension {
  readonly name: string;
  readonly path: string;
}

/** A measure that is judged as its buckets close. */
export interface CatalogWatch {
  readonly name: string;
  readonly description: string;
  readonly measure: string;
  /** A duration. */
  readonly bucket: string;
}

export interface Catalog {
  readonly name: string;
  readonly measures: readonly CatalogMeasure[];
  readonly dimensions: readonly CatalogDimension[];
  readonly watches: readonly CatalogWatch[];
  /** Combinations of dimensions that are kept in the hot tier. */
  readonly hotGroupings: readonly (readonly string[])[];
}

const KEEP_MS = 60_000;

export class CatalogSource {
  readonly #read: CatalogReader;
  readonly #now: () => number;
  #kept: { readonly catalog: Promise<Catalog>; readonly atMs: number } | null = null;

  constructor(read: CatalogReader, now: () => number) {
    this.#read = read;
    this.#now = now;
  }

  /** @throws Error with the backend's words where there is no catalogue to be had; the next call asks again */
  catalog(): Promise<Catalog> {
    const now = this.#now();
    if (this.#kept !== null && now - this.#kept.atMs < KEEP_MS) return this.#kept.catalog;
    const catalog = this.#read().then(parseCatalog);
    this.#kept = { catalog, atMs: now };
    catalog.catch(() => {
      if (this.#kept?.catalog === catalog) this.#kept = null;
    });
    return catalog;
  }
}

/** @throws Error where the answer is not a catalogue */
export function parseCatalog(raw: unknown): Catalog {
  const root = object(raw);
  if (!Array.isArray(root['measures']) || !Array.isArray(root['dimensions'])) {
    throw new Error("The answer is not a Tidemark catalogue. Check that the data source's URL is the aggregator's.");
  }
  return {
    name: text(root['name']),
    measures: root['measures'].map(object).map((measure) => ({
      name: text(measure['name']),
      kind: text(measure['kind']),
      description: text(measure['description']),
      unit: text(measure['unit']),
      stats: list(measure['stats']).map(text),
      window: windowOf(measure['window']),
      accuracy: text(measure['accuracy']),
    })),
    dimensions: root['dimensions'].map(object).map((dimension) => ({ name: text(dimension['name']), path: text(dimension['path']) })),
    watches: list(root['watches'])
      .map(object)
      .map((watch) => ({
        name: text(watch['name']),
        description: text(watch['description']),
        measure: text(watch['measure']),
        bucket: text(watch['bucket']),
      })),
    hotGroupings: list(root['groupings'])
      .map(object)
      .filter((grouping) => grouping['hot'] === true)
      .map((grouping) => list(grouping['dimensions']).map(text)),
  };
}

function windowOf(raw: unknown): CatalogMeasure['window'] {
  const { size, slide } = object(raw);
  return typeof size === 'string' && typeof slide === 'string' ? { size, slide } : null;
}

function object(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {};
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
