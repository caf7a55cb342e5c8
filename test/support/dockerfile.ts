// Reads a Dockerfile and .dockerignore as far as ours use them: instructions with their words, stages, and which files a build may see.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Instruction {
  readonly name: string;
  /** Everything after the name, continuation lines joined. */
  readonly text: string;
}

export interface Stage {
  readonly image: string;
  /** '' for a stage without a name. */
  readonly name: string;
  readonly instructions: readonly Instruction[];
}

/** @throws Error where an instruction other than ARG stands before the first FROM; arguments have their defaults */
export function readDockerfile(file: string): readonly Stage[] {
  const lines = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => !/^\s*#/.test(line))
    .join('\n')
    .replace(/\\\n/g, ' ')
    .split('\n')
    .filter((line) => line.trim() !== '');
  const defaults = new Map<string, string>();
  const stages: { image: string; name: string; instructions: Instruction[] }[] = [];
  for (const line of lines) {
    const [, name, text] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
    if (name === undefined) throw new Error(`${file}: not an instruction: ${line}`);
    if (name === 'FROM') {
      const [image, , stage = ''] = text.split(/\s+/);
      stages.push({
        image: image.replace(/\$\{(\w+)\}/g, (_, argument: string) => defaults.get(argument) ?? ''),
        name: stage,
        instructions: [],
      });
      continue;
    }
    const stage = stages.at(-1);
    if (stage === undefined && name === 'ARG') {
      const [argument, value = ''] = text.split('=');
      defaults.set(argument, value.trim());
      continue;
    }
    if (stage === undefined) throw new Error(`${file}: ${name} before FROM`);
    stage.instructions.push({ name, text: text.trim() });
  }
  return stages;
}

/** What a COPY takes from the checkout; nothing where it copies from another stage. */
export function copied({ text }: Instruction): readonly string[] {
  const words = text.split(/\s+/);
  if (words.some((word) => word.startsWith('--from='))) return [];
  return words.filter((word) => !word.startsWith('--')).slice(0, -1);
}

/** The stages that a COPY --from names. */
export const copiedFrom = ({ text }: Instruction): readonly string[] => [...text.matchAll(/--from=(\S+)/g)].map(([, name]) => name);

/** Whether a file of the checkout reaches the build: the last line of .dockerignore that fits decides. */
export function inBuildContext(root: string, path: string): boolean {
  if (!existsSync(join(root, path))) return false;
  const rules = readFileSync(join(root, '.dockerignore'), 'utf8')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  let sent = true;
  for (const rule of rules) {
    const kept = rule.startsWith('!');
    if (pattern(kept ? rule.slice(1) : rule).test(path)) sent = kept;
  }
  return sent;
}

/** A pattern fits a path and everything below it. */
function pattern(text: string): RegExp {
  const source = text
    .split(/(\*\*\/|\*)/)
    .map((part) => (part === '**/' ? '(?:.*/)?' : part === '*' ? '[^/]*' : part.replace(/[.+^${}()|[\]\\]/g, '\\$&')))
    .join('');
  return new RegExp(`^${source}(?:/.*)?$`);
}
