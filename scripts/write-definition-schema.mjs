// Writes definitions/tidemark.schema.json from the schema that checks definitions: `node scripts/write-definition-schema.mjs`.
// A test fails when the file is stale.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { bundle, repositoryRoot } from './bundle.mjs';

const program = await bundle(join(repositoryRoot, 'aggregator/src/definition/json-schema.ts'));
const { definitionJsonSchemaText } = await import(pathToFileURL(program).href);
writeFileSync(join(repositoryRoot, 'definitions/tidemark.schema.json'), definitionJsonSchemaText());
console.log('wrote definitions/tidemark.schema.json');
