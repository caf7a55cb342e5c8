// What the suites need besides npm packages: Redis, a Kafka to run, a browser, Go. Installs what it can, and says what is missing
// otherwise. Each entry answers with the reason why it cannot be used, or with nothing when it can.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { bundle, repositoryRoot } from './bundle.mjs';

/** @type {Record<string, () => Promise<string | undefined>>} */
export const prerequisites = {
  redis: async () => program(['redis-server'], ['redis-server', 'redis-tools']) ?? program(['redis-cli'], ['redis-tools']),
  kcat: async () => program(['kcat'], ['kcat']),
  openssl: async () => program(['openssl'], ['openssl']),
  browser: async () => program(['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'], ['chromium']),
  go: async () => {
    const wanted = /^go (\S+)$/m.exec(readFileSync(join(repositoryRoot, 'go.mod'), 'utf8'))?.[1] ?? '';
    const advice = `Go ${wanted} or newer is needed; get it from https://go.dev/dl (Go 1.24 or newer fetches it by itself unless GOTOOLCHAIN=local)`;
    if (!onPath('go')) return `go is not installed. ${advice}`;
    // Asked inside the module: an older Go answers for the newer one that it can fetch, or fails.
    const { status, stdout, stderr } = spawnSync('go', ['env', 'GOVERSION'], { cwd: repositoryRoot, encoding: 'utf8' });
    return status === 0 ? undefined : `${(stderr || stdout).trim().split('\n')[0]}. ${advice}`;
  },
  'oldest-grafana': async () => {
    const folder = join(repositoryRoot, 'test', 'browser', 'oldest-grafana');
    const lock = readFileSync(join(folder, 'package-lock.json'), 'utf8');
    const stamp = join(folder, 'node_modules', 'installed-lock.json');
    if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return undefined;
    console.log('installing the packages of the oldest Grafana …');
    const args = ['ci', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error'];
    const { status } = spawnSync('npm', args, { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] });
    if (status !== 0) return 'the packages of the oldest Grafana could not be installed with npm; see above';
    writeFileSync(stamp, lock);
    return undefined;
  },
  kafka: async () => {
    const missing = program(['java'], ['default-jre-headless']) ?? program(['mvn'], ['maven']);
    if (missing !== undefined) return `${missing} (a real Kafka broker needs Java 17 or newer, and Maven to fetch it)`;
    const install = await import(pathToFileURL(await bundle(join(repositoryRoot, 'test', 'support', 'kafka-install.ts'))).href);
    try {
      await install.kafkaClassPath();
      return undefined;
    } catch (error) {
      return `Kafka's jars could not be fetched with mvn: ${String(error instanceof Error ? error.message : error).slice(-500)}`;
    }
  },
};

/**
 * @param {readonly string[]} names any of which will do
 * @param {readonly string[]} packages of Debian and its descendants
 */
function program(names, packages) {
  if (names.some(onPath)) return undefined;
  const advice = `${names[0]} is not installed`;
  if (process.getuid?.() !== 0 || !onPath('apt-get')) return `${advice}; on Debian: sudo apt-get install ${packages.join(' ')}`;
  console.log(`installing ${packages.join(', ')} …`);
  // RUNLEVEL keeps the packages from starting services of their own.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  const install = () =>
    spawnSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], { env, stdio: ['ignore', 'ignore', 'inherit'] });
  if (install().status !== 0) {
    spawnSync('apt-get', ['update', '-qq'], { env, stdio: ['ignore', 'ignore', 'inherit'] });
    install();
  }
  return names.some(onPath) ? undefined : `${advice}, and apt-get could not install it`;
}

/** @param {string} name */
function onPath(name) {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => folder !== '' && existsSync(join(folder, name)));
}
