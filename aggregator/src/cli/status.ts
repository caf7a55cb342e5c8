// `tidemark status`: asks a running aggregator how it is and prints it for people, or as it came.

import { readFileSync } from 'node:fs';
import { TidemarkError } from '../errors.js';
import { request } from './client.js';
import { EXIT } from './exit-codes.js';
import type { Io } from './io.js';
import { table } from './table.js';
import type { Status } from '../runtime/status.js';
import { formatBytes } from '../definition/quantities.js';

/** @throws TidemarkError invalid when the file cannot be read */
export function readToken(tokenFile: string, io: Io): string {
  if (tokenFile === '') return io.env['TIDEMARK_TOKEN'] ?? '';
  try {
    return readFileSync(tokenFile, 'utf8').trim();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new TidemarkError('invalid', 'TOKEN_FILE', `--token-file: ${reason}.`, 'Name a file that holds the token and can be read.', {
      cause,
    });
  }
}

export async function status(
  options: { readonly url: string; readonly tokenFile: string; readonly json: boolean },
  io: Io,
): Promise<number> {
  const response = await request({ url: options.url, token: readToken(options.tokenFile, io) }, '/api/v1/status');
  const body: unknown = await response.json();
  if (options.json) {
    io.stdout.write(`${JSON.stringify(body, null, 2)}\n`);
    return EXIT.ok;
  }
  // The same version of the program wrote it; a field that is not there prints as such.
  const s = body as Status; // eslint-disable-line @typescript-eslint/no-unsafe-type-assertion -- own API
  const rows = s.partitions.map((p) => [
    p.partition,
    String(p.offset),
    p.lag === null ? '?' : String(p.lag),
    p.watermarkMs === 0 ? '-' : new Date(p.watermarkMs).toISOString(),
    String(p.consumed),
    String(p.applied),
    String(p.duplicates),
    String(p.deadLettered),
    String(p.late),
    String(p.lost),
  ]);
  io.stdout.write(
    [
      `${s.name}  ${s.state}, since ${s.startedAt}, roles ${s.roles.join(', ')}`,
      `watermark ${s.watermarkMs === 0 ? 'unknown' : new Date(s.watermarkMs).toISOString()}${s.complete ? '' : `  (incomplete: ${s.reason})`}`,
      `hot   ${s.hot.ok ? 'ok' : 'DOWN'}  ${s.hot.detail}  ${formatBytes(s.hot.memoryBytes)}  covers ${coverage(s.hot.coverageFromMs)}`,
      `cold  ${s.cold.ok ? 'ok' : 'DOWN'}  ${s.cold.detail}  ${s.cold.rawRows} raw rows, ${formatBytes(s.cold.diskBytes)}  compacted until ${s.cold.closedUntilMs === 0 ? '-' : new Date(s.cold.closedUntilMs).toISOString()}, ${s.cold.dirtyMinutes} dirty minutes`,
      '',
      table(
        [['partition', 'offset', 'lag', 'watermark', 'consumed', 'applied', 'duplicate', 'dead', 'late', 'lost'], ...rows],
        new Set([1, 2, 4, 5, 6, 7, 8, 9]),
      ),
      '',
    ].join('\n'),
  );
  return s.hot.ok && s.cold.ok ? EXIT.ok : EXIT.unavailable;
}

/** Since the start of time: nothing was read before this tier was there. */
function coverage(fromMs: number | null): string {
  if (fromMs === null) return 'nothing';
  return fromMs === 0 ? 'all that was read' : `from ${new Date(fromMs).toISOString()}`;
}
