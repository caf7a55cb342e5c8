// What happens when partitions are assigned: the markers are read, the plan of recovery.ts is made, and what it needs is prepared in
// the tiers, before the first record is taken. Invariant: nothing here moves a position forward; it may be given up anywhere.

import type { ColdTier } from '../cold/cold-tier.js';
import type { Definition } from '../definition/model.js';
import type { Failpoints } from '../failpoints.js';
import type { HotMarkers, HotTier } from '../hot/hot-tier.js';
import type { AssignedPartition, PartitionId } from '../source/log.js';
import type { PartitionState } from '../window/flush-batch.js';
import { PartitionProcessor } from '../window/partition-processor.js';
import { ownedPartition, type CatchUp, type OwnedPartition } from './catch-up.js';
import { highestPosition, planRecovery, type RecoveryPlan } from './recovery.js';

export interface AssignmentParts {
  readonly definition: Definition;
  readonly hot: HotTier;
  readonly cold: ColdTier;
  readonly catchUp: CatchUp;
  readonly failpoints: Failpoints;
  retry<T>(step: string, signal: AbortSignal, run: () => Promise<T>): Promise<T>;
  recovering(plans: readonly RecoveryPlan[]): void;
}

export interface Recovered {
  readonly owned: Map<PartitionId, OwnedPartition>;
  readonly readFrom: Map<PartitionId, number>;
}

export class Assignment {
  readonly #parts: AssignmentParts;
  /** Positions that were beyond the log's end as it was known then. */
  #ahead = new Map<PartitionId, number>();

  constructor(parts: AssignmentParts) {
    this.#parts = parts;
  }

  /**
   * @param retired the processors of the assignment that just ended: mostly the same partitions come back
   * @returns null when the log's ends must be asked anew: a former owner that nobody has stopped yet has flushed past them meanwhile
   * @throws TidemarkError fatal when a position stays beyond the log's end, cancelled when `signal` aborts
   */
  async recover(
    partitions: readonly AssignedPartition[],
    retired: ReadonlyMap<PartitionId, PartitionProcessor>,
    signal: AbortSignal,
  ): Promise<Recovered | null> {
    const { hot, failpoints, recovering } = this.#parts;
    await failpoints.reach('recovery.begun');
    const markers = await this.#parts.retry('read markers', signal, () => hot.readMarkers(partitions.map((p) => p.id)));
    await failpoints.reach('recovery.markers-read');
    if (this.#endsAreOld(partitions, markers)) {
      return null;
    }
    const plans = partitions.map((p) => planRecovery(p, markersOf(markers, p.id)));
    recovering(plans);
    // A commit came after its flush: the hot tier has stood there, whatever it says now.
    hot.stoodAt(new Map(partitions.map((p) => [p.id, p.committedOffset ?? 0])));
    // A shard behind the commit has lost flushes, and what was admitted in them: the rows in the cold tier say it.
    const wentBack = plans.some((plan) => plan.shards.some((marker) => marker !== null && marker < plan.coldFrom));
    await this.#parts.retry('load admitted values', signal, () => this.#loadAdmissions(wentBack));
    await failpoints.reach('recovery.admissions-loaded');

    const owned = new Map<PartitionId, OwnedPartition>();
    const readFrom = new Map<PartitionId, number>();
    for (const [i, plan] of plans.entries()) {
      const kept = retired.get(plan.partition);
      // Nobody else read on meanwhile: the memory of duplicates is still that of this position.
      const stands = kept !== undefined && kept.next === plan.applyFrom && kept.sealed === plan.applyFrom;
      const processor = stands ? kept : new PartitionProcessor(plan.partition, this.#parts.definition, plan.state, plan.readFrom);
      processor.logEnd = partitions[i].logEnd;
      owned.set(plan.partition, await this.#prepare(plan, processor, signal));
      readFrom.set(plan.partition, stands ? plan.applyFrom : plan.readFrom);
    }
    await failpoints.reach('recovery.planned');
    return { owned, readFrom };
  }

  async #prepare(plan: RecoveryPlan, processor: PartitionProcessor, signal: AbortSignal): Promise<OwnedPartition> {
    const { hot, catchUp, failpoints } = this.#parts;
    for (const shard of plan.dropMarkers) {
      await this.#parts.retry('drop marker', signal, () => hot.dropMarker(shard, plan.partition));
      await failpoints.reach('recovery.markers-dropped');
    }
    const one = ownedPartition(plan, processor);
    if (one.uncovered.size > 0 && one.segments.length === 0) {
      await catchUp.beginCoverage(one, signal);
    }
    return one;
  }

  /**
   * The ends were asked before the markers. A position beyond an end that was asked after the position had been seen is no race any
   * more: the log itself is shorter.
   */
  #endsAreOld(partitions: readonly AssignedPartition[], markers: HotMarkers): boolean {
    const ahead = new Map<PartitionId, number>();
    for (const assigned of partitions) {
      const highest = highestPosition(assigned, markersOf(markers, assigned.id));
      if (highest > assigned.logEnd) {
        ahead.set(assigned.id, highest);
      }
    }
    const proven = partitions.some((p) => ahead.has(p.id) && (this.#ahead.get(p.id) ?? 0) > p.logEnd);
    this.#ahead = ahead;
    return ahead.size > 0 && !proven;
  }

  async #loadAdmissions(always: boolean): Promise<void> {
    const { definition, hot, cold } = this.#parts;
    if (!always && !(await hot.admissionsMissing())) {
      return;
    }
    for (const dimension of definition.dimensions) {
      const byTenant = new Map<string, string[]>();
      for (const { tenant, value } of await cold.admittedValues(dimension.index, 2)) {
        byTenant.set(tenant, [...(byTenant.get(tenant) ?? []), value]);
      }
      for (const [tenant, values] of byTenant) {
        await hot.admit(tenant, dimension.index, values);
      }
    }
    await hot.admissionsLoaded();
  }
}

function markersOf(markers: HotMarkers, partition: PartitionId): (PartitionState | null)[] {
  return markers.map((shard) => shard.get(partition) ?? null);
}
