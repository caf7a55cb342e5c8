// For tests: what every cold tier promises, whatever engine is below it. Run by tier.test.ts over chDB and by the integration tests
// over HTTP.

import { afterAll, beforeAll } from 'vitest';
import { anomalySuite } from './anomaly-suite.fixture.js';
import { TestRoom } from './cold-bench.fixture.js';
import { compactionSuite } from './compaction-suite.fixture.js';
import type { Engine } from './engine.js';
import { readSuite } from './read-suite.fixture.js';
import { replaySuite } from './replay-suite.fixture.js';
import { schemaSuite } from './schema-suite.fixture.js';

export function coldTierSuite(makeEngine: () => Engine): void {
  let room: TestRoom | null = null;
  const running = (): TestRoom => {
    if (room === null) throw new Error('the engine is not running');
    return room;
  };

  beforeAll(async () => {
    room = new TestRoom(makeEngine());
    await room.engine.start();
  });

  afterAll(async () => {
    await room?.engine.stop();
  });

  readSuite(running);
  compactionSuite(running);
  schemaSuite(running);
  anomalySuite(running);
  replaySuite(running);
}
