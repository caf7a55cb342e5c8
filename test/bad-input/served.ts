// The built program on a data directory of its own, and what tests of bad input do to it over HTTP.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Ledger } from './bench.js';
import { buildTidemark, startTidemark, type Tidemark, type TidemarkOptions } from '../support/tidemark-process.js';
import { until } from '../support/until.js';

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  /** The body as JSON, or as text where it is none. */
  readonly body: unknown;
}

export class Served {
  readonly #options: TidemarkOptions;
  readonly #dataDir: string;
  #tidemark: Tidemark;

  private constructor(options: TidemarkOptions, dataDir: string, tidemark: Tidemark) {
    this.#options = options;
    this.#dataDir = dataDir;
    this.#tidemark = tidemark;
  }

  static async start(definition: string, env: Readonly<Record<string, string>> = {}): Promise<Served> {
    await buildTidemark();
    const dataDir = await mkdtemp(join(tmpdir(), 'tidemark-bad-input-'));
    const options = { definition, env: { ...env, TIDEMARK_DATA_DIR: dataDir } };
    try {
      return new Served(options, dataDir, await startTidemark(options));
    } catch (error) {
      await rm(dataDir, { recursive: true, force: true });
      throw error;
    }
  }

  get tidemark(): Tidemark {
    return this.#tidemark;
  }

  /** Ends the process by SIGTERM and starts it again on the same data. */
  async restart(): Promise<void> {
    await this.#tidemark.process.stop();
    this.#tidemark = await startTidemark(this.#options);
  }

  async stop(): Promise<void> {
    await this.#tidemark.process.stop();
    await rm(this.#dataDir, { recursive: true, force: true });
  }

  async get(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Reply> {
    return replyOf(await fetch(this.#tidemark.url + path, { headers }));
  }

  /** @param body sent as it is where it is text or bytes, else as JSON */
  async post(path: string, body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Reply> {
    const raw = typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body);
    return replyOf(
      await fetch(this.#tidemark.url + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: typeof raw === 'string' ? raw : Buffer.from(raw),
      }),
    );
  }

  /** Waits until so many records are read and can be asked for. @returns the ledger of all partitions */
  async ledgerAt(consumed: number, headers: Readonly<Record<string, string>> = {}): Promise<Ledger> {
    return until(`${consumed} records are consumed`, 20_000, async () => {
      const { body } = await this.get('/api/v1/status', headers);
      const { partitions } = body as Awaited<ReturnType<Tidemark['status']>>;
      const sum = (key: keyof Ledger): number => partitions.reduce((total, one) => total + one[key], 0);
      const ledger = {
        consumed: sum('consumed'),
        applied: sum('applied'),
        duplicates: sum('duplicates'),
        deadLettered: sum('deadLettered'),
      };
      return ledger.consumed >= consumed && ledger;
    });
  }

  /** The first frame's columns of one query; refused with its error otherwise. */
  async columns(query: object, headers: Readonly<Record<string, string>> = {}, range: object = { from: 'now-10m' }): Promise<Columns> {
    const { status, body } = await this.post('/api/v1/query', { ...range, queries: [{ refId: 'A', ...query }] }, headers);
    expect(status).toBe(200);
    const { A: result } = (body as { results: Record<string, { status: number; error?: string; frames: RawFrame[] }> }).results;
    expect([result.status, result.error]).toEqual([200, undefined]);
    const [{ schema, data }] = result.frames;
    return { fields: schema.fields, values: data.values };
  }
}

interface RawFrame {
  readonly schema: { readonly fields: Columns['fields'] };
  readonly data: { readonly values: Columns['values'] };
}

export interface Columns {
  readonly fields: readonly { readonly name: string; readonly labels?: Readonly<Record<string, string>> }[];
  readonly values: readonly (readonly (number | string | null)[])[];
}

async function replyOf(response: Response): Promise<Reply> {
  const text = await response.text();
  let body: unknown = text;
  try {
    body = JSON.parse(text);
  } catch {
    // Metrics and pages are text.
  }
  return { status: response.status, headers: response.headers, body };
}

/** Code and remedy of a refusal, which every one has. */
export function refusal({ body }: Reply): { readonly code: string; readonly message: string; readonly remedy: string } {
  const { error } = body as { error: { code: string; message: string; remedy: string } };
  expect(error.message.length).toBeGreaterThan(10);
  expect(error.remedy.length).toBeGreaterThan(10);
  return error;
}
