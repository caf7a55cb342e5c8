import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe } from 'vitest';
import { coldTierSuite } from './cold-suite.fixture.js';
import { ChdbEngine } from './engine-chdb.js';

describe('the cold tier over chDB', { timeout: 180_000 }, () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'tidemark-cold-'));
  afterAll(() => {
    rmSync(dataDir, { recursive: true, force: true });
  });
  coldTierSuite(() => new ChdbEngine({ dataDir }));
});
