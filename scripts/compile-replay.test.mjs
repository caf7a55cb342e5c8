import { describe, expect, it } from 'vitest';
import { REPLAY_MODULE } from '../aggregator/src/decode/replay-module.ts';
import { compileReplay } from './compile-replay.mjs';

describe('the compiled decoder that is kept in the repository', () => {
  it('is what its source compiles to (else: npm run replay)', async () => {
    expect(Buffer.from(await compileReplay()).toString('base64')).toBe(REPLAY_MODULE);
  });
});
