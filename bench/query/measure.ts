// Asks a question over HTTP again and again and notes how long each answer took, until the last byte of it. An answer that failed,
// came from another tier than it should, or lacks points ends the benchmark.

import { Agent, request } from 'node:http';
import type { Asked, Question } from './questions.js';

interface Frame {
  readonly schema: { readonly fields: readonly { readonly type?: string }[]; readonly meta?: { readonly custom?: Custom } };
  readonly data: { readonly values: readonly (readonly unknown[])[] };
}

interface Custom {
  readonly plan?: { readonly reads?: readonly { readonly tier?: string }[] };
  readonly cache?: unknown;
}

export interface Timings {
  readonly durationsMs: readonly number[];
  readonly bytes: number;
  /** Which tiers the answers named, e.g. `cold+hot`, and how often. */
  readonly tiers: ReadonlyMap<string, number>;
}

export class Asker {
  readonly #url: URL;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 32 });

  constructor(url: string) {
    this.#url = new URL('/api/v1/query', url);
  }

  close(): void {
    this.#agent.destroy();
  }

  /** @param clients how many ask at the same time; each waits for its answer before it asks again */
  async time(question: Question, runs: number, clients: number, firstTurn: number): Promise<Timings> {
    const durationsMs: number[] = [];
    const tiers = new Map<string, number>();
    let bytes = 0;
    let turn = firstTurn;
    const end = firstTurn + runs;
    const client = async (): Promise<void> => {
      while (turn < end) {
        const asked = question.ask(Date.now(), turn++);
        const started = performance.now();
        const text = await this.#post(asked);
        durationsMs.push(performance.now() - started);
        bytes += text.length;
        const from = check(question, asked, text);
        tiers.set(from, (tiers.get(from) ?? 0) + 1);
      }
    };
    await Promise.all(Array.from({ length: clients }, client));
    return { durationsMs, bytes: bytes / runs, tiers };
  }

  async once(asked: Asked): Promise<string> {
    return this.#post(asked);
  }

  #post(asked: Asked): Promise<string> {
    const body = JSON.stringify(asked);
    return new Promise((resolve, reject) => {
      const sent = request(
        this.#url,
        { method: 'POST', agent: this.#agent, headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) } },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', reject);
          response.on('end', () => {
            const text = Buffer.concat(chunks).toString('utf8');
            if (response.statusCode === 200) resolve(text);
            else reject(new Error(`answered ${response.statusCode}: ${text.slice(0, 500)}`));
          });
        },
      );
      sent.on('error', reject);
      sent.end(body);
    });
  }
}

/** @returns the tiers that the answer names. @throws Error for an answer that is none */
function check(question: Question, asked: Asked, text: string): string {
  const answer = JSON.parse(text) as {
    readonly results: Readonly<Record<string, { readonly status: number; readonly frames: readonly Frame[] }>>;
  };
  const result = answer.results['A'];
  if (result?.status !== 200 || result.frames.length === 0)
    throw new Error(`${question.name}: ${text.slice(0, 1_000)}\nasked: ${JSON.stringify(asked)}`);
  let points = 0;
  const tiers = new Set<string>();
  for (const { schema, data } of result.frames) {
    schema.fields.forEach((field, i) => {
      if (field.type === 'number') points += (data.values[i] ?? []).filter((value) => value !== null).length;
    });
    for (const read of schema.meta?.custom?.plan?.reads ?? []) tiers.add(String(read.tier));
  }
  if (points < question.leastPoints)
    throw new Error(
      `${question.name}: ${points} points, at least ${question.leastPoints} were expected\nasked: ${JSON.stringify(asked)}\n${text.slice(0, 1_500)}`,
    );
  return [...tiers].sort().join('+');
}
