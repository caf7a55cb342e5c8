// The command line: commands, options, help. Each command's work is in a file of its own; here is only how it is called.

import { Command, CommanderError, Option } from 'commander';
import type { DetectorName, Direction, Sensitivity } from '../anomaly/detector.js';
import { DETECTORS } from '../anomaly/options.js';
import { check } from './check.js';
import { runDetect } from './detect.js';
import { describeError, EXIT, exitCodeOf } from './exit-codes.js';
import { generate } from './generate.js';
import type { Io } from './io.js';
import { migrate } from './migrate.js';
import { query } from './query.js';
import { replay } from './replay.js';
import { serve } from './serve.js';
import { status } from './status.js';
import { verify } from './verify.js';
import { VERSION } from '../runtime/version.js';

interface DetectCommandOptions {
  readonly time?: string;
  readonly value?: string;
  readonly labels?: string;
  readonly detector: DetectorName;
  readonly sensitivity: Sensitivity;
  readonly direction: Direction;
  readonly timezone: string;
}

const DEFINITION_HELP = 'the definition file';
const EXIT_HELP = `
Exit codes: 0 done · 1 failed · 2 the definition, an option or a query is wrong · 3 a store or the aggregator does not answer`;

/** Runs one command line. @returns the exit code */
export async function run(argv: readonly string[], io: Io): Promise<number> {
  let code: number = EXIT.ok;
  const defaultDefinition = io.env['TIDEMARK_DEFINITION'] ?? 'tidemark.yaml';
  const program = new Command('tidemark')
    .description('Real-time reporting from Kafka: hot windows in Redis, rollups in ClickHouse, one query API.')
    .version(VERSION, '-V, --version')
    .showHelpAfterError('(tidemark COMMAND --help tells more)')
    .showSuggestionAfterError()
    .addHelpText('after', EXIT_HELP)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      writeErr: (text) => void io.stderr.write(text),
    });
  const definitionOption = (): Option =>
    new Option('-d, --definition <file>', DEFINITION_HELP).default(defaultDefinition, '$TIDEMARK_DEFINITION, else tidemark.yaml');
  const urlOption = (): Option => new Option('--url <url>', 'the aggregator to ask').env('TIDEMARK_URL').default('http://localhost:4400');
  const tokenOption = (): Option => new Option('--token-file <file>', 'file with the bearer token (or $TIDEMARK_TOKEN)');

  program
    .command('serve')
    .description('Read events, keep the tiers, answer queries: until SIGTERM or Ctrl-C.')
    .addOption(definitionOption())
    .addHelpText(
      'after',
      `
What it does is in the definition's \`roles\`: ingest, query, compact (default: all).
On SIGTERM it stops reading, flushes, commits and leaves the group, in under 10 seconds; a restart goes on exactly there.

Example:
  tidemark serve -d definitions/demo.yaml`,
    )
    .action(async (options: { definition: string }) => {
      code = await serve({ definition: options.definition, previewDir: io.previewDir }, io);
    });

  program
    .command('check')
    .description('Check a definition without starting anything; print what it comes to.')
    .addOption(definitionOption())
    .option('--connect', 'also see whether Kafka, Redis and ClickHouse answer')
    .option('--json', 'print the catalogue and the memory estimate as JSON')
    .action(async (options: { definition: string; connect?: boolean; json?: boolean }) => {
      code = await check({ definition: options.definition, connect: options.connect ?? false, json: options.json ?? false }, io);
    });

  program
    .command('migrate')
    .description('Bring the ClickHouse tables to what the definition needs. `serve` does it too.')
    .addOption(definitionOption())
    .option('--dry-run', 'only list the steps')
    .action(async (options: { definition: string; dryRun?: boolean }) => {
      code = await migrate({ definition: options.definition, dryRun: options.dryRun ?? false }, io);
    });

  program
    .command('status')
    .description('How a running aggregator is: partitions, lag, ledger, stores, compaction.')
    .addOption(urlOption())
    .addOption(tokenOption())
    .option('--json', 'as JSON')
    .action(async (options: { url: string; tokenFile?: string; json?: boolean }) => {
      code = await status({ url: options.url, tokenFile: options.tokenFile ?? '', json: options.json ?? false }, io);
    });

  program
    .command('query')
    .description('Ask a running aggregator for a measure.')
    .argument('<measure>', 'e.g. revenue')
    .addOption(urlOption())
    .addOption(tokenOption())
    .option('--from <time>', 'epoch ms, ISO 8601 or relative', 'now-15m')
    .option('--to <time>', 'likewise', 'now')
    .option('--bucket <duration>', 'auto, or 1s, 10s, 1m, 1h, 1d …', 'auto')
    .option('--by <dimensions>', 'group by these, comma-separated')
    .option('--filter <condition...>', 'e.g. country=DE  device!=phone  category=~shoe.*')
    .option('--stat <stat>', 'of quantiles: p50, p95, p99 …')
    .option('--total', 'one number per series over the whole range')
    .option('--top <n>', 'only the n largest series, or items of a top measure')
    .option('--compare <duration>', 'also the same series this much earlier, e.g. 1d')
    .addOption(new Option('--format <format>', 'how to print').choices(['table', 'csv', 'json']).default('table'))
    .addHelpText(
      'after',
      `
Examples:
  tidemark query revenue --by country --from now-1h --bucket 1m
  tidemark query latency --stat p95 --filter device=phone --format csv
  tidemark query active_users --total --from now-5m`,
    )
    .action(async (measure: string, options: Parameters<typeof query>[1]) => {
      code = await query(measure, options, io);
    });

  program
    .command('generate')
    .description('Write events of the demo shop: to standard output, or to the Kafka topic of a definition.')
    .addOption(definitionOption())
    .addOption(new Option('--to <where>', 'where events go').choices(['stdout', 'kafka']).default('stdout'))
    .option('--seed <n>', 'same seed, same events', '1')
    .option('--rate <n>', 'mean events per second', '50')
    .option('--incidents <duration>', 'something goes wrong once in so long, 15m at least; `never`', '15m')
    .option('--from <time>', 'start of the generated time', 'now-1h')
    .option('--until <time>', 'end of it; `forever` goes on live', 'now')
    .addHelpText(
      'after',
      `
Examples:
  tidemark generate --from now-10m > events.ndjson
  tidemark generate --to kafka -d definitions/webshop.yaml --rate 500 --until forever`,
    )
    .action(async (options: Parameters<typeof generate>[0]) => {
      code = await generate(options, io);
    });

  program
    .command('replay')
    .description('Compute the rollups of a range anew from raw events, while queries go on.')
    .addOption(definitionOption())
    .requiredOption('--from <time>', 'begin: epoch ms, ISO 8601 or relative such as now-2d')
    .option('--to <time>', 'end, likewise', 'now')
    .addHelpText(
      'after',
      `
Rollups are computed into tables of their own and exchanged partition by partition, each in one step. Needs raw events of the range
(retention.raw). The embedded engine belongs to one process: stop \`serve\` first there.

Example:
  tidemark replay --from 2025-06-01T00:00:00Z --to 2025-06-02T00:00:00Z`,
    )
    .action(async (options: Parameters<typeof replay>[0]) => {
      code = await replay(options, io);
    });

  program
    .command('verify')
    .description('Compare rollups with raw events and Redis with ClickHouse over a range; print what differs.')
    .addOption(definitionOption())
    .option('--from <time>', 'begin: epoch ms, ISO 8601 or relative', 'now-2h')
    .option('--to <time>', 'end, likewise', 'now')
    .addHelpText(
      'after',
      `
Changes nothing. What adds up must be equal, estimates and quantiles within their stated errors. Exit code 1: something differs.

Example:
  tidemark verify -d tidemark.yaml --from now-24h`,
    )
    .action(async (options: Parameters<typeof verify>[0]) => {
      code = await verify(options, io);
    });

  program
    .command('detect')
    .description('Run an anomaly detector over a CSV file: each row comes out with expected, lower, upper, score, anomalous, reason.')
    .argument('<file>', 'a CSV file with a header, or - for standard input')
    .option('--time <column>', 'column of the time: its name, or its number from 1')
    .option('--value <column>', 'column of the value, likewise')
    .addOption(new Option('--detector <name>', 'which one').choices([...DETECTORS]).default('auto'))
    .addOption(new Option('--sensitivity <level>', 'how easily it speaks up').choices(['low', 'medium', 'high']).default('medium'))
    .addOption(new Option('--direction <side>', 'which side of the expected value counts').choices(['both', 'up', 'down']).default('both'))
    .option('--timezone <name>', 'IANA name: rhythms follow its local time', 'UTC')
    .option('--labels <file>', 'true anomalies: also tell precision, recall and delay on standard error')
    .addHelpText(
      'after',
      `
A row's verdict never uses later rows. The score is 0 to 1 for every detector, 0.5 is anomalous (docs/anomaly-score.md).

Example:
  tidemark detect requests.csv --time minute --value errors > judged.csv`,
    )
    .action(async (file: string, options: DetectCommandOptions) => {
      const { time, value, labels, detector, sensitivity, direction, timezone } = options;
      code = await runDetect(file, { time, value, labels, detector: { detector, sensitivity, direction, timeZone: timezone } }, io);
    });

  try {
    await program.parseAsync([...argv], { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) {
      return error.exitCode === 0 ? EXIT.ok : EXIT.invalid;
    }
    io.stderr.write(`${describeError(error)}\n`);
    return exitCodeOf(error);
  }
  return code;
}
