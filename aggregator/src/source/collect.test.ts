import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { Clock } from '../clock.js';
import { createJsonDecoder } from '../decode/json-decoder.js';
import { loadDefinition } from '../definition/load.js';
import { createCollector } from './collect.js';
import type { LogWriter } from './log.js';

const NOW = Date.UTC(2026, 2, 1, 12);
const clock: Clock = { now: () => NOW, monotonic: () => 0 };

const path = fileURLToPath(new URL('../../../definitions/demo.yaml', import.meta.url));
const definition = loadDefinition({ path, text: readFileSync(path, 'utf8') });

function recordingWriter(): LogWriter & { readonly written: { key: string; text: string }[] } {
  const written: { key: string; text: string }[] = [];
  return {
    written,
    append: async (events) => {
      const first = written.length;
      for (const { key, value } of events) written.push({ key, text: Buffer.from(value).toString() });
      return events.map((_, i) => ({ partition: 'embedded/0', offset: 100 + first + i }));
    },
    close: async () => undefined,
  };
}

function event(id: string, more: object = {}): object {
  return { event_id: id, ts: new Date(NOW).toISOString(), type: 'page_view', user_id: `user-${id}`, geo: { country: 'DE' }, ...more };
}

describe('collect', () => {
  it('stores the good events, keyed by user, and says of each bad one why', async () => {
    const writer = recordingWriter();
    const collector = createCollector(definition, createJsonDecoder(definition), writer, clock);
    const bodyText = `[${JSON.stringify(event('a'))}, {"event_id":, ${JSON.stringify(event('b', { ts: 'yesterday' }))}, ${JSON.stringify(event('c'))}]`;
    const results = await collector.collect(Buffer.from(bodyText.replace('{"event_id":,', '{"event_id":},')), 'application/json');
    expect(results).toEqual([
      { index: 0, status: 'stored', partition: 'embedded/0', offset: 100 },
      { index: 1, status: 'refused', reason: 'malformed_json', detail: expect.any(String) as string },
      { index: 2, status: 'refused', reason: 'invalid_time', detail: expect.stringContaining('ts') as string },
      { index: 3, status: 'stored', partition: 'embedded/0', offset: 101 },
    ]);
    expect(writer.written).toEqual([
      { key: 'user-a', text: JSON.stringify(event('a')) },
      { key: 'user-c', text: JSON.stringify(event('c')) },
    ]);
  });

  it('rejects, and claims nothing, when the log cannot store', async () => {
    const writer: LogWriter = { append: () => Promise.reject(new Error('disk full')), close: async () => undefined };
    const collector = createCollector(definition, createJsonDecoder(definition), writer, clock);
    await expect(collector.collect(Buffer.from(JSON.stringify(event('a'))), 'application/json')).rejects.toThrow('disk full');
  });
});
