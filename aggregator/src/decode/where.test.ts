import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { batchOf, type ComponentSpec, definitionOf } from './definition.fixture.js';
import { createJsonDecoder } from './json-decoder.js';
import { DecodeCode } from './outcome.js';
import { compileWheres } from './where.js';

const FIELDS = [
  { name: 'id' },
  { name: 'ts', type: 'time' as const },
  { name: 'type', interned: true },
  { name: 'url' },
  { name: 'amount', type: 'number' as const, decimals: 1 },
];
type Conditions = NonNullable<ComponentSpec['where']>;
type Event = Readonly<Partial<Record<'type' | 'url', string>> & { readonly amount?: number }>;

/** By the letter of model.ts. */
function matches(event: Event, where: Conditions): boolean {
  return where.every(({ field, op, values = [] }) => {
    const raw = field === 'amount' ? event.amount : field === 'type' ? event.type : event.url;
    if (raw === undefined) return op === 'missing';
    const value = typeof raw === 'number' ? raw * 10 : raw;
    switch (op) {
      case 'exists':
        return true;
      case 'missing':
        return false;
      case '=':
      case 'in':
        return values.includes(value);
      case '!=':
      case 'not in':
        return !values.includes(value);
      case '<':
        return value < values[0];
      case '<=':
        return value <= values[0];
      case '>':
        return value > values[0];
      case '>=':
        return value >= values[0];
    }
  });
}

const word = fc.constantFrom('', 'view', 'buy', 'error', 'ü');
const event: fc.Arbitrary<Event> = fc.record({ type: word, url: word, amount: fc.integer({ min: -3, max: 3 }) }, { requiredKeys: [] });
const condition = fc.oneof(
  fc.record({ field: fc.constantFrom('type', 'url', 'amount'), op: fc.constantFrom('exists' as const, 'missing' as const) }),
  fc.record({
    field: fc.constantFrom('type', 'url'),
    op: fc.constantFrom('in' as const, 'not in' as const),
    values: fc.array(word, { minLength: 1, maxLength: 3 }),
  }),
  fc.record({
    field: fc.constantFrom('type', 'url'),
    op: fc.constantFrom('=' as const, '!=' as const, '<' as const, '>=' as const),
    values: fc.tuple(word),
  }),
  fc.record({
    field: fc.constant('amount'),
    op: fc.constantFrom('=' as const, '!=' as const, '<' as const, '<=' as const, '>' as const, '>=' as const),
    values: fc.tuple(fc.integer({ min: -3, max: 3 }).map((v) => v * 10)),
  }),
);

describe('wheres', () => {
  it('hold for exactly the events that their conditions describe, ids renumbered or not', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(condition, { maxLength: 3 }), { minLength: 1, maxLength: 5 }),
        fc.array(event, { minLength: 1, maxLength: 8 }),
        (wheres, events) => {
          const definition = definitionOf({ fields: FIELDS, components: wheres.map((where) => ({ kind: 'count', where })) });
          const decoder = createJsonDecoder(definition);
          const compiled = compileWheres(definition, decoder);
          const batch = batchOf(events.map((e) => JSON.stringify({ ts: 1_795_000_000, ...e })));
          events.forEach((e, i) => {
            if (i === 4) decoder.resetIfLarger(1);
            expect(decoder.decode(batch, i)).toBe(DecodeCode.ok);
            compiled.evaluate();
            wheres.forEach((where, c) => {
              expect(compiled.flags[compiled.ofComponent[c]], JSON.stringify([e, where])).toBe(matches(e, where) ? 1 : 0);
            });
          });
        },
      ),
      { numRuns: 500 },
    );
  });

  it('that say the same are tested once, and the empty one is number 0', () => {
    const a = { field: 'type', op: 'in' as const, values: ['view', 'buy'] };
    const b = { field: 'amount', op: '>' as const, values: [0] };
    const definition = definitionOf({
      fields: FIELDS,
      components: [[], [a], [b, a], [a, b, b], [{ ...a, values: ['buy', 'view'] }]].map((where) => ({ kind: 'count', where })),
    });
    const compiled = compileWheres(definition, createJsonDecoder(definition));
    expect([...compiled.ofComponent]).toEqual([0, 1, 2, 2, 1]);
    expect(compiled.flags).toHaveLength(3);
  });

  it('compare interned strings as they are kept: cut at 256 bytes', () => {
    const long = 'x'.repeat(300);
    const definition = definitionOf({
      fields: FIELDS,
      components: [{ kind: 'count', where: [{ field: 'type', op: '=', values: [long] }] }],
    });
    const decoder = createJsonDecoder(definition);
    const compiled = compileWheres(definition, decoder);
    expect(decoder.decode(batchOf([JSON.stringify({ ts: 1_795_000_000, type: long })]), 0)).toBe(DecodeCode.ok);
    compiled.evaluate();
    expect(compiled.flags[1]).toBe(1);
  });
});
