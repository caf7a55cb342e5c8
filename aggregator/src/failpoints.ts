// Names of the moments between two steps of a flush, a recovery, a rebuild and a compaction, where a test can end, stop or delay the process.
// In production the object is frozen and does nothing: no setting, variable or argument changes that. Only a program that a test
// builds hands another one in (test/faults/program.ts), and it never holds state of the rooms that call it.

export const FAILPOINTS = [
  'flush.begun',
  'flush.sealed',
  'flush.dead-letters-written',
  'flush.rows-inserted',
  'flush.cold-written',
  'flush.hot-applied',
  'flush.committed',
  'recovery.begun',
  'recovery.markers-read',
  'recovery.admissions-loaded',
  'recovery.markers-dropped',
  'recovery.planned',
  'recovery.stretch-applied',
  'recovery.coverage-known',
  'recovery.given-up',
  'rebuild.begun',
  'rebuild.rows-read',
  'rebuild.stretch-added',
  'compaction.begun',
  'compaction.intent-published',
  'compaction.minutes-written',
  'compaction.minutes-closed',
  'compaction.windows-written',
  'compaction.coarse-written',
  'compaction.minutes-rewritten',
  'compaction.revision-raised',
  'compaction.entries-cleaned',
] as const;

export type FailpointName = (typeof FAILPOINTS)[number];

export interface Failpoints {
  /** Called when the step before the name is done and the one after it has not begun. */
  reach(name: FailpointName): Promise<void> | undefined;
}

/** What production runs with. */
export const NO_FAILPOINTS: Failpoints = Object.freeze({ reach: () => undefined });
