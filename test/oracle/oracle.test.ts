// Every answer equals the oracle's, on the embedded stores. TIDEMARK_ORACLE_SEED and TIDEMARK_ORACLE_QUESTIONS change what is drawn.

import { embeddedStores } from './stack.js';
import { describeOracle } from './suite.js';

describeOracle({
  stores: 'memory and chDB',
  seed: Number(process.env['TIDEMARK_ORACLE_SEED'] ?? 20_250_301),
  questions: Number(process.env['TIDEMARK_ORACLE_QUESTIONS'] ?? 600),
  openStores: embeddedStores,
});

describeOracle({
  stores: 'memory and chDB, wiped and rebuilt',
  seed: Number(process.env['TIDEMARK_ORACLE_SEED'] ?? 20_250_302),
  questions: Number(process.env['TIDEMARK_ORACLE_QUESTIONS'] ?? 240),
  openStores: embeddedStores,
  wiped: true,
});
