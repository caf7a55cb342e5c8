// The program: hands the process to the command line and its exit code back.

import { run } from './cli/program.js';

process.exitCode = await run(process.argv.slice(2), {
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  env: { ...process.env },
});
