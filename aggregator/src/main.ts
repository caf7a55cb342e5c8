// The program: hands the process to the command line and its exit code back.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './cli/program.js';

// Beside the installed program: aggregator/dist/tidemark.js and preview/dist.
const preview = join(import.meta.dirname, '..', '..', 'preview', 'dist');

process.exitCode = await run(process.argv.slice(2), {
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  env: { ...process.env },
  previewDir: existsSync(preview) ? preview : '',
});
