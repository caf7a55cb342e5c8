// `npm test`: everything that must hold, in one run: format, lint, types, build, then the suites. Every step runs even when an
// earlier one failed. `npm test -- --only unit,oracle` runs the named ones. With CI=true what was skipped counts as failed.
// The last line is `N passed, N failed`, with `, N skipped` where something was; the exit code is 0 only when nothing failed.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ensureInstalled } from './install.mjs';

ensureInstalled();
const { repositoryRoot } = await import('./bundle.mjs');
const { prerequisites } = await import('./prerequisites.mjs');

const strict = ['1', 'true'].includes(process.env['CI'] ?? '');
const bin = (/** @type {string} */ name) => join(repositoryRoot, 'node_modules', '.bin', name);
const SUITE_LIMIT_MS = 30 * 60_000;

/**
 * @typedef {{ passed: number, failed: number, skipped: number, notes: string[] }} Outcome
 * @typedef {{ name: string, needs?: string[], run: () => Promise<Outcome> }} Step
 */

/** @type {Step[]} */
const steps = [
  { name: 'format', run: () => check(bin('prettier'), ['--check', '--log-level=warn', '.']) },
  { name: 'lint', run: () => check(bin('eslint'), ['.', '--cache', '--cache-location', '.cache/eslint/', '--cache-strategy', 'content']) },
  {
    name: 'types',
    run: () =>
      check('sh', ['-c', `${bin('tsc')} -p aggregator && ${bin('tsc')} -p preview && ${bin('tsc')} -p src && ${bin('tsc')} -p e2e`]),
  },
  { name: 'build', run: () => check(process.execPath, [join(repositoryRoot, 'scripts', 'build.mjs')]) },
  { name: 'unit', run: () => vitest('unit', []) },
  { name: 'plugin-unit', run: () => vitest('plugin', []) },
  { name: 'go', needs: ['go'], run: goTests },
  {
    name: 'package',
    needs: ['go'],
    run: () => check('sh', ['-c', 'node scripts/build-backend.mjs && node scripts/package.mjs --check']),
  },
  { name: 'support', needs: ['redis', 'openssl', 'kafka'], run: () => vitest('integration', ['test/support/']) },
  { name: 'integration', needs: ['redis', 'openssl', 'kafka'], run: () => vitest('integration', ['test/integration/']) },
  { name: 'oracle', needs: ['redis'], run: () => vitest('integration', ['test/oracle/']) },
  { name: 'bad-input', needs: ['redis', 'kafka'], run: () => vitest('integration', ['test/bad-input/']) },
  { name: 'regression', needs: ['redis', 'kafka'], run: () => vitest('integration', ['test/regression/']) },
  { name: 'faults', needs: ['redis', 'kafka', 'kcat'], run: faults },
  { name: 'browser', needs: ['browser', 'go', 'oldest-grafana'], run: () => vitest('browser', []) },
];

const chosen = chooseSteps(process.argv.slice(2));
/** @type {{ name: string, seconds: number, outcome: Outcome }[]} */
const results = [];
for (const step of chosen) {
  console.log(`\n── ${step.name} ${'─'.repeat(Math.max(0, 100 - step.name.length))}`);
  const started = performance.now();
  const missing = await missingFor(step);
  const outcome =
    missing.length === 0 ? await step.run() : { passed: 0, failed: 0, skipped: 1, notes: missing.map((reason) => `skipped: ${reason}`) };
  results.push({ name: step.name, seconds: (performance.now() - started) / 1000, outcome });
}
report();

/** @param {string[]} args */
function chooseSteps(args) {
  const at = args.findIndex((argument) => argument === '--only' || argument.startsWith('--only='));
  if (at < 0 && args.length === 0) return steps.filter(hasTests);
  const list = at < 0 ? undefined : (args[at]?.split('=')[1] ?? args[at + 1]);
  const names = list?.split(',') ?? [];
  const unknown = names.filter((name) => !steps.some((step) => step.name === name));
  if (names.length === 0 || unknown.length > 0) {
    const known = steps.map((step) => step.name).join(', ');
    console.error(
      `${unknown.length > 0 ? `no step is called ${unknown.join(', ')}. ` : ''}usage: npm test [-- --only NAME,NAME]; names: ${known}`,
    );
    process.exit(2);
  }
  return steps.filter((step) => names.includes(step.name));
}

/**
 * A suite whose folder holds no tests is no suite.
 * @param {Step} step
 */
function hasTests({ name }) {
  const folder = join(repositoryRoot, 'test', name);
  if (!['support', 'integration', 'oracle', 'bad-input', 'regression', 'browser'].includes(name)) return true;
  return existsSync(folder) && readdirSync(folder, { recursive: true, encoding: 'utf8' }).some((file) => file.endsWith('.test.ts'));
}

/** @param {Step} step */
async function missingFor({ needs = [] }) {
  const reasons = [];
  for (const need of needs) reasons.push(await prerequisites[need]?.());
  return reasons.filter((reason) => reason !== undefined);
}

/** One run of the fault harness as its page has it, and the tests that show that it sees. */
async function faults() {
  const entry = ['test', 'faults', 'main.ts'];
  const args = [join(repositoryRoot, 'scripts', 'run-ts.mjs'), join(repositoryRoot, ...entry), '--seed', '1', '--actions', '40'];
  return sum(await check(process.execPath, args), await vitest('integration', ['test/faults/']));
}

/**
 * One command that is right or wrong as a whole.
 * @param {string} command @param {string[]} args @returns {Promise<Outcome>}
 */
async function check(command, args) {
  const code = await run(command, args);
  if (code === 0) console.log('ok');
  return { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0, notes: code === 0 ? [] : [`ended with ${code}`] };
}

/**
 * Formatting, vet, then every Go test; counted one by one from go's own record of them.
 * @returns {Promise<Outcome>}
 */
async function goTests() {
  const outcome = await check('sh', ['-c', 'test -z "$(gofmt -l pkg test Magefile.go | tee /dev/stderr)" && go vet ./...']);
  const file = join(repositoryRoot, '.cache', 'test', 'go.json');
  mkdirSync(join(repositoryRoot, '.cache', 'test'), { recursive: true });
  // -count=1: what they start is no input that go's test cache knows of.
  const code = await run('sh', ['-c', `go test -json -count=1 -timeout 14m ./... > "$1"`, 'sh', file]);
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    if (!line.startsWith('{')) continue;
    const { Action, Package, Test, Output } = JSON.parse(line);
    if (Output !== undefined && code !== 0) process.stdout.write(Output);
    if (Test === undefined && Action === 'fail') outcome.notes.push(`${Package} failed; see above`);
    if (Test === undefined) continue;
    if (Action === 'pass') outcome.passed++;
    if (Action === 'fail') outcome.failed++;
    if (Action === 'skip') outcome.skipped++;
    if (Action === 'fail' || Action === 'skip') outcome.notes.push(`${Action}: ${Test}`);
  }
  if (code !== 0 && outcome.failed === 0) outcome.failed = 1;
  // What stands in for Grafana's server in the browser's tests needs the binary too.
  return sum(outcome, await vitest('integration', ['test/plugin-host/']));
}

/** @param {Outcome} a @param {Outcome} b @returns {Outcome} */
function sum(a, b) {
  return {
    passed: a.passed + b.passed,
    failed: a.failed + b.failed,
    skipped: a.skipped + b.skipped,
    notes: [...a.notes, ...b.notes],
  };
}

/** @param {string} project @param {string[]} filters @returns {Promise<Outcome>} */
async function vitest(project, filters) {
  const folder = join(repositoryRoot, '.cache', 'test');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${[project, ...filters].join('-').replaceAll('/', '_')}.json`);
  rmSync(file, { force: true });
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
  const code = await run(bin('vitest'), ['run', '--project', project, '--silent=passed-only', ...reporters, ...filters]);
  if (!existsSync(file)) return { passed: 0, failed: 1, skipped: 0, notes: [`vitest ended with ${code} and left no results`] };
  const { testResults } = JSON.parse(readFileSync(file, 'utf8'));
  /** @type {Outcome} */
  const outcome = { passed: 0, failed: 0, skipped: 0, notes: [] };
  for (const { name, status, message, assertionResults } of testResults) {
    if (status === 'failed' && !assertionResults.some((/** @type {{ status: string }} */ test) => test.status === 'failed')) {
      outcome.failed++;
      outcome.notes.push(`${name.replace(`${repositoryRoot}/`, '')} as a whole: ${String(message).split('\n')[0]}`);
    }
    for (const test of assertionResults) {
      if (test.status === 'passed') outcome.passed++;
      else if (test.status === 'failed') outcome.failed++;
      else outcome.skipped++;
      if (test.status !== 'passed') outcome.notes.push(`${test.status}: ${test.fullName}`);
    }
  }
  // Errors outside of any test, and results that are cut short, show in the exit code alone.
  if (code !== 0 && outcome.failed === 0) {
    outcome.failed = 1;
    outcome.notes.push(`vitest ended with ${code} although no test failed; see above`);
  }
  if (outcome.passed + outcome.failed + outcome.skipped === 0) {
    outcome.failed = 1;
    outcome.notes.push('vitest found no tests');
  }
  return outcome;
}

/** @param {string} command @param {string[]} args @returns {Promise<number | string>} the exit code or the signal */
function run(command, args) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: repositoryRoot, stdio: ['ignore', 'inherit', 'inherit'] });
    /** @type {NodeJS.Timeout | undefined} */
    let hard;
    const limit = setTimeout(() => {
      console.error(`stopped after ${SUITE_LIMIT_MS / 60_000} minutes`);
      child.kill('SIGTERM');
      hard = setTimeout(() => child.kill('SIGKILL'), 10_000);
    }, SUITE_LIMIT_MS);
    const pass = (/** @type {NodeJS.Signals} */ signal) => child.kill(signal);
    process.on('SIGTERM', pass).on('SIGINT', pass);
    const end = (/** @type {number | string} */ code) => {
      clearTimeout(limit);
      clearTimeout(hard);
      process.off('SIGTERM', pass).off('SIGINT', pass);
      resolve(code);
    };
    child.once('error', (error) => end(error.message));
    child.once('exit', (code, signal) => {
      end(code ?? signal ?? 1);
      // Told to stop: the steps that are left must not start.
      if (signal === 'SIGTERM' || signal === 'SIGINT') process.exit(1);
    });
  });
}

function report() {
  console.log(`\n${'step'.padEnd(14)}${'passed'.padStart(8)}${'failed'.padStart(8)}${'skipped'.padStart(9)}${'seconds'.padStart(10)}`);
  for (const { name, seconds, outcome } of results) {
    const { passed, failed, skipped } = outcome;
    console.log(
      `${name.padEnd(14)}${String(passed).padStart(8)}${String(failed).padStart(8)}${String(skipped).padStart(9)}${seconds.toFixed(1).padStart(10)}`,
    );
  }
  const noted = results.filter(({ outcome }) => outcome.notes.length > 0);
  if (noted.length > 0) console.log('');
  for (const { name, outcome } of noted) for (const note of outcome.notes) console.log(`${name}: ${note}`);
  const sum = (/** @type {'passed' | 'failed' | 'skipped'} */ key) => results.reduce((total, { outcome }) => total + outcome[key], 0);
  const skipped = sum('skipped');
  if (strict && skipped > 0) console.log(`\n${skipped} skipped, which CI counts as failed`);
  const failed = sum('failed') + (strict ? skipped : 0);
  console.log(`\n${sum('passed')} passed, ${failed} failed${skipped > 0 && !strict ? `, ${skipped} skipped` : ''}`);
  process.exitCode = failed === 0 ? 0 : 1;
}
