// What happens to ClickHouse: answers lost after the statement took effect or before, errors, refusals, the process killed in the
// middle of writing a part, a disk without space.

import { between, pick, sleep, type Action, type Draw } from './action.js';

const STATEMENTS = [
  'INSERT INTO .*events',
  'INSERT INTO .*rollup_1m',
  'INSERT INTO .*compaction_marks',
  'INSERT INTO .*dirty_minutes',
] as const;
/** Most inserts are of events; the others come when something is compacted. */
const drawStatement = (draw: Draw): string => (draw() < 0.6 ? STATEMENTS[0] : pick(draw, STATEMENTS));

export const engineActions: readonly Action[] = [
  {
    name: 'engine-answer-lost',
    weight: 3,
    draw: (draw) => ({ match: drawStatement(draw), times: between(draw, 1, 3) }),
    run: async ({ engine }, { match, times }) => {
      await engine.control.fault({ match: String(match), times: Number(times), drop: true, when: 'after' });
      await sleep(1_500);
      return true;
    },
  },
  {
    name: 'engine-request-lost',
    weight: 1,
    draw: (draw) => ({ match: drawStatement(draw), times: between(draw, 1, 3) }),
    run: async ({ engine }, { match, times }) => {
      await engine.control.fault({ match: String(match), times: Number(times), drop: true });
      await sleep(1_500);
      return true;
    },
  },
  {
    name: 'engine-slow',
    weight: 1,
    draw: (draw) => ({ match: drawStatement(draw), ms: between(draw, 2_000, 9_000) }),
    run: async ({ engine }, { match, ms }) => {
      await engine.control.fault({ match: String(match), times: 2, delayMs: Number(ms) });
      await sleep(2_000);
      return true;
    },
  },
  {
    // The rows are in, and the answer is an error.
    name: 'engine-error-after',
    weight: 2,
    draw: (draw) => ({ match: drawStatement(draw), times: between(draw, 1, 3) }),
    run: async ({ engine }, { match, times }) => {
      const error = { code: 241, type: 'MEMORY_LIMIT_EXCEEDED', message: 'Memory limit (total) exceeded' };
      await engine.control.fault({ match: String(match), times: Number(times), error, when: 'after' });
      await sleep(1_500);
      return true;
    },
  },
  {
    name: 'engine-too-many-parts',
    weight: 1,
    draw: (draw) => ({ match: drawStatement(draw), times: between(draw, 1, 4) }),
    run: async ({ engine }, { match, times }) => {
      await engine.control.tooManyParts(String(match), Number(times));
      await sleep(1_500);
      return true;
    },
  },
  {
    name: 'engine-queries-fail',
    weight: 1,
    draw: (draw) => ({ times: between(draw, 3, 12) }),
    run: async ({ engine }, { times }) => {
      await engine.control.fault({ match: 'SELECT', times: Number(times), drop: true, when: 'after' });
      await sleep(1_000);
      return true;
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
