// What a benchmark says at its end: figure lines, the last ones last, and the same as JSON under bench/results.
// Invariant: a figure was measured in the run that prints it; nothing is carried over from an earlier one.

import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { repositoryRoot } from '../../test/support/repository-root.js';

export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
}

export class Figures {
  readonly #bench: string;
  readonly #figures: Figure[] = [];

  /** @param bench name of the results file */
  constructor(bench: string) {
    this.#bench = bench;
  }

  get all(): readonly Figure[] {
    return this.#figures;
  }

  /** @throws Error for a name that was used already, or a value that is no number */
  add(name: string, value: number, unit: string): void {
    if (!/^[a-z][a-z0-9_]*$/.test(name)) throw new Error(`${name} is not a figure's name`);
    if (!Number.isFinite(value)) throw new Error(`figure ${name} is ${value}`);
    if (this.#figures.some((figure) => figure.name === name)) throw new Error(`figure ${name} was given twice`);
    this.#figures.push({ name, value, unit });
  }

  /** Prints everything and writes `bench/results/<bench>.json`. Nothing must be printed afterwards. */
  publish(options: Readonly<Record<string, string | number | boolean>>): void {
    const folder = join(repositoryRoot(), 'bench', 'results');
    mkdirSync(folder, { recursive: true });
    const [processor] = cpus();
    const machine = {
      cpus: cpus().length,
      model: processor?.model ?? '',
      memoryGiB: Math.round(totalmem() / 2 ** 30),
      node: process.version,
    };
    const text = JSON.stringify({ bench: this.#bench, at: new Date().toISOString(), machine, options, figures: this.#figures }, null, 2);
    const target = join(folder, `${this.#bench}.json`);
    writeFileSync(`${target}.tmp`, `${text}\n`);
    renameSync(`${target}.tmp`, target);
    const lines = this.#figures.map(({ name, value, unit }) => `figure ${name} ${rounded(value)} ${unit}`);
    process.stdout.write(`\n${lines.join('\n')}\n`);
  }
}

/** Three significant decimals for small values, none for large ones: more would pretend. */
function rounded(value: number): string {
  const magnitude = Math.abs(value);
  return magnitude >= 1_000 ? String(Math.round(value)) : magnitude >= 100 ? value.toFixed(1) : value.toFixed(2);
}
