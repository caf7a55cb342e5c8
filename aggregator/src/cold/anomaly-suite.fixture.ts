// For tests: what every cold tier promises of the anomalies that watches have found.

import { describe, expect, it } from 'vitest';
import type { AnomaliesRead, AnomalyRecord } from './anomaly-store.js';
import { NEVER, type TestRoom } from './cold-bench.fixture.js';
import { MINUTE_MS } from './layout.js';

/** @param room known once the tests run */
export function anomalySuite(room: () => TestRoom): void {
  describe('anomalies', () => {
    it('are kept whatever stands in them, newest first, one row per episode', async () => {
      const { tier, clock } = await room().bench();
      const at = Math.floor(clock.now() / MINUTE_MS) * MINUTE_MS;
      const record = (more: Partial<AnomalyRecord>): AnomalyRecord => ({
        ...{ tenant: 'a', watch: 'errors', labels: { country: 'DE' }, fromMs: at - 10 * MINUTE_MS, toMs: at - 8 * MINUTE_MS },
        ...{
          peakMs: at - 9 * MINUTE_MS,
          value: 412,
          expected: 35.25,
          score: 0.8125,
          reason: '412, expected 35',
          open: true,
          contributors: [],
        },
        ...more,
      });
      const strange = record({
        watch: 'odd',
        labels: { country: "D'E\\\u0000'); DROP TABLE events; --", device: '' },
        fromMs: at - 5 * MINUTE_MS,
        toMs: at - 4 * MINUTE_MS,
        value: null,
        expected: null,
        reason: "it's “odd” \\n",
        contributors: [{ dimension: 'device', value: "'; --", change: -2.5, share: null }],
      });
      const ended = record({
        toMs: at - 6 * MINUTE_MS,
        open: false,
        contributors: [{ dimension: 'device', value: 'tv', change: 300, share: 0.75 }],
      });
      const other = record({ tenant: 'b' });
      const gone = record({ labels: { country: 'FR' } });
      const read = (more: Partial<AnomaliesRead> = {}): Promise<readonly AnomalyRecord[]> =>
        tier.readAnomalies({
          tenant: 'a',
          fromMs: at - 60 * MINUTE_MS,
          toMs: at,
          watches: [],
          minScore: 0,
          limit: 10,
          signal: NEVER,
          ...more,
        });

      await tier.writeAnomalies([record({}), strange, other, gone], [], 1);
      await tier.writeAnomalies([ended], [gone], 2);
      // Repeated, and an older version that comes late.
      await tier.writeAnomalies([ended], [gone], 2);
      await tier.writeAnomalies([record({})], [], 1);
      expect(await read()).toEqual([strange, ended]);
      expect(await read({ watches: ['errors'] })).toEqual([ended]);
      expect(await read({ minScore: 0.9 })).toEqual([]);
      expect(await read({ limit: 1 })).toEqual([strange]);
      expect(await read({ toMs: at - 5 * MINUTE_MS })).toEqual([ended]);
      expect(await read({ fromMs: at - 6 * MINUTE_MS })).toEqual([strange]);
      expect(await read({ tenant: 'b' })).toEqual([other]);
      await tier.writeAnomalies([], [], 3);
    });
  });
}
