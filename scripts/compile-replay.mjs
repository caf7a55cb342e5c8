// The compiled part of the decoder, from its AssemblyScript source.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import asc from 'assemblyscript/asc';
import { repositoryRoot } from './bundle.mjs';

const OPTIONS = ['-O3', '--converge', '--noAssert', '--runtime', 'stub', '--importMemory', '--noExportMemory'];

/** @returns {Promise<Uint8Array>} the module @throws Error with the compiler's words */
export async function compileReplay() {
  const source = readFileSync(join(repositoryRoot, 'aggregator', 'assembly', 'replay.ts'), 'utf8');
  /** @type {Uint8Array | null} */
  let module = null;
  const { error, stderr } = await asc.main(['replay.ts', '--outFile', 'replay.wasm', ...OPTIONS], {
    readFile: (name) => (name === 'replay.ts' ? source : null),
    writeFile: (name, contents) => {
      if (name === 'replay.wasm' && typeof contents !== 'string') module = contents;
    },
    listFiles: () => [],
  });
  if (error !== null || module === null) throw new Error(`assembly/replay.ts: ${String(error)}\n${stderr.toString()}`);
  return module;
}
