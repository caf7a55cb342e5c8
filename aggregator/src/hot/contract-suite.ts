// The promises of the hot tier's contract as tests, run against every implementation. Each test gets a tier that knows nothing.

import { describe } from 'vitest';
import { defineFlushContract } from './contract-flushes.js';
import { defineRebuildContract } from './contract-rebuild.js';
import { defineSeriesContract } from './contract-series.js';
import { defineSharedContract } from './contract-shared.js';
import { ContractStage, type ContractSubject } from './contract-stage.js';

export function defineHotTierContract(name: string, create: () => Promise<ContractSubject>): void {
  describe(`hot tier contract: ${name}`, () => {
    const stage = new ContractStage(create);
    stage.prepare();
    defineFlushContract(stage);
    defineRebuildContract(stage);
    defineSeriesContract(stage);
    defineSharedContract(stage);
  });
}
