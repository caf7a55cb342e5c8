import fc from 'fast-check';
import { Command } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { encodeCommand, ScriptCommand } from './redis-command.js';

const part = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }).filter((text) => !/[\ud800-\udfff]/.test(text)),
  fc.uint8Array({ maxLength: 1_200 }).map((bytes) => Buffer.from(bytes)),
);

describe('an encoded command', () => {
  it('is byte for byte what the client would send', () => {
    fc.assert(
      fc.property(fc.array(part, { maxLength: 12 }), (parts) => {
        expect(encodeCommand(['evalsha', ...parts])).toEqual(Buffer.from(new Command('evalsha', parts).toWritable(Buffer)));
      }),
    );
  });

  it('has the slot of its first key, and all of its keys and arguments', () => {
    const command = new ScriptCommand('abc', ['{t/1}a', '{t/1}ü'], [Buffer.from([0, 255]), 7]);
    const plain = new Command('evalsha', ['abc', 2, '{t/1}a', '{t/1}ü', Buffer.from([0, 255]), 7]);
    expect(command.toWritable()).toEqual(Buffer.from(plain.toWritable(Buffer)));
    expect(command.getSlot()).toBe(plain.getSlot());
    expect(command.getSlot()).not.toBeNull();
  });
});
