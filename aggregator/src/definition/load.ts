// The way in: tidemark.yaml and the environment become a Definition, or one error with every problem in them. The order is fixed:
// parse, lay the environment over, check the shape, check the sense, read secrets, compile, estimate memory.
// Nothing reads the environment or a setting's file after this.

import { readFileSync } from 'node:fs';
import { checkTokens } from './check-access.js';
import { checkDefinition, touches } from './check.js';
import { compileDefinition } from './compile.js';
import { readConnectionSecrets } from './connection-secrets.js';
import { overlayEnvironment, type Environment, type Overlaid } from './environment.js';
import { checkShape } from './issues.js';
import { definitionJsonSchema } from './json-schema.js';
import { memoryFinding } from './memory-estimate.js';
import type { Definition, Tenant } from './model.js';
import { parseText, type ParsedText } from './parse.js';
import { planFields } from './plan.js';
import { DefinitionError, formatPath, type Finding, type Path, type Problem } from './problem.js';
import type { DefinitionInput } from './schema.js';
import { SecretReader } from './secrets.js';

export interface LoadOptions {
  /** The file, as it is named in problems; what it names itself stands relative to its folder. */
  readonly path: string;
  /** Its content; read from `path` when left out. */
  readonly text?: string;
  /** e.g. a copy of process.env. Default: none. */
  readonly env?: Environment;
  /** Reads a text file, throws when it cannot. Default: from disk, UTF-8. */
  readonly readFile?: (path: string) => string;
}

/**
 * @returns the compiled definition
 * @throws DefinitionError with all problems, in the order of the file
 */
export function loadDefinition({ path, text, env = {}, readFile = (name) => readFileSync(name, 'utf8') }: LoadOptions): Definition {
  const parsed = parseText(text ?? readDefinition(path, readFile), path);
  if (parsed.problems.length > 0) throw new DefinitionError(parsed.problems);
  const schema = definitionJsonSchema();
  const overlaid = overlayEnvironment(withoutEmpty(parsed.value, []), env, schema);
  const problems = new Problems(path, parsed, overlaid);
  for (const { variable, finding } of overlaid.findings) problems.addVariable(variable, finding);

  const shape = checkShape(overlaid.value, schema);
  shape.findings.forEach(problems.add);
  if (shape.input === null) throw problems.error();
  const input = shape.input;
  checkDefinition(input, shape.removed, problems.add);
  const isTouched = touches(shape.removed);
  const plan = planFields(input, (finding) => {
    if (!isTouched(finding.path.join('.'))) problems.add(finding);
  });
  const secrets = new SecretReader({
    readFile,
    definitionFile: path,
    secrets: overlaid.secrets,
    isFromEnvironment: (at) => overlaid.variableAt(at) !== null,
    report: problems.add,
  });
  const connections = readConnectionSecrets(input, secrets);
  const tenants = readTenants(input, secrets);
  checkTokens(input, tenantsWithTokens(input, tenants), isTouched, problems.add);
  checkTokensDiffer(tenants, problems.add);
  problems.throwIfAny();

  const definition = compileDefinition(input, plan, tenants, connections);
  const tooLarge = memoryFinding(definition);
  if (tooLarge !== null) problems.add(tooLarge);
  problems.throwIfAny();
  return definition;
}

function readDefinition(path: string, readFile: (path: string) => string): string {
  try {
    return readFile(path);
  } catch (error) {
    const found = error instanceof Error ? error.message : String(error);
    throw new DefinitionError([
      { file: path, line: 1, column: 1, path: '', found, expected: 'a definition that can be read', suggestion: null, excerpt: '' },
    ]);
  }
}

/** A key with nothing behind it counts as left out, except where nothing is a value: `device:` is a dimension, `http:` a source. */
function withoutEmpty(value: unknown, path: Path): unknown {
  if (Array.isArray(value)) return value.map((item, at) => withoutEmpty(item, [...path, at]));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([key, child]) => child !== null || mayBeEmpty([...path, key]));
  return Object.fromEntries(entries.map(([key, child]) => [key, withoutEmpty(child, [...path, key])]));
}

function mayBeEmpty(path: Path): boolean {
  const text = formatPath(path);
  return (path.length === 2 && path[0] === 'dimensions') || text === 'source.http' || text === 'source.demo';
}

function readTenants(input: DefinitionInput, secrets: SecretReader): readonly Tenant[] {
  return Object.entries(input.tenants).map(([name, { tokenFile, tokenFiles, quotas }]): Tenant => {
    const at = ['tenants', name];
    const files: { path: Path; name: string }[] = [];
    if (tokenFile !== undefined) files.push({ path: [...at, 'tokenFile'], name: tokenFile });
    if (typeof tokenFiles === 'string') files.push({ path: [...at, 'tokenFiles'], name: tokenFiles });
    else tokenFiles?.forEach((file, index) => files.push({ path: [...at, 'tokenFiles', index], name: file }));
    return { name, tokenSha256: secrets.tokenHashes(name, files), quotas };
  });
}

/** A tenant whose token file cannot be read counts as having tokens: the file is reported, and that is enough. */
function tenantsWithTokens(input: DefinitionInput, tenants: readonly Tenant[]): ReadonlyMap<string, boolean> {
  return new Map(
    tenants.map(({ name, tokenSha256 }) => {
      const { tokenFile, tokenFiles } = input.tenants[name];
      return [name, tokenSha256.length > 0 || tokenFile !== undefined || tokenFiles !== undefined];
    }),
  );
}

function checkTokensDiffer(tenants: readonly Tenant[], report: (finding: Finding) => void): void {
  const owners = new Map<string, string>();
  for (const { name, tokenSha256 } of tenants) {
    for (const hash of tokenSha256) {
      const owner = owners.get(hash);
      if (owner !== undefined)
        report({
          path: ['tenants', name],
          at: 'key',
          found: `a token that tenant ${owner} has too`,
          expected: 'tokens that name one tenant each',
        });
      owners.set(hash, name);
    }
  }
}

/** Gives findings their place. */
class Problems {
  readonly #file: string;
  readonly #parsed: ParsedText;
  readonly #overlaid: Overlaid;
  readonly #all: Problem[] = [];

  constructor(file: string, parsed: ParsedText, overlaid: Overlaid) {
    this.#file = file;
    this.#parsed = parsed;
    this.#overlaid = overlaid;
  }

  readonly add = (finding: Finding): void => {
    const variable = this.#overlaid.variableAt(finding.path);
    if (variable !== null) return this.addVariable(variable, finding);
    const place = this.#parsed.locate(finding.path, finding.at);
    const excerpt = finding.secret === true ? '' : this.#parsed.lineText(place.line);
    this.#all.push({ file: this.#file, ...place, ...texts(finding), excerpt });
  };

  addVariable(variable: string, finding: Finding): void {
    this.#all.push({ file: variable, line: 0, column: 0, ...texts(finding), excerpt: '' });
  }

  error(): DefinitionError {
    const distinct = new Map(this.#all.map((problem) => [JSON.stringify(problem), problem]));
    return new DefinitionError([...distinct.values()].sort((a, b) => a.line - b.line || a.column - b.column));
  }

  throwIfAny(): void {
    if (this.#all.length > 0) throw this.error();
  }
}

function texts(finding: Finding): Pick<Problem, 'path' | 'found' | 'expected' | 'suggestion'> {
  return { path: formatPath(finding.path), found: finding.found, expected: finding.expected, suggestion: finding.suggestion ?? null };
}
