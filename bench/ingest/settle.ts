// Waits until a process has nothing to do any more: merges and compaction go on after the last event is queryable, and their cost
// belongs to the job.

import { setTimeout as delay } from 'node:timers/promises';
import { cpuSeconds } from '../harness/process-usage.js';

const LOOK_MS = 1_000;
/** CPU seconds per second that count as nothing. */
const QUIET = 0.06;
const QUIET_LOOKS = 4;

export async function untilQuiet(pid: number, withinMs: number): Promise<void> {
  const deadline = performance.now() + withinMs;
  let quiet = 0;
  let before = cpuSeconds(pid);
  while (quiet < QUIET_LOOKS && performance.now() < deadline) {
    await delay(LOOK_MS);
    const now = cpuSeconds(pid);
    quiet = now - before <= QUIET ? quiet + 1 : 0;
    before = now;
  }
}
