// Ten thousand new values of a dimension whose cap is a hundred: the first hundred keep their names, the rest is one value, and what
// the process and the hot tier hold does not grow with the flood.

import { afterAll, beforeAll, expect, it } from 'vitest';
import { OTHER_VALUE } from '../../aggregator/src/definition/model.js';
import { Bench, shopDefinition } from './bench.js';

const CAP = 100;
const VALUES = 10_000;
let bench: Bench;

beforeAll(async () => {
  bench = await Bench.open(shopDefinition());
});
afterAll(async () => {
  await bench?.close();
});

/** Every value three times, in three rounds, so that values come back after their cap was decided. */
function flood(prefix: string): string[] {
  return Array.from({ length: 3 * VALUES }, (_, i) =>
    bench.event(`${prefix}-${i}`, { geo: { country: `${prefix} ${i % VALUES}` }, user_id: `u-${i % 50}` }),
  );
}

it('counts 10,000 new values under a cap of 100, in both tiers alike, and loses nothing', async () => {
  const events = flood('value');
  for (let at = 0; at < events.length; at += 5_000) await bench.send(events.slice(at, at + 5_000));
  const counts = await bench.totals('events', 'country');
  expect(counts.size).toBe(CAP + 1);
  expect([...counts.values()].reduce((sum, n) => sum + n, 0)).toBe(3 * VALUES);
  const named = [...counts].filter(([value]) => value !== OTHER_VALUE);
  expect(named.map(([, n]) => n)).toEqual(new Array(CAP).fill(3));
  expect(counts.get(OTHER_VALUE)).toBe(3 * (VALUES - CAP));
  expect(bench.letters(0)).toEqual([]);
  // Measures other than counts agree as well.
  expect([...(await bench.totals('revenue', 'country')).values()].reduce((sum, n) => sum + n, 0)).toBeCloseTo(3 * VALUES * 1.25, 6);
  expect(await bench.total('events', [{ dimension: 'country', op: '=', value: named[0][0] }])).toBe(3);
  expect(await bench.total('events', [{ dimension: 'country', op: '=', value: OTHER_VALUE }])).toBe(3 * (VALUES - CAP));
  expect(await bench.total('events', [{ dimension: 'country', op: '!=', value: OTHER_VALUE }])).toBe(3 * CAP);
  const { frame } = await bench.ask('cold', { kind: 'values', dimension: 'country', limit: 1_000 });
  expect(new Set(frame.values[0])).toEqual(new Set(counts.keys()));
  await bench.expectSound();
});

it('reports how many events were folded, so that nobody takes the list for complete', () => {
  const [country, device] = bench.stack.pipeline.processor.admission.foldedEvents;
  // One more is the witness of the first test: its country came after the cap was reached.
  expect(country).toBe(3 * (VALUES - CAP) + 1);
  expect(device).toBe(0);
});

it('does not grow with a second flood', async () => {
  const before = (await bench.stack.hot.health()).memoryBytes;
  const events = flood('another');
  for (let at = 0; at < events.length; at += 5_000) await bench.send(events.slice(at, at + 5_000));
  const counts = await bench.totals('events', 'country');
  // The witness of the first test took no name: the cap was reached.
  expect(counts.size).toBe(CAP + 1);
  expect((await bench.stack.hot.health()).memoryBytes).toBeLessThan(before * 1.1 + 65_536);
  await bench.expectSound();
});

it('keeps an event that says __other__, or nothing, or white space, as what it says', async () => {
  const before = await bench.totals('events', 'country');
  await bench.send([
    bench.event('literal', { geo: { country: OTHER_VALUE } }),
    bench.event('empty', { geo: { country: '' } }),
    bench.event('null', { geo: { country: null } }),
    bench.event('none', { geo: {} }),
    bench.event('space', { geo: { country: '  ' } }),
  ]);
  const after = await bench.totals('events', 'country');
  // Missing and empty are the same; white space is a value like any other, and the cap was reached.
  expect((after.get('') ?? 0) - (before.get('') ?? 0)).toBe(3);
  expect((after.get(OTHER_VALUE) ?? 0) - (before.get(OTHER_VALUE) ?? 0)).toBe(2);
  await bench.expectSound();
});
