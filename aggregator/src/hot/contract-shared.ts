// The contract's promises about what processes share besides: admissions, cache, leases, announcements.

import { describe, expect, it } from 'vitest';
import { type ContractStage } from './contract-stage.js';

export function defineSharedContract(stage: ContractStage): void {
  describe('admission', () => {
    it('is first come, first served up to the cap, per tenant and dimension', async () => {
      const cap = stage.definition.dimensions[1].cap;
      const values = Array.from({ length: cap + 5 }, (_, i) => `v${i}`);
      expect([...(await stage.tier.admit('a', 1, values))]).toEqual(values.slice(0, cap));
      expect([...(await stage.tier.admit('a', 1, ['v3', 'new', 'v3', `v${cap}`]))]).toEqual(['v3']);
      expect([...(await stage.tier.admit('b', 1, ['new']))]).toEqual(['new']);
      expect([...(await stage.tier.admit('a', 0, ['new']))]).toEqual(['new']);
      expect(await stage.tier.admit('a', 1, [])).toEqual(new Set());
    });

    it('never exceeds the cap when many ask at once', async () => {
      const cap = stage.definition.dimensions[1].cap;
      const others = [stage.tier, await stage.open(), await stage.open()];
      const answers = await Promise.all(Array.from({ length: 30 }, (_, i) => others[i % 3].admit('a', 1, [`x${i}`, `y${i}`])));
      expect(answers.reduce((sum, admitted) => sum + admitted.size, 0)).toBe(cap);
    });

    it('lets only values unseen for 48 hours make room', async () => {
      const cap = stage.definition.dimensions[1].cap;
      const values = Array.from({ length: cap }, (_, i) => `v${i}`);
      await stage.tier.admit('a', 1, values);
      stage.clock.timeMs += 47 * 3_600_000;
      expect(await stage.tier.admit('a', 1, ['new'])).toEqual(new Set());
      await stage.tier.admit('a', 1, values.slice(1));
      stage.clock.timeMs += 2 * 3_600_000;
      expect(await stage.tier.admit('a', 1, ['new', 'newer'])).toEqual(new Set(['new']));
      expect(await stage.tier.admit('a', 1, ['v0', 'v1'])).toEqual(new Set(['v1']));
    });

    it('is missing until it was loaded, and again after it was lost', async () => {
      expect(await stage.tier.admissionsMissing()).toBe(true);
      await stage.tier.admissionsLoaded();
      expect(await stage.tier.admissionsMissing()).toBe(false);
      await stage.tier.admit('a', 1, ['kept']);
      await stage.tier.clear();
      expect(await stage.tier.admissionsMissing()).toBe(true);
    });
  });

  describe('small things', () => {
    it('are cached for all processes until their time is over', async () => {
      const other = await stage.open();
      await stage.tier.cacheSet('k"1', Uint8Array.from([0, 1, 255]), 60_000);
      expect((await other.cacheGet(['k"1', 'k2'])).map((value) => (value === null ? null : [...value]))).toEqual([[0, 1, 255], null]);
      await stage.tier.cacheSet('k"1', new Uint8Array(0), 60_000);
      expect((await other.cacheGet(['k"1']))[0]?.length).toBe(0);
      expect(await other.cacheGet([])).toEqual([]);
    });

    it('leases have one owner at a time', async () => {
      const other = await stage.open();
      expect(await stage.tier.lease('compact', 'one', 60_000)).toBe(true);
      expect(await other.lease('compact', 'two', 60_000)).toBe(false);
      expect(await stage.tier.lease('compact', 'one', 60_000)).toBe(true);
      expect(await other.lease('else', 'two', 60_000)).toBe(true);
      await other.releaseLease('compact', 'two');
      expect(await other.lease('compact', 'two', 60_000)).toBe(false);
      await stage.tier.releaseLease('compact', 'one');
      expect(await other.lease('compact', 'two', 60_000)).toBe(true);
    });

    it('announcements reach every process, and nobody after leaving', async () => {
      const other = await stage.open();
      const heard: string[] = [];
      const leave = other.onAnnounce((message) => heard.push(`left ${message}`));
      leave();
      const arrived = new Promise<string>((resolve) => other.onAnnounce(resolve));
      stage.tier.announce('{"flush":1}');
      expect(await arrived).toBe('{"flush":1}');
      expect(heard).toEqual([]);
    });

    it('health tells of memory', async () => {
      await stage.begin([stage.make({ bucketS: stage.minute })]);
      const health = await stage.tier.health();
      expect(health.ok).toBe(true);
      expect(health.memoryBytes).toBeGreaterThan(0);
    });
  });
}
