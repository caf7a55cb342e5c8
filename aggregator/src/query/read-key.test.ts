import { describe, expect, it } from 'vitest';
import { digest, questionKey, readKey } from './read-key.js';
import { DEF, FROM, spec } from './read.fixture.js';
import { testDefinition } from './shop.fixture.js';

describe('the key of a read', () => {
  it('tells tenants, questions, tiers and ranges apart, but not the order of filters', () => {
    const filters = [
      { dimension: 0, op: '=' as const, values: ['DE'] },
      { dimension: 1, op: '!=' as const, values: ['phone'] },
    ];
    const base = spec({ filters });
    const others = [
      spec({ filters, tenant: 'other' }),
      spec({ filters, bucketMs: 20_000 }),
      spec({ filters, windowSizeMs: 60_000 }),
      spec({ filters: [] }),
      spec({ filters, groupBy: [0] }),
      spec({ filters, outputs: base.outputs.slice(1) }),
    ];
    expect(new Set([base, ...others].map((one) => questionKey(DEF, one))).size).toBe(7);
    expect(questionKey(DEF, base)).toBe(questionKey(DEF, spec({ filters: [...filters].reverse() })));
    expect(questionKey(DEF, base)).not.toBe(questionKey(testDefinition({ layoutHash: 'layout-2' }), base));
    expect(readKey(DEF, 'hot', base)).not.toBe(readKey(DEF, 'cold', base));
    expect(readKey(DEF, 'hot', base)).not.toBe(readKey(DEF, 'hot', spec({ filters, toMs: FROM + 300_000 })));
    expect(digest('a')).toMatch(/^[\w-]{32}$/);
  });

  it('does not run values together', () => {
    const one = spec({ filters: [{ dimension: 0, op: 'in', values: ['a","b'] }] });
    const two = spec({ filters: [{ dimension: 0, op: 'in', values: ['a', 'b'] }] });
    expect(questionKey(DEF, one)).not.toBe(questionKey(DEF, two));
  });
});
