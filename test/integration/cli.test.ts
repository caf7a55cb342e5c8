// The command line as a person meets it: what each command prints, where, and the exit code it leaves.

import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePorts } from '../support/managed-process.js';
import { repositoryRoot } from '../support/repository-root.js';
import { buildTidemark, runTidemark, startTidemark, type CommandResult, type Tidemark } from '../support/tidemark-process.js';
import { until } from '../support/until.js';

const ROOT = repositoryRoot();
const DEFINITION = join(ROOT, 'test', 'oracle', 'shop.yaml');
const NOW = new Date(Date.now() - 5_000).toISOString();

let folder: string;
/** A process of its own data directory, with two purchases in it. */
let tidemark: Tidemark;
let closedPort: number;

beforeAll(async () => {
  await buildTidemark();
  folder = await mkdtemp(join(tmpdir(), 'tidemark-cli-'));
  [closedPort] = await freePorts(1);
  tidemark = await startTidemark({ definition: DEFINITION, env: { TIDEMARK_DATA_DIR: join(folder, 'served') } });
  const purchase = { ts: NOW, type: 'purchase', product: { id: 'p,1', category: 'shoes' } };
  const events = [
    { ...purchase, event_id: '1', amount: 12.34, geo: { country: 'DE' }, user_id: 'u1', device: 'phone' },
    { ...purchase, event_id: '2', amount: 7.66, geo: { country: 'FR' }, user_id: 'u2', device: 'a "desk", top' },
  ];
  const sent = await fetch(`${tidemark.url}/api/v1/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(events),
  });
  expect(await sent.json()).toEqual({ accepted: 2, refused: [] });
  await until('both can be asked for', 20_000, async () => {
    const { partitions } = await tidemark.status();
    return partitions.some(({ applied }) => applied === 2);
  });
});
afterAll(async () => {
  await tidemark?.process.stop();
  await rm(folder, { recursive: true, force: true });
});

const ask = (...args: string[]): Promise<CommandResult> => runTidemark(['query', ...args, '--url', tidemark.url]);

describe('help', () => {
  it('names every command and the exit codes, and each command explains itself', async () => {
    const help = await runTidemark(['--help']);
    expect(help).toMatchObject({ code: 0, stderr: '' });
    for (const command of ['serve', 'check', 'migrate', 'status', 'query', 'generate', 'replay', 'verify', 'detect']) {
      expect(help.stdout).toMatch(new RegExp(`^  ${command} `, 'm'));
      const own = await runTidemark([command, '--help']);
      expect(own).toMatchObject({ code: 0, stderr: '' });
      expect(own.stdout).toMatch(new RegExp(`^Usage: tidemark ${command} `));
      expect(own.stdout).toContain('--help');
    }
    expect(help.stdout).toMatch(/Exit codes: 0 done · 1 failed · 2 .* wrong · 3 .* not answer/);
    expect((await runTidemark(['query', '--help'])).stdout).toMatch(/Examples:\n {2}tidemark query revenue --by country/);
  });

  it('comes with what is mistyped: a near name, and exit code 2', async () => {
    expect(await runTidemark(['srve'])).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('Did you mean serve?') });
    expect(await runTidemark(['query'])).toMatchObject({ code: 2, stderr: expect.stringContaining("missing required argument 'measure'") });
    expect(await runTidemark(['query', 'events', '--format', 'xml'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('Allowed choices are table, csv, json'),
    });
    expect(await runTidemark(['check', '--definitoin', 'x'])).toMatchObject({ code: 2, stderr: expect.stringContaining('--definition') });
  });

  it('says its version', async () => {
    const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { version: string };
    expect(await runTidemark(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
  });
});

describe('check', () => {
  it('prints what a right definition comes to', async () => {
    for (const name of ['demo', 'webshop', 'http-service']) {
      const { code, stdout, stderr } = await runTidemark(['check', '-d', `definitions/${name}.yaml`]);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toContain(`definitions/${name}.yaml is right`);
      expect(stdout).toMatch(/source .*\n {2}measures .*\n {2}groupings none · .*\n {2}hot .* at most [\d.]+ [MG]iB/);
    }
    const json = await runTidemark(['check', '-d', 'definitions/demo.yaml', '--json']);
    expect(JSON.parse(json.stdout)).toMatchObject({
      catalog: { measures: expect.any(Array) },
      hotMemory: { totalBytes: expect.any(Number) },
    });
  });

  it('points at each mistake: file, line, what was found, what was expected, the nearest name', async () => {
    const bad = join(folder, 'bad.yaml');
    await writeFile(bad, 'name: x\nsource: {http: {}}\nevent: {time: ts}\nmeasures:\n  views: {kind: cont}\n');
    const { code, stdout, stderr } = await runTidemark(['check', '-d', bad]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(`${bad}:5:17  measures.views.kind`);
    expect(stderr).toMatch(/found: +"cont"\n +expected: one of count, sum, .*\n +nearest: +count/);
    // What cannot be read is not started either.
    expect(await runTidemark(['serve', '-d', bad])).toEqual({ code: 2, stdout: '', stderr });
    expect(await runTidemark(['check', '-d', join(folder, 'none.yaml')])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/There is no definition at .*none\.yaml/),
    });
    expect(await runTidemark(['check', '-d', DEFINITION], { TIDEMARK_SERVER_PROT: '1' })).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('TIDEMARK_SERVER_PORT'),
    });
  });

  // A store that refused the connection was reported as late, and Kafka with the stack of its client.
  it('--connect says in words which store does not answer, with exit code 3', async () => {
    const closed = `127.0.0.1:${closedPort}`;
    const down = await runTidemark(['check', '-d', 'definitions/webshop.yaml', '--connect'], {
      TIDEMARK_AUTH: 'none',
      TIDEMARK_SOURCE_KAFKA_BROKERS: closed,
      TIDEMARK_HOT_REDIS_NODES: closed,
      TIDEMARK_COLD_URL: `http://${closed}`,
    });
    expect(down).toMatchObject({ code: 3, stderr: '' });
    const lines = down.stdout.trimEnd().split('\n').slice(-3);
    expect(lines[0]).toMatch(/^hot tier +FAILED +Redis does not answer .*ECONNREFUSED.* Check that Redis runs/);
    expect(lines[1]).toMatch(/^cold tier +FAILED +ClickHouse does not answer: .*ECONNREFUSED.* Check that ClickHouse runs/);
    expect(lines[2]).toMatch(/^Kafka +FAILED +connect to .*ECONNREFUSED.* Check source\.kafka\.brokers/);
    expect(down.stdout).not.toMatch(/\.js:\d+/);
    const up = await runTidemark(['check', '-d', DEFINITION, '--connect'], { TIDEMARK_DATA_DIR: join(folder, 'checked') });
    expect(up.code).toBe(0);
    expect(up.stdout).toMatch(/hot tier +ok +in memory.*\ncold tier +ok .*\nKafka +ok +not used/);
  });
});

describe('migrate', () => {
  // Every step was printed as applied and the tables called ready, also when there was nothing to do.
  it('lists the steps, takes them once, and says when there is nothing to do', async () => {
    const env = { TIDEMARK_DATA_DIR: join(folder, 'migrated') };
    const migrate = (...args: string[]): Promise<CommandResult> => runTidemark(['migrate', '-d', DEFINITION, ...args], env);
    const planned = await migrate('--dry-run');
    expect(planned).toMatchObject({ code: 0, stderr: '' });
    const steps = planned.stdout.trimEnd().split('\n');
    expect(steps.length).toBeGreaterThan(2);
    expect(steps.every((line) => line.startsWith('pending '))).toBe(true);

    const taken = await migrate();
    expect(taken.code).toBe(0);
    for (const step of steps) expect(taken.stdout).toContain(step.replace('pending', 'applied'));
    expect(taken.stdout).toMatch(/The tables are ready\.\n$/);

    expect(await migrate()).toEqual({ code: 0, stdout: 'The tables are up to date.\n', stderr: '' });
    expect((await migrate('--dry-run')).stdout).toBe(planned.stdout.replaceAll('pending', 'applied'));
  }, 60_000);

  it('leaves with 3 when the store does not answer, or another process has it', async () => {
    const away = { TIDEMARK_AUTH: 'none', TIDEMARK_COLD_URL: `http://127.0.0.1:${closedPort}` };
    expect(await runTidemark(['migrate', '-d', 'definitions/webshop.yaml'], away)).toMatchObject({
      code: 3,
      stdout: '',
      stderr: expect.stringMatching(/^error: ClickHouse does not answer: .*\n {2}Check that ClickHouse runs/),
    });
    expect(await runTidemark(['migrate', '-d', DEFINITION], { TIDEMARK_DATA_DIR: join(folder, 'served') })).toMatchObject({
      code: 3,
      stderr: expect.stringContaining(`in use by pid ${tidemark.process.pid}`),
    });
  });
});

describe('status', () => {
  it('shows partitions, ledger and stores to people, and everything as JSON', async () => {
    const { code, stdout } = await runTidemark(['status', '--url', tidemark.url]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^oracle {2}running, since /);
    expect(stdout).toMatch(/^hot +ok .*\ncold +ok .* 2 raw rows/m);
    expect(stdout).toMatch(
      /^partition +offset +lag +watermark +consumed +applied +duplicate +dead +late +lost\nembedded\/0 +2 +0 .* +2 +2 +0 +0 +0 +0$/m,
    );
    const json = await runTidemark(['status', '--json'], { TIDEMARK_URL: tidemark.url });
    expect(JSON.parse(json.stdout)).toMatchObject({ name: 'oracle', partitions: [{ partition: 'embedded/0', applied: 2 }] });
  });

  it('leaves with 3 when nobody answers, with 2 when the address or the token file is wrong', async () => {
    expect(await runTidemark(['status', '--url', `http://127.0.0.1:${closedPort}`])).toEqual({
      code: 3,
      stdout: '',
      stderr: `error: No aggregator answers at http://127.0.0.1:${closedPort}.\n  Start it with \`tidemark serve\`, or name another with --url.\n`,
    });
    expect(await runTidemark(['status', '--url', 'nonsense'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('http://localhost:4400'),
    });
    expect(await runTidemark(['status', '--url', tidemark.url, '--token-file', join(folder, 'none')])).toMatchObject({ code: 2 });
  });
});

describe('query', () => {
  it('prints a table for people', async () => {
    const total = await ask('revenue', '--total', '--by', 'country', '--from', 'now-5m');
    expect(total.code).toBe(0);
    expect(total.stdout).toBe('   DE    FR\n12.34  7.66\n');
    const series = await ask('events', '--from', 'now-10m', '--bucket', '1m', '--filter', 'country=DE|FR', 'device=~^p');
    expect(series.stdout).toMatch(/^time +events\n(20.*\n)+/);
    const sum = series.stdout
      .split('\n')
      .slice(1)
      .reduce((all, line) => all + Number(line.split(/ +/)[1] ?? 0), 0);
    expect(sum).toBe(1);
    expect((await ask('top_products', '--top', '3')).stdout).toBe('product_id  top_products\np,1                    2\n');
    // An automatic bucket is as long as it takes for the table to be read.
    const hours = await ask('events', '--from', 'now-3h');
    expect(hours.stdout.trimEnd().split('\n').length).toBeLessThanOrEqual(62);
    expect((await ask('events', '--from', 'now-3d', '--to', 'now-2d')).code).toBe(0);
  });

  it('prints CSV for programs, whatever stands in a value', async () => {
    const { code, stdout } = await ask('revenue', '--by', 'device', '--from', 'now-5m', '--bucket', '5m', '--format', 'csv');
    expect(code).toBe(0);
    const [head, ...rows] = stdout.split('\r\n');
    expect(head).toBe('time,"a ""desk"", top",phone');
    expect(rows.at(-1)).toBe('');
    expect(rows.join('')).toContain('7.66,12.34');
  });

  it('prints the answer of the API as JSON', async () => {
    const { code, stdout } = await ask('latency', '--stat', 'p95', '--total', '--format', 'json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ results: { A: { status: 200, frames: expect.any(Array) } } });
  });

  it.each([
    [['revenu'], /there is no measure "revenu"\.\n {2}Did you mean "revenue"\?/],
    [['revenue', '--by', 'land'], /there is no dimension "land"\.\n {2}Known: country, device, category/],
    [['revenue', '--filter', 'country~DE'], /--filter: found "country~DE", expected DIMENSION=VALUE/],
    [['revenue', '--from', 'yesterday-ish'], /"yesterday-ish"/],
    [['revenue', '--from', 'now', '--to', 'now-1h'], /Swap/],
    [['events', '--from', 'now-3d', '--bucket', '1s'], /259\d{3} buckets of 1s were asked.*\n {2}Use bucket 15s or longer/],
    [['top_products', '--top', 'many'], /--top: found "many"/],
  ])('says what is wrong with %j, and leaves with 2', async (args, words) => {
    const { code, stdout, stderr } = await ask(...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(words);
    expect(stderr).toMatch(/^error: /);
  });
});

describe('serve', () => {
  it('leaves with 2 when another process has the data directory', async () => {
    const twice = await runTidemark(['serve', '-d', DEFINITION], { TIDEMARK_DATA_DIR: join(folder, 'served'), TIDEMARK_SERVER_PORT: '0' });
    expect(twice.code).toBe(2);
    expect(twice.stdout).toMatch(/has the embedded log open .*give each process a data directory of its own/);
  });

  // The reason was a stack.
  it('leaves with 1 and words when its port is taken', async () => {
    const taken = await runTidemark(['serve', '-d', DEFINITION], {
      TIDEMARK_DATA_DIR: join(folder, 'second'),
      TIDEMARK_SERVER_PORT: String(tidemark.port),
    });
    expect(taken.code).toBe(1);
    expect(taken.stdout).toMatch(/cannot listen on 127\.0\.0\.1:\d+: another process listens there\..*TIDEMARK_SERVER_PORT/);
    expect(taken.stdout).not.toMatch(/\(node:net/);
  });
});

describe('generate', () => {
  const range = ['--from', '2025-03-01T12:00:00Z', '--until', '2025-03-01T12:03:00Z', '--rate', '20'];

  it('writes the same events for the same seed, one JSON object a line, and its progress elsewhere', async () => {
    const [first, again, other] = [
      await runTidemark(['generate', ...range, '--seed', '7']),
      await runTidemark(['generate', ...range, '--seed', '7']),
      await runTidemark(['generate', ...range, '--seed', '8']),
    ];
    expect(first.code).toBe(0);
    expect(again.stdout).toBe(first.stdout);
    expect(other.stdout).not.toBe(first.stdout);
    const events = first.stdout.trimEnd().split('\n');
    expect(events.length).toBeGreaterThan(1_000);
    for (const event of events)
      expect(JSON.parse(event)).toMatchObject({ event_id: expect.any(String), ts: expect.any(String), type: expect.any(String) });
    expect(first.stderr).toMatch(new RegExp(`^${events.length} events written\n$`, 'm'));
  });

  it('refuses a range or a rate that cannot be, with exit code 2', async () => {
    expect(await runTidemark(['generate', '--from', 'now-10s', '--until', 'now-20s'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('Swap'),
    });
    expect(await runTidemark(['generate', '--rate', '-3'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('expected a number above 0'),
    });
    expect(await runTidemark(['generate', '--to', 'kafka', '-d', 'definitions/demo.yaml'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('names no Kafka source'),
    });
  });

  // It ended with `Error: write EPIPE`.
  it('ends quietly when its reader has had enough', async () => {
    const program = join(ROOT, 'aggregator', 'dist', 'tidemark.js');
    const pipeline = `"$0" "$1" generate --from now-1h --rate 500 | head -n 1 > /dev/null; echo "\${PIPESTATUS[@]}"`;
    const { stdout, stderr } = await promisify(execFile)('bash', ['-c', pipeline, process.execPath, program]);
    expect({ stdout, errors: stderr.split('\n').filter((line) => line !== '' && !/^\d+ events/.test(line)) }).toEqual({
      stdout: '0 0\n',
      errors: [],
    });
  });
});
