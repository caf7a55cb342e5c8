// Reads V8 CPU profiles (`node --cpu-prof`) and says which functions the time went to.

import { readFileSync } from 'node:fs';
import { basename } from 'node:path';

interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  readonly children?: readonly number[];
}

interface Profile {
  readonly nodes: readonly ProfileNode[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

export interface FunctionTime {
  readonly name: string;
  /** File and line in the bundle. */
  readonly where: string;
  readonly selfMs: number;
  /** Of the samples that were not idle. */
  readonly share: number;
}

/** Functions by self time, most first; `(idle)` is left out. */
export function selfTimes(path: string): readonly FunctionTime[] {
  const profile = JSON.parse(readFileSync(path, 'utf8')) as Profile;
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const times = new Map<string, { name: string; where: string; us: number }>();
  let busyUs = 0;
  profile.samples.forEach((id, i) => {
    const frame = nodes.get(id)?.callFrame;
    if (frame === undefined || frame.functionName === '(idle)') return;
    const us = Math.max(0, profile.timeDeltas[i]);
    busyUs += us;
    const where = frame.url === '' ? '' : `${basename(frame.url)}:${frame.lineNumber + 1}`;
    const key = `${frame.functionName} ${where}`;
    const entry = times.get(key) ?? { name: frame.functionName === '' ? '(anonymous)' : frame.functionName, where, us: 0 };
    entry.us += us;
    times.set(key, entry);
  });
  return [...times.values()]
    .sort((a, b) => b.us - a.us)
    .map(({ name, where, us }) => ({ name, where, selfMs: us / 1_000, share: us / busyUs }));
}

export function printSelfTimes(path: string, most = 40): void {
  for (const { name, where, selfMs, share } of selfTimes(path).slice(0, most)) {
    process.stdout.write(`${(share * 100).toFixed(1).padStart(6)} % ${selfMs.toFixed(0).padStart(7)} ms  ${name} ${where}\n`);
  }
}
