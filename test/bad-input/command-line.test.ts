// The command line with wrong options, hostile texts and definitions with SQL and Lua in their names: one sentence on what is wrong, the
// exit code that the help states, never a stack.

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../aggregator/src/cli/program.js';
import { runTidemark, type CommandResult } from '../support/tidemark-process.js';
import { SHOP_YAML } from './bench.js';
import { Served } from './served.js';

const HOSTILE = [
  "'; DROP TABLE events; --",
  "]] redis.call('FLUSHALL') --",
  '$(reboot)',
  '`id`',
  '../../etc/passwd',
  '\u202e',
  '--',
  '{{7*7}}',
  'a\nb',
];
const EXIT_INVALID = 2;
const EXIT_UNAVAILABLE = 3;

let folder: string;
let served: Served;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidemark-cli-'));
  served = await Served.start(SHOP_YAML);
  const events = Array.from({ length: 5 }, (_, i) => ({
    event_id: `e${i}`,
    ts: Date.now() - 2_000,
    device: 'phone',
    geo: { country: 'DE' },
    amount: 2,
  }));
  await served.post('/api/v1/events', events);
  await served.ledgerAt(5);
});
afterAll(async () => {
  await served?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** A command in this process: the same as the built program, without a second per start. */
async function command(...args: readonly string[]): Promise<CommandResult> {
  const written = { stdout: '', stderr: '' };
  const into = (name: keyof typeof written): Writable =>
    new Writable({
      write: (chunk: Buffer, _, done) => {
        written[name] += chunk.toString();
        done();
      },
    });
  const code = await run(args, { stdin: Readable.from([]), stdout: into('stdout'), stderr: into('stderr'), env: {}, previewDir: '' });
  return { code, ...written };
}

const ask = (...args: string[]): Promise<CommandResult> => command('query', '--url', served.tidemark.url, ...args);

function expectRefused({ code, stderr, stdout }: CommandResult, exit: number, what: string): void {
  expect(code, `${what}\n${stderr}`).toBe(exit);
  expect(stderr, what).toMatch(/^(error: |The definition has )/);
  expect(stderr, what).not.toMatch(/\n {4}at |node:internal/);
  expect(stdout, what).toBe('');
}

describe('tidemark query', () => {
  it('answers, and says from where on it is unfinished', async () => {
    const { code, stdout, stderr } = await ask('events', '--by', 'device', '--bucket', '1m', '--from', 'now-2m');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^time +phone\n/);
    expect(stderr).toMatch(/note: unfinished from \d{4}-.+ on; events may still come/);
    expect((await ask('events', '--total', '--format', 'csv')).stdout).toBe('events\r\n5\r\n');
  });

  it('refuses in words of its own options', async () => {
    expect((await ask('evnets')).stderr).toBe(
      'error: measure: there is no measure "evnets".\n  Did you mean "events"? Known: events, purchases, revenue, smallest, largest, mean, visitors, amounts, top_users, buyers_share.\n',
    );
    expect((await ask('top_users')).stderr).toContain('Add --top 10.');
    for (const args of [
      ['events', '--from', 'yesterday'],
      ['events', '--from', 'now', '--to', 'now-1h'],
      ['events', '--bucket', '7'],
      ['events', '--from', 'now-10y', '--bucket', '1s'],
      ['events', '--top', 'many'],
      ['events', '--filter', 'DE'],
      ['events', '--stat', 'p95'],
      ['events', '--by', 'land'],
    ]) {
      expectRefused(await ask(...args), EXIT_INVALID, args.join(' '));
    }
  });

  it('takes hostile texts as texts', async () => {
    for (const text of HOSTILE) {
      const { code, stdout } = await ask('events', '--total', '--format', 'csv', `--filter=country=${text}`);
      expect([code, stdout.includes('5')], text).toEqual([0, false]);
      for (const option of ['--by', '--bucket', '--stat', '--from', '--to', '--compare', '--top']) {
        expectRefused(await ask('events', `${option}=${text}`), EXIT_INVALID, `${option}=${text}`);
      }
    }
    expect((await ask('events', '--total', '--format', 'csv')).stdout).toBe('events\r\n5\r\n');
  });

  it('says when nobody answers, when the address is none and when the token cannot be read', async () => {
    expectRefused(await runTidemark(['query', 'events', '--url', 'http://127.0.0.1:1']), EXIT_UNAVAILABLE, 'nobody');
    expectRefused(await runTidemark(['query', 'events', '--url', 'not an address']), EXIT_INVALID, 'no address');
    expectRefused(await runTidemark(['status', '--token-file', join(folder, 'nowhere')]), EXIT_INVALID, 'no token');
  });
});

describe('tidemark check', () => {
  const check = async (name: string, text: string): Promise<CommandResult> => {
    const path = join(folder, name);
    await writeFile(path, text);
    return command('check', '--definition', path);
  };

  it('refuses SQL, Lua and paths where a name becomes part of a statement or a key', async () => {
    const yaml = await readFile(SHOP_YAML, 'utf8');
    const places: readonly (readonly [string, (text: string) => string])[] = [
      ['name', (text) => yaml.replace('name: bad-input', `name: ${text}`)],
      ['measure', (text) => yaml.replace('  events: {', `  ${text}: {`)],
      ['dimension', (text) => yaml.replace('  device: {', `  ${text}: {`)],
      [
        'cold.database',
        (text) => yaml.replace('cold: { kind: chdb }', `cold: { kind: http, url: 'http://localhost:8123', database: ${text} }`),
      ],
      [
        'cold.cluster',
        (text) => yaml.replace('cold: { kind: chdb }', `cold: { kind: http, url: 'http://localhost:8123', cluster: ${text} }`),
      ],
      [
        'hot.redis.keyPrefix',
        (text) => yaml.replace('hot: { kind: memory }', `hot: { kind: redis, redis: { nodes: ['localhost:6379'], keyPrefix: ${text} } }`),
      ],
      ['topic', (text) => yaml.replace('  http: {}', `  kafka: { brokers: ['localhost:9092'], topics: [${text}] }`)],
      ['tenant', (text) => `${yaml}\ntenants: { ${text}: {} }\n`],
    ];
    for (const [place, write] of places) {
      for (const text of ["'; DROP TABLE events; --", "x') redis.call('FLUSHALL')", 'a`b', 'a{b}', 'a\nb', '../up']) {
        expectRefused(await check('hostile.yaml', write(JSON.stringify(text))), EXIT_INVALID, `${place}: ${text}`);
      }
    }
  });

  it('takes any text as a path, a description, a unit or a value of a condition', async () => {
    const yaml = await readFile(SHOP_YAML, 'utf8');
    for (const text of HOSTILE.filter((one) => !one.includes('\n'))) {
      const written = yaml.replace(
        'where: { type: purchase }',
        `where: { type: ${JSON.stringify(text)} }, unit: ${JSON.stringify(text)}, description: ${JSON.stringify(text)}`,
      );
      expect((await check('texts.yaml', written)).code, text).toBe(0);
    }
  });

  it('refuses what is no definition', async () => {
    for (const [name, text] of [
      ['empty', ''],
      ['list', '[]'],
      ['text', 'hello'],
      ['broken', 'a: [1'],
      ['nul', '\u0000'],
      ['deep', '['.repeat(50_000)],
      ['bomb', bomb()],
      ['binary', '\ufffd\u0001\u0002'],
    ]) {
      expectRefused(await check(`${name}.yaml`, text), EXIT_INVALID, name);
    }
    expectRefused(await runTidemark(['check', '--definition', join(folder, 'nowhere.yaml')]), EXIT_INVALID, 'nowhere');
    expectRefused(await runTidemark(['check', '--definition', folder]), EXIT_INVALID, 'a folder');
  });
});

/** Aliases of aliases: nine lines that are a billion values. */
function bomb(): string {
  const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]'];
  for (let i = 1; i < 9; i++) lines.push(`a${i}: &a${i} [${new Array(10).fill(`*a${i - 1}`).join(', ')}]`);
  return lines.join('\n');
}
