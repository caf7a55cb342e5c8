// ns per web-shop event (about 283 bytes of JSON, four layouts mixed) for the decoder, and JSON.parse for comparison.
// CPU time of this process, best of five rounds.

import { batchOf, definitionOf, SHOP_FIELDS, shopEvents } from '../../aggregator/src/decode/definition.fixture.js';
import { createJsonDecoder } from '../../aggregator/src/decode/json-decoder.js';

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

// A new key order in each record: nothing for the layout cache to learn.
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
