// Compiles aggregator/assembly/replay.ts and writes the module as text into aggregator/src/decode/replay-module.ts, which is kept in
// the repository: nobody needs the compiler to run or to test. `npm run replay` after a change of the source.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from './bundle.mjs';
import { compileReplay } from './compile-replay.mjs';

const text = `// Made by \`npm run replay\` from assembly/replay.ts; not to be changed by hand.

/** A WebAssembly module in base64. */
export const REPLAY_MODULE =
  '${Buffer.from(await compileReplay()).toString('base64')}';
`;
writeFileSync(join(repositoryRoot, 'aggregator', 'src', 'decode', 'replay-module.ts'), text);
