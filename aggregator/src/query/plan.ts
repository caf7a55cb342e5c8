// What the planner decided: which tier answers which buckets, and why. Data only; goes out in every answer's meta, so that
// a person can see who answered. Invariant: the parts of a PlannedRange cover it without overlap.

import type { TierRead } from './tier-read.js';

/** A TierRead before it is run. */
export type ReadSpec = Omit<TierRead, 'signal'>;

export interface PlannedPart {
  readonly tier: 'hot' | 'cold';
  readonly spec: ReadSpec;
  readonly why: string;
}

export interface PlannedRange {
  /** Effective range, epoch ms, half open: aligned to the bucket, and cut where the future begins. */
  readonly fromMs: number;
  readonly toMs: number;
  /** Ascending in time. */
  readonly parts: readonly PlannedPart[];
  /** Where cold ends and hot begins; null when one tier answers all. */
  readonly boundaryMs: number | null;
}

export interface Notice {
  readonly severity: 'info' | 'warning';
  readonly text: string;
}

export interface Plan {
  /** 0: one number per series over the whole range. */
  readonly bucketMs: number;
  readonly windowSizeMs: number | null;
  readonly main: PlannedRange;
  readonly compare: { readonly shiftMs: number; readonly range: PlannedRange } | null;
  readonly notices: readonly Notice[];
  /** Why the hot tier was not asked at all; '' where it was, or was not needed. */
  readonly hotUnused: string;
}

export function usesHot(plan: Plan): boolean {
  const isHot = (part: PlannedPart): boolean => part.tier === 'hot';
  return plan.main.parts.some(isHot) || (plan.compare?.range.parts.some(isHot) ?? false);
}
