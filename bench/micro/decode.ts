// ns per web-shop event (about 300 bytes of JSON, 12 wanted fields, three layouts mixed) for the decoder, with JSON.parse for
// comparison, and ns per value added to a sketch. CPU time of this process, best of five rounds.
// Run: npx esbuild bench/micro/decode.ts --bundle --platform=node --format=esm --outfile=/tmp/decode.mjs && node /tmp/decode.mjs

import { batchOf, definitionOf, seededRandom, SHOP_FIELDS, shopEvents } from '../../aggregator/src/decode/definition.fixture.js';
import { createJsonDecoder } from '../../aggregator/src/decode/json-decoder.js';
import { ArrayPool } from '../../aggregator/src/sketch/array-pool.js';
import { QuantilesAccumulator } from '../../aggregator/src/sketch/ddsketch.js';
import { TopAccumulator } from '../../aggregator/src/sketch/heavy-hitters.js';
import { UniqueAccumulator } from '../../aggregator/src/sketch/hyperloglog.js';

const EVENTS = 100_000;

function measure(name: string, perRound: number, round: () => number): void {
  let best = Number.POSITIVE_INFINITY;
  let check = 0;
  for (let i = 0; i < 6; i++) {
    const before = process.cpuUsage();
    check = round();
    const used = process.cpuUsage(before);
    if (i > 0) best = Math.min(best, ((used.user + used.system) * 1000) / perRound);
  }
  process.stdout.write(`${name.padEnd(56)} ${best.toFixed(1).padStart(9)} ns   (check ${check})\n`);
}

const events = shopEvents(EVENTS, 1);
const batch = batchOf(events);
process.stdout.write(`${EVENTS} events, ${(batch.bytes.length / EVENTS).toFixed(0)} bytes each\n`);
const definition = definitionOf({ fields: SHOP_FIELDS });

const decoder = createJsonDecoder(definition);
measure('decode, layouts known', EVENTS, () => {
  let sum = 0;
  for (let i = 0; i < EVENTS; i++) {
    if (decoder.decode(batch, i) !== 0) throw new Error(decoder.detail());
    sum += decoder.internId[5] + decoder.timeMs;
  }
  return sum;
});

// A key of its own in each record: nothing for the layout cache to learn.
const random = shopEvents(EVENTS, 2).map((text, i) => text.replace('{', `{"k${(i * 2_654_435_761) % 4_294_967_296}":${i},`));
const unlearnable = batchOf(random);
const general = createJsonDecoder(definition);
measure('decode, a new layout in every record', EVENTS, () => {
  let sum = 0;
  for (let i = 0; i < EVENTS; i++) {
    if (general.decode(unlearnable, i) !== 0) throw new Error(general.detail());
    sum += general.internId[5] + general.timeMs;
  }
  return sum;
});

measure('JSON.parse of each event from bytes', EVENTS, () => {
  let sum = 0;
  const bytes = Buffer.from(batch.bytes.buffer);
  for (let i = 0; i < EVENTS; i++) {
    const event: unknown = JSON.parse(bytes.toString('utf8', batch.start[i], batch.end[i]));
    if (typeof event === 'object' && event !== null) sum++;
  }
  return sum;
});

// Sketches: 2,000 series, as a busy second has them, each filled by 50 values before it is emptied again.
const SERIES = 2_000;
const ADDS = SERIES * 50;
const draw = seededRandom(9);
const lo = Int32Array.from({ length: ADDS }, () => draw() * 2 ** 32);
const hi = Int32Array.from({ length: ADDS }, () => draw() * 2 ** 32);
const latency = Int32Array.from({ length: ADDS }, () => Math.exp(draw() * 9) * 10);
const product = Int32Array.from({ length: ADDS }, () => 1 + draw() * draw() * 2_000);
const pool = new ArrayPool();

const uniques = Array.from({ length: SERIES }, () => new UniqueAccumulator(pool));
measure('unique add, 50 values per series, with reset', ADDS, () => {
  for (let i = 0; i < ADDS; i++) uniques[i % SERIES].add(lo[i], hi[i]);
  let bytes = 0;
  for (const sketch of uniques) {
    bytes += sketch.encode()?.length ?? 0;
    sketch.reset();
  }
  return bytes;
});
const hot = new UniqueAccumulator(pool);
measure('unique add, one dense series', ADDS, () => {
  for (let i = 0; i < ADDS; i++) hot.add(lo[i], hi[i]);
  return hot.encode()?.length ?? 0;
});
const quantiles = Array.from({ length: SERIES }, () => new QuantilesAccumulator(pool));
measure('quantiles add, 50 values per series, with reset', ADDS, () => {
  for (let i = 0; i < ADDS; i++) quantiles[i % SERIES].add(latency[i]);
  let bytes = 0;
  for (const sketch of quantiles) {
    bytes += sketch.encode()?.length ?? 0;
    sketch.reset();
  }
  return bytes;
});
const tops = Array.from({ length: SERIES }, () => new TopAccumulator(pool));
measure('top add, 50 values per series, with reset', ADDS, () => {
  for (let i = 0; i < ADDS; i++) tops[i % SERIES].add(product[i], 1);
  for (const sketch of tops) sketch.reset();
  return tops.length;
});
