// What `GET /api/v1/status` and `tidemark status` say: put together when asked, from what each part knows of itself.

import type { ColdTier } from '../cold/cold-tier.js';
import type { Definition } from '../definition/model.js';
import { deadLetterTopic } from '../source/kafka-dead-letters.js';
import type { HotTier } from '../hot/hot-tier.js';
import type { FreshnessProvider } from '../query/freshness.js';
import type { PartitionState } from '../window/flush-batch.js';
import type { Coverage } from '../query/tier-read.js';
import { VERSION } from './version.js';

export interface PartitionStatus {
  readonly partition: string;
  readonly offset: number;
  /** Records not yet applied; null: not known here. */
  readonly lag: number | null;
  readonly watermarkMs: number;
  readonly idle: boolean;
  readonly consumed: number;
  readonly applied: number;
  readonly duplicates: number;
  readonly deadLettered: number;
  readonly late: number;
  readonly lost: number;
}

export interface SourceStatus {
  /** `embedded`: the log in this process, fed by HTTP collect and the demo. */
  readonly kind: 'kafka' | 'embedded';
  readonly topics: readonly string[];
  /** Where records go that cannot be read, in words. */
  readonly deadLetters: string;
}

export interface Status {
  readonly name: string;
  readonly version: string;
  /** This process's clock when it answered, to compare others with. Epoch ms. */
  readonly nowMs: number;
  readonly source: SourceStatus;
  /** Of the ingest pipeline; `off` in a process that does not ingest. */
  readonly state: string;
  readonly startedAt: string;
  readonly roles: readonly string[];
  readonly watermarkMs: number;
  /** Newest applied event time; later than `nowMs` where a producer's clock is ahead. 0: none yet. Epoch ms. */
  readonly newestEventMs: number;
  readonly complete: boolean;
  readonly reason: string;
  readonly partitions: readonly PartitionStatus[];
  readonly hot: {
    readonly kind: Definition['hot']['kind'];
    readonly ok: boolean;
    readonly detail: string;
    readonly memoryBytes: number;
    readonly coverageFromMs: number | null;
    readonly coverageReason: string;
  };
  readonly cold: {
    readonly kind: Definition['cold']['kind'];
    readonly ok: boolean;
    readonly detail: string;
    readonly rawRows: number;
    readonly diskBytes: number;
    readonly closedUntilMs: number;
    readonly dirtyMinutes: number;
  };
}

export interface StatusParts {
  readonly definition: Definition;
  readonly hot: HotTier;
  readonly cold: ColdTier;
  readonly freshness: FreshnessProvider;
  readonly startedAtMs: number;
  pipelineState(): string;
}

export async function readStatus(parts: StatusParts): Promise<Status> {
  const { definition, hot, cold } = parts;
  const [coverage, hotHealth, coldHealth, compaction] = await Promise.all([
    hot.coverage().catch((): Coverage | null => null),
    hot.health().catch((error: unknown) => ({ ok: false, detail: wordsOf(error), memoryBytes: 0 })),
    cold.health().catch((error: unknown) => ({ ok: false, detail: wordsOf(error), rawRows: 0, diskBytes: 0 })),
    cold.state().catch(() => ({ closedUntilMs: 0, dirtyMinutes: [] })),
  ]);
  const freshness = parts.freshness.freshness(coverage);
  const states: ReadonlyMap<string, PartitionState> = coverage?.partitions ?? new Map<string, PartitionState>();
  return {
    name: definition.name,
    version: VERSION,
    nowMs: freshness.nowMs,
    source: sourceOf(definition),
    state: parts.pipelineState(),
    startedAt: new Date(parts.startedAtMs).toISOString(),
    roles: (['ingest', 'query', 'compact'] as const).filter((role) => definition.roles[role]),
    watermarkMs: freshness.watermarkMs,
    newestEventMs: freshness.newestEventMs,
    complete: freshness.complete,
    reason: freshness.reason,
    partitions: freshness.partitions.map((p) => {
      const state = states.get(p.id);
      return {
        partition: p.id,
        offset: state?.offset ?? 0,
        lag: p.lag,
        watermarkMs: p.watermarkMs,
        idle: p.idle,
        consumed: state?.consumed ?? 0,
        applied: state?.applied ?? 0,
        duplicates: state?.duplicates ?? 0,
        deadLettered: state?.deadLettered ?? 0,
        late: state?.late ?? 0,
        lost: state?.lost ?? 0,
      };
    }),
    hot: {
      kind: definition.hot.kind,
      ...hotHealth,
      coverageFromMs: coverage === null || !Number.isFinite(coverage.fromMs) ? null : coverage.fromMs,
      coverageReason: coverage?.reason ?? hotHealth.detail,
    },
    cold: {
      kind: definition.cold.kind,
      ...coldHealth,
      closedUntilMs: compaction.closedUntilMs,
      dirtyMinutes: compaction.dirtyMinutes.length,
    },
  };
}

function sourceOf({ source }: Definition): SourceStatus {
  if (source.kafka === null) return { kind: 'embedded', topics: [], deadLetters: 'the file dead-letters.ndjson in the data directory' };
  return { kind: 'kafka', topics: source.kafka.topics, deadLetters: `the topic ${deadLetterTopic(source.kafka)}` };
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
