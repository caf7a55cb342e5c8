// The compiled way of reading a record whose layout is known: assembly/replay.ts over the decoder's memory. It takes what is usual
// (plain strings, numbers of at most 15 digits, times) and leaves everything else to layout-cache.ts.

import type { DecodeMemory } from './decode-memory.js';
import { REPLAY_MODULE } from './replay-module.js';

/** What the compiled part asks for: ids of strings it has not seen lately, and times. */
export interface ReplayHost {
  /** @returns the id of bytes [start, stop) of the memory in the field's dictionary, -1 where it must be cut */
  intern(field: number, start: number, stop: number, lo: number, hi: number): number;
  timeOfText(field: number, start: number, stop: number): number;
  timeOfNumber(field: number, mantissa: number, fraction: number, negative: number): number;
}

export type FastReplay = (start: number, end: number) => number;

/** @returns reads the record at [start, end) of the memory into its fields; 0 when it is left to the slower ways */
export function createFastReplay(memory: DecodeMemory, host: ReplayHost): FastReplay {
  const compiled = new WebAssembly.Module(Buffer.from(REPLAY_MODULE, 'base64'));
  const { exports } = new WebAssembly.Instance(compiled, {
    env: { memory: memory.memory },
    host: {
      intern: host.intern.bind(host),
      timeOfText: host.timeOfText.bind(host),
      timeOfNumber: host.timeOfNumber.bind(host),
    },
  });
  const { init, replay } = exports;
  if (typeof init !== 'function' || !isReplay(replay)) throw new TypeError('the compiled decoder lacks init or replay');
  const views = [
    ...[memory.kinds, memory.decimals, memory.nextOfPath, memory.cacheOf, memory.present, memory.internId, memory.numbers],
    ...[memory.strStart, memory.strEnd, memory.hashLo, memory.hashHi, memory.tree, memory.words, memory.missing],
  ];
  init(...views.map(({ byteOffset }) => byteOffset));
  return replay;
}

function isReplay(value: WebAssembly.ExportValue | undefined): value is FastReplay {
  return typeof value === 'function';
}
