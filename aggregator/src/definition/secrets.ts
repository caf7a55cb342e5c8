// Secrets of a definition: which settings they are, and how they are read. They never stand in tidemark.yaml itself, only in
// files that it names or in environment variables; problems about them never repeat their text.

import { createHash } from 'node:crypto';
import { dirname, resolve } from 'node:path';
import { variableName } from './variable-name.js';
import type { Finding, Path } from './problem.js';

/** `*` stands for any key. `file` is the key, beside the secret's, that names a file with it. */
export interface SecretSetting {
  readonly path: readonly string[];
  readonly file: string;
}

export const SECRET_SETTINGS: readonly SecretSetting[] = [
  { path: ['source', 'kafka', 'sasl', 'password'], file: 'passwordFile' },
  { path: ['source', 'kafka', 'tls', 'key'], file: 'keyFile' },
  { path: ['hot', 'redis', 'password'], file: 'passwordFile' },
  { path: ['hot', 'redis', 'sentinelPassword'], file: 'sentinelPasswordFile' },
  { path: ['hot', 'redis', 'tls', 'key'], file: 'keyFile' },
  { path: ['cold', 'password'], file: 'passwordFile' },
  { path: ['cold', 'tls', 'key'], file: 'keyFile' },
  { path: ['tenants', '*', 'tokens'], file: 'tokenFile' },
];

/** The secret setting that a path means; `token` counts as `tokens`. */
export function secretAt(path: Path): SecretSetting | null {
  const matches = (pattern: readonly string[]): boolean =>
    pattern.length === path.length &&
    pattern.every((part, at) => part === '*' || part === path[at] || (part === 'tokens' && path[at] === 'token'));
  return SECRET_SETTINGS.find((setting) => matches(setting.path)) ?? null;
}

const MIN_TOKEN_CHARS = 16;

/** Reads secrets and PEM files. Relative names in the file stand relative to its folder, those in variables to the working directory. */
export class SecretReader {
  readonly #readFile: (path: string) => string;
  readonly #baseDir: string;
  readonly #fromEnvironment: ReadonlyMap<string, string>;
  readonly #isFromEnvironment: (path: Path) => boolean;
  readonly #report: (finding: Finding) => void;

  /** @param secrets by dotted path, values that came from the environment */
  constructor(options: {
    readFile: (path: string) => string;
    definitionFile: string;
    secrets: ReadonlyMap<string, string>;
    isFromEnvironment: (path: Path) => boolean;
    report: (finding: Finding) => void;
  }) {
    this.#readFile = options.readFile;
    this.#baseDir = dirname(options.definitionFile);
    this.#fromEnvironment = options.secrets;
    this.#isFromEnvironment = options.isFromEnvironment;
    this.#report = options.report;
  }

  /** The secret from the environment, else from the file, else ''. One newline at the end of the file is not part of it. */
  secret(path: readonly string[], fileKey: string, fileName: string | undefined): string {
    const given = this.#fromEnvironment.get(path.join('.'));
    if (given !== undefined) return given;
    if (fileName === undefined) return '';
    const filePath = [...path.slice(0, -1), fileKey];
    const content = this.#read(filePath, fileName);
    if (content === null) return '';
    const text = content.replace(/\r?\n$/, '');
    if (text === '')
      this.#report({ path: filePath, at: 'value', found: 'a file without a secret in it', expected: 'a file with one line: the secret' });
    return text;
  }

  /** As `secret`, where there is no doing without. */
  required(path: readonly string[], fileKey: string, fileName: string | undefined): string {
    const value = this.secret(path, fileKey, fileName);
    if (fileName === undefined && value === '') {
      const expected = `${fileKey}: a file that holds it, or the variable ${variableName(path)}`;
      this.#report({ path: path.slice(0, -1), at: 'key', found: `no ${path[path.length - 1]}`, expected });
    }
    return value;
  }

  /** A file's text; '' (and a finding) where it cannot be read. */
  file(path: Path, fileName: string): string {
    return this.#read(path, fileName) ?? '';
  }

  #read(path: Path, fileName: string): string | null {
    const place = this.#isFromEnvironment(path) ? resolve(fileName) : resolve(this.#baseDir, fileName);
    try {
      return this.#readFile(place);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#report({
        path,
        at: 'value',
        found: `${fileName}: ${why}`,
        expected: `a file that this process can read (looked for ${place})`,
      });
      return null;
    }
  }

  /** SHA-256 of each token of a tenant: one per line in files, or separated by commas in the environment. */
  tokenHashes(tenant: string, files: readonly { readonly path: Path; readonly name: string }[]): readonly string[] {
    const hashes = new Set<string>();
    const add = (token: string, path: Path): void => {
      if (token.length < MIN_TOKEN_CHARS || /\s/.test(token)) {
        const found = token.length < MIN_TOKEN_CHARS ? `a token of ${token.length} characters` : 'a token with a space in it';
        this.#report({
          path,
          at: 'value',
          found,
          expected: `tokens of at least ${MIN_TOKEN_CHARS} characters without spaces`,
          secret: true,
        });
        return;
      }
      hashes.add(createHash('sha256').update(token).digest('hex'));
    };
    const given = this.#fromEnvironment.get(`tenants.${tenant}.tokens`);
    for (const token of (given ?? '').split(',').map((part) => part.trim())) if (token !== '') add(token, ['tenants', tenant, 'tokens']);
    for (const { path, name } of files) {
      const text = this.#read(path, name);
      if (text === null) continue;
      const tokens = text
        .split(/\r?\n/)
        .map((line) => line.trim())
        .filter((line) => line !== '' && !line.startsWith('#'));
      if (tokens.length === 0) this.#report({ path, at: 'value', found: `${name}: no token in it`, expected: 'one token per line' });
      for (const token of tokens) add(token, path);
    }
    return [...hashes];
  }
}
