import { describe, expect, it } from 'vitest';
import { channelAddress, type LiveQuery } from './live-channel';
import examples from '../../pkg/plugin/testdata/channel-hashes.json';

// The backend refuses a channel whose path is not the hash of its data; its own test reads the same examples.
describe('the path of a channel', () => {
  it.each(examples)('$path is what the backend takes for it', ({ data, path }) => {
    const live = { ...data, bucketMs: 0 } as LiveQuery;
    expect(channelAddress('uid', live)).toMatchObject({ path, data });
  });
});
