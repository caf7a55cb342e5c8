// docker-compose.yaml as Compose sees it: merge keys resolved and variables filled in from an environment.

import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

export interface ComposeService {
  readonly image?: string;
  readonly build?: string | { readonly context: string; readonly dockerfile?: string };
  readonly user?: string;
  readonly restart?: string;
  readonly command?: readonly string[];
  readonly ports?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly (string | { readonly type: string; readonly source: string; readonly target: string })[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: { readonly disable?: boolean; readonly test?: readonly string[] };
}

export interface ComposeFile {
  readonly services: Readonly<Record<string, ComposeService>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

/** Names of the variables that the file takes, in the order of their first use. */
export function composeVariables(file: string): readonly string[] {
  return [...new Set([...readFileSync(file, 'utf8').matchAll(/(?<!\$)\$\{(\w+)/g)].map(([, name]) => name))];
}

/** @throws Error where the file uses a form of variables that is not known here */
export function readCompose(file: string, environment: Readonly<Record<string, string>> = {}): ComposeFile {
  const document: unknown = parse(readFileSync(file, 'utf8'), { merge: true });
  return filled(document, environment) as ComposeFile;
}

function filled(value: unknown, environment: Readonly<Record<string, string>>): unknown {
  if (typeof value === 'string') return fill(value, environment);
  if (Array.isArray(value)) return value.map((item) => filled(item, environment));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, filled(item, environment)]));
}

/** `${NAME}`, `${NAME:-default}` and `${NAME:+instead}`; `$$` is a dollar sign. */
function fill(text: string, environment: Readonly<Record<string, string>>): string {
  return text.replace(/\$\$|\$\{(\w+)(?::([-+])([^}]*))?\}|\$\w+/g, (whole, name?: string, kind?: string, word = '') => {
    if (whole === '$$') return '$';
    if (name === undefined) throw new Error(`a variable without braces: ${whole}`);
    const given = environment[name] ?? '';
    if (kind === '-') return given === '' ? word : given;
    if (kind === '+') return given === '' ? '' : word;
    return given;
  });
}
