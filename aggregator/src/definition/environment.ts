// Settings from environment variables, laid over the file's before it is checked. The names follow from the schema:
// `hot.redis.keyPrefix` is TIDEMARK_HOT_REDIS_KEY_VARIABLE_PREFIX. Invariant: a TIDEMARK_ variable is used or refused, never ignored.

import { parse } from 'yaml';
import { branches, type SchemaNode } from './json-schema.js';
import { formatPath, nearest, type Finding, type Path } from './problem.js';
import { SECRET_SETTINGS } from './secrets.js';
import { VARIABLE_PREFIX, variableName } from './variable-name.js';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Variables that the command line reads itself, before there is a definition. */
export const COMMAND_LINE_VARIABLES: readonly string[] = ['TIDEMARK_DEFINITION', 'TIDEMARK_URL', 'TIDEMARK_TOKEN'];

export interface Overlaid {
  readonly value: unknown;
  /** Secrets by dotted path. */
  readonly secrets: ReadonlyMap<string, string>;
  /** The variable that set the value at a path or above it, or null. */
  variableAt(path: Path): string | null;
  readonly findings: readonly { readonly variable: string; readonly finding: Finding }[];
}

/** @param value the file's content; it is not changed */
export function overlayEnvironment(value: unknown, environment: Environment, schema: SchemaNode): Overlaid {
  const settings = settingNames(schema, value);
  const secretNames = new Map<string, readonly string[]>();
  for (const path of secretPaths(value)) secretNames.set(variableName(path), path);

  const secrets = new Map<string, string>();
  const variables = new Map<string, string>();
  const findings: { variable: string; finding: Finding }[] = [];
  let result = value;
  // Sorted, so that a section given as a whole (TIDEMARK_HOT) is laid before its parts (TIDEMARK_HOT_KIND).
  for (const variable of Object.keys(environment).sort()) {
    const given = environment[variable];
    if (!variable.startsWith(VARIABLE_PREFIX) || given === undefined || given === '') continue;
    if (COMMAND_LINE_VARIABLES.includes(variable) || isServiceLink(variable, given)) continue;
    const secret = secretNames.get(variable);
    if (secret !== undefined) {
      secrets.set(secret.join('.'), given);
      variables.set(formatPath(secret), variable);
      continue;
    }
    const setting = settings.get(variable);
    if (setting === undefined) {
      const suggestion = nearest(
        variable.slice(VARIABLE_PREFIX.length),
        [...settings.keys(), ...secretNames.keys()].map((name) => name.slice(VARIABLE_PREFIX.length)),
      );
      const finding: Finding = {
        path: [],
        at: 'value',
        found: `the variable ${variable}`,
        expected: 'a setting of the definition, written TIDEMARK_ and its keys in capitals, such as TIDEMARK_SERVER_PORT',
        suggestion: suggestion === null ? null : VARIABLE_PREFIX + suggestion,
      };
      findings.push({ variable, finding });
      continue;
    }
    result = setIn(result, setting.path, readValue(given, setting.node));
    variables.set(formatPath(setting.path), variable);
  }

  const variableAt = (path: Path): string | null => {
    for (let length = path.length; length > 0; length--) {
      const variable = variables.get(formatPath(path.slice(0, length)));
      if (variable !== undefined) return variable;
    }
    return null;
  };
  return { value: result, secrets, variableAt, findings };
}

interface Setting {
  readonly path: readonly string[];
  readonly node: SchemaNode;
}

/** Every variable that means something for this file: all keys of the schema, and the names that the file itself introduces. */
export function settingNames(schema: SchemaNode, value: unknown): ReadonlyMap<string, Setting> {
  const names = new Map<string, Setting>();
  const walk = (node: SchemaNode, path: readonly string[], found: unknown): void => {
    if (path.length > 0 && !names.has(variableName(path))) names.set(variableName(path), { path, node });
    const kind = member(found, 'kind');
    for (const branch of branches(node)) {
      const constant = branch.properties?.['kind']?.const;
      if (constant !== undefined && constant !== kind) continue;
      for (const [key, child] of Object.entries(branch.properties ?? {})) walk(child, [...path, key], member(found, key));
      if (branch.additionalProperties === undefined || branch.additionalProperties === false) continue;
      const keys = typeof found === 'object' && found !== null && !Array.isArray(found) ? Object.keys(found) : defaultKeys(path);
      for (const key of keys) walk(branch.additionalProperties, [...path, key], member(found, key));
    }
  };
  walk(schema, [], value);
  return names;
}

/** Without a `tenants` section there is one tenant, `default`. */
function defaultKeys(path: readonly string[]): readonly string[] {
  return path.length === 1 && path[0] === 'tenants' ? ['default'] : [];
}

function secretPaths(value: unknown): readonly (readonly string[])[] {
  const tenants = member(value, 'tenants');
  const tenantNames = typeof tenants === 'object' && tenants !== null ? Object.keys(tenants) : defaultKeys(['tenants']);
  return SECRET_SETTINGS.flatMap(({ path }) =>
    path.includes('*') ? tenantNames.map((name) => path.map((part) => (part === '*' ? name : part))) : [path],
  );
}

/**
 * Text into the kind of value the setting has: numbers, true/false, lists (comma separated, or YAML in brackets), maps (YAML in
 * braces). What does not fit stays text, so that the check reports it as any other wrong value.
 */
function readValue(given: string, node: SchemaNode): unknown {
  const types = new Set(branches(node).flatMap((branch) => branch.type ?? []));
  const trimmed = given.trim();
  const hasMap = types.has('object');
  const list = branches(node).find((branch) => branch.type === 'array');
  if ((trimmed.startsWith('{') && hasMap) || (trimmed.startsWith('[') && list !== undefined)) {
    try {
      return parse(trimmed);
    } catch {
      return given; // reported by the check as not being a map or list
    }
  }
  if (list !== undefined && (trimmed.includes(',') || !types.has('string'))) {
    const item = list.items ?? {};
    return trimmed.split(',').map((part) => readValue(part.trim(), item));
  }
  if ((types.has('number') || types.has('integer')) && /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(trimmed)) return Number(trimmed);
  if (types.has('boolean') && /^(true|false)$/i.test(trimmed)) return trimmed.toLowerCase() === 'true';
  return given;
}

/**
 * Kubernetes and Docker links add variables named after services: a service called `tidemark` gives every pod TIDEMARK_PORT and
 * TIDEMARK_SERVICE_HOST. They are not settings.
 */
function isServiceLink(variable: string, given: string): boolean {
  return (
    /_SERVICE_(HOST|PORT(_[A-Z0-9_]+)?)$/.test(variable) ||
    /_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$/.test(variable) ||
    (variable.endsWith('_PORT') && /^(tcp|udp|sctp):\/\//.test(given))
  );
}

function member(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return Object.hasOwn(value, key) ? Reflect.get(value, key) : undefined;
}

function setIn(value: unknown, path: readonly string[], leaf: unknown): unknown {
  if (path.length === 0) return leaf;
  const base = typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
  return { ...base, [path[0]]: setIn(member(value, path[0]), path.slice(1), leaf) };
}
