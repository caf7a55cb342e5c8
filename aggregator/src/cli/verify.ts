// `tidemark verify`: do the tiers agree? Rollups with raw events, and Redis with ClickHouse. Changes nothing.

import { systemClock } from '../clock.js';
import { createHotSource } from '../runtime/query-engine.js';
import { createCold, createHotTier } from '../runtime/stores.js';
import { verifyTiers, type Compared } from '../verify/verify-tiers.js';
import { readDefinitionFile } from './definition-file.js';
import { EXIT } from './exit-codes.js';
import type { Io } from './io.js';
import { rangeOf } from './range.js';

/** Differences printed of one comparison. */
const MAX_SHOWN = 20;

export async function verify(
  options: { readonly definition: string; readonly from: string; readonly to: string },
  io: Io,
): Promise<number> {
  const definition = readDefinitionFile(options.definition, io);
  const nowMs = systemClock.now();
  const range = rangeOf(options.from, options.to, nowMs);
  const cold = createCold(definition, systemClock);
  const hot =
    definition.hot.kind === 'redis' ? createHotTier(definition, systemClock, (problem) => io.stderr.write(`${problem.message}\n`)) : null;
  if (hot === null)
    io.stderr.write('note: the hot tier is in the memory of the running process; only rollups are compared with raw events\n');
  try {
    await cold.start();
    await hot?.start();
    let cells = 0;
    const wrong = await verifyTiers(
      {
        definition,
        cold,
        hot: hot === null ? null : createHotSource(definition, hot, systemClock),
        nowMs,
        signal: new AbortController().signal,
        onCompared: (comparison, tenant, grouping, compared) => {
          cells += compared.cells;
          if (compared.differences.length > 0)
            io.stdout.write(`${comparison}, tenant ${tenant}, grouping ${grouping}:\n${shown(compared)}`);
        },
      },
      range,
    );
    io.stdout.write(wrong === 0 ? `${cells} numbers compared: all agree.\n` : `${cells} numbers compared: ${wrong} differ.\n`);
    if (wrong > 0)
      io.stderr.write('`tidemark replay` computes rollups anew from raw events; a hot tier that is wrong is rebuilt when it is cleared.\n');
    return wrong === 0 ? EXIT.ok : EXIT.failure;
  } finally {
    await Promise.allSettled([cold.stop(), hot?.stop()]);
  }
}

function shown({ differences }: Compared): string {
  const number = (value: number): string => (Number.isNaN(value) ? 'nothing' : String(value));
  const lines = differences.slice(0, MAX_SHOWN).map(({ component, group, atMs, left, right }) => {
    const name = group.length === 0 ? '' : ` (${group.map((value) => (value === '' ? '(none)' : value)).join(', ')})`;
    return `  ${new Date(atMs).toISOString()} ${component}${name}: ${number(left)}, but ${number(right)}\n`;
  });
  if (differences.length > MAX_SHOWN) lines.push(`  and ${differences.length - MAX_SHOWN} more\n`);
  return lines.join('');
}
