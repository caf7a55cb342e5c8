// The program: hands the process to the command line and its exit code back.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './cli/program.js';

// Beside the installed program: aggregator/dist/tidemark.js and preview/dist.
const preview = join(import.meta.dirname, '..', '..', 'preview', 'dist');

// Whoever reads the output may have had enough of it, as `head` does: that is an end, not a failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  process.stderr.write(`error: the output cannot be written: ${error.message}\n`);
  process.exit(1);
});

const code = await run(process.argv.slice(2), {
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  env: { ...process.env },
  previewDir: existsSync(preview) ? preview : '',
});
// Ends here even where a connection is still being tried or a store keeps an answer back: what counts is stored or reported by now.
process.exit(code);
