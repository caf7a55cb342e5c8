// What happens to ClickHouse: answers lost after the statement took effect or before, errors, refusals, the process killed in the
// middle of writing a part, a disk without space.

import { TOO_MANY_PARTS, type FaultRule } from '../../support/clickhouse-http.js';
import type { World } from '../world/world.js';
import { between, pick, sleep, type Action, type Draw, type Drawn } from './action.js';

const STATEMENTS = [
  'INSERT INTO \\S*events',
  'INSERT INTO \\S*rollup_1m',
  'INSERT INTO \\S*compaction_marks',
  'INSERT INTO \\S*dirty_minutes',
] as const;
/** Most inserts are of events; the others come when something is compacted. */
const drawStatement = (draw: Draw): string => (draw() < 0.6 ? STATEMENTS[0] : pick(draw, STATEMENTS));

/** Flushes come each second. What else is waited for stands on. */
const FLUSHED_WITHIN_MS = 8_000;
const OTHERS_WITHIN_MS = 1_500;

/** Resolves true as soon as the fault has acted, with its name when nothing came along in time: it then stands on. */
async function faultOf({ engine }: World, { match, times }: Drawn, rule: Omit<FaultRule, 'match' | 'times'>): Promise<true | string> {
  const name = await engine.fault({ ...rule, match: String(match), times: Number(times) });
  const deadline = performance.now() + (match === STATEMENTS[0] ? FLUSHED_WITHIN_MS : OTHERS_WITHIN_MS);
  while (performance.now() < deadline) {
    await sleep(100);
    if ((await engine.control.met()).includes(name)) return true;
  }
  return name;
}

export const engineActions: readonly Action[] = [
  {
    name: 'engine-answer-lost',
    weight: 3,
    draw: (draw) => ({ match: drawStatement(draw), times: between(draw, 1, 3) }),
    run: (world, drawn) => faultOf(world, drawn, { drop: true, when: 'after' }),
  },
  {
    name: 'engine-request-lost',
    weight: 1,
    draw: (draw) => ({ match: drawStatement(draw), times: between(draw, 1, 3) }),
    run: (world, drawn) => faultOf(world, drawn, { drop: true }),
  },
  {
    name: 'engine-slow',
    weight: 1,
    draw: (draw) => ({ match: drawStatement(draw), ms: between(draw, 2_000, 9_000), times: 2 }),
    run: async (world, drawn) => {
      const met = await faultOf(world, drawn, { delayMs: Number(drawn['ms']) });
      await sleep(2_000);
      return met;
    },
  },
  {
    // The rows are in, and the answer is an error.
    name: 'engine-error-after',
    weight: 2,
    draw: (draw) => ({ match: drawStatement(draw), times: between(draw, 1, 3) }),
    run: (world, drawn) => {
      const error = { code: 241, type: 'MEMORY_LIMIT_EXCEEDED', message: 'Memory limit (total) exceeded' };
      return faultOf(world, drawn, { error, when: 'after' });
    },
  },
  {
    name: 'engine-too-many-parts',
    weight: 1,
    draw: (draw) => ({ match: drawStatement(draw), times: between(draw, 1, 4) }),
    run: (world, drawn) => faultOf(world, drawn, { error: TOO_MANY_PARTS }),
  },
  {
    name: 'engine-queries-fail',
    weight: 1,
    draw: (draw) => ({ times: between(draw, 3, 12) }),
    run: async ({ engine }, { times }) => {
      const name = await engine.fault({ match: 'SELECT', times: Number(times), drop: true, when: 'after' });
      await sleep(1_000);
      return (await engine.control.met()).includes(name) ? true : name;
    },
  },
  {
    // Rows that were written again stay beside the first ones, and are read so when everything is judged, unless the engine is started anew.
    name: 'engine-merges-stop',
    weight: 1,
    draw: () => ({}),
    run: async ({ engine }) => {
      await engine.command('SYSTEM STOP MERGES');
      return true;
    },
  },
  {
    name: 'engine-kill',
    weight: 2,
    draw: (draw) => ({ awayMs: between(draw, 0, 3_000) }),
    run: async ({ engine }, { awayMs }) => {
      await engine.killAndRestart(Number(awayMs));
      return true;
    },
  },
  {
    name: 'engine-kill-at-part',
    weight: 2,
    draw: (draw) => ({ table: pick(draw, ['events', 'events', 'rollup_1m']), at: pick(draw, ['written', 'renamed']) }),
    run: ({ engine, database }, { table, at }) =>
      engine.killAtPart(database, String(table), at === 'written' ? 'written' : 'renamed', table === 'events' ? 5_000 : 12_000),
  },
  {
    name: 'engine-hangs',
    weight: 1,
    draw: (draw) => ({ ms: between(draw, 1_000, 5_000) }),
    run: async ({ engine }, { ms }) => {
      engine.suspend();
      await sleep(Number(ms));
      engine.wake();
      return true;
    },
  },
  {
    name: 'engine-disk-full',
    weight: 2,
    draw: (draw) => ({ ms: between(draw, 2_000, 5_000) }),
    run: async ({ engine }, { ms }) => {
      await engine.fillDisk();
      await sleep(Number(ms));
      await engine.freeDisk();
      return true;
    },
  },
];
