// The definition's JSON Schema (draft 7): published for editors, and walked here to find valid key names and the names of
// environment variables, so that neither can drift from what is checked.

import { z } from 'zod';
import { definitionSchema } from './schema.js';
import type { Path } from './problem.js';

/** The part of JSON Schema that zod writes for this schema. */
export interface SchemaNode {
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: SchemaNode | false;
  readonly items?: SchemaNode;
  readonly anyOf?: readonly SchemaNode[];
  readonly oneOf?: readonly SchemaNode[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly description?: string;
}

const nodeSchema: z.ZodType<SchemaNode> = z.lazy(() =>
  z.looseObject({
    type: z.union([z.string(), z.array(z.string())]).exactOptional(),
    properties: z.record(z.string(), nodeSchema).exactOptional(),
    required: z.array(z.string()).exactOptional(),
    additionalProperties: z.union([z.literal(false), nodeSchema]).exactOptional(),
    items: nodeSchema.exactOptional(),
    anyOf: z.array(nodeSchema).exactOptional(),
    oneOf: z.array(nodeSchema).exactOptional(),
    enum: z.array(z.unknown()).exactOptional(),
    const: z.unknown().exactOptional(),
    default: z.unknown().exactOptional(),
    description: z.string().exactOptional(),
  }),
);

/** The schema as plain JSON data. */
export function definitionJsonSchema(): SchemaNode {
  return nodeSchema.parse(z.toJSONSchema(definitionSchema, { target: 'draft-7', io: 'input' }));
}

/** What is written to `definitions/tidemark.schema.json`, newline at the end included. */
export function definitionJsonSchemaText(): string {
  const { $schema, ...rest } = z.toJSONSchema(definitionSchema, { target: 'draft-7', io: 'input' });
  return `${JSON.stringify({ $schema, title: 'Tidemark definition', ...rest }, null, 2)}\n`;
}

/** A node and the alternatives it consists of. */
export function branches(node: SchemaNode): readonly SchemaNode[] {
  const alternatives = [...(node.anyOf ?? []), ...(node.oneOf ?? [])];
  return alternatives.length === 0 ? [node] : alternatives.flatMap(branches);
}

/** Nodes that describe `key` below `node`; several where alternatives differ. */
export function children(node: SchemaNode, key: string | number): readonly SchemaNode[] {
  return branches(node).flatMap((branch) => {
    if (typeof key === 'number') return branch.items === undefined ? [] : [branch.items];
    const own = branch.properties !== undefined && Object.hasOwn(branch.properties, key) ? branch.properties[key] : undefined;
    if (own !== undefined) return [own];
    return branch.additionalProperties === undefined || branch.additionalProperties === false ? [] : [branch.additionalProperties];
  });
}

/**
 * The keys that may stand in the map at `path`. Where alternatives are told apart by a `kind`, the value's own kind decides.
 * @param value the map that was found there
 */
export function keysAt(root: SchemaNode, path: Path, value: unknown): readonly string[] {
  let nodes: readonly SchemaNode[] = [root];
  for (const part of path) nodes = nodes.flatMap((node) => children(node, part));
  const maps = nodes.flatMap(branches).filter((node) => node.properties !== undefined);
  const kind = typeof value === 'object' && value !== null && 'kind' in value ? value.kind : undefined;
  const chosen = maps.filter((node) => kind !== undefined && node.properties?.['kind']?.const === kind);
  return [...new Set((chosen.length > 0 ? chosen : maps).flatMap((node) => Object.keys(node.properties ?? {})))];
}
