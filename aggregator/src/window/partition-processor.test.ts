import { describe, expect, it } from 'vitest';
import { definitionOf, SHOP_FIELDS } from '../decode/definition.fixture.js';
import { emptyState } from '../flush/position.js';
import { PartitionProcessor } from './partition-processor.js';

describe('the state of a partition', () => {
  const definition = definitionOf({ fields: SHOP_FIELDS });
  const recovered = (): PartitionProcessor => new PartitionProcessor('shop/0', definition, emptyState(100), 40);

  it('keeps what duplicate detection has yet to read when it is flushed before that was read', () => {
    const processor = recovered();
    expect(processor.state()).toMatchObject({ offset: 100, warmFrom: 40 });
    processor.duplicatesFilter.observe(1, 2, 0, 47);
    processor.next = 48;
    expect(processor.state()).toMatchObject({ offset: 100, warmFrom: 47 });
  });

  it('asks for nothing when no record had an id', () => {
    const processor = recovered();
    processor.next = 120;
    expect(processor.state()).toMatchObject({ offset: 120, warmFrom: 120 });
  });
});
