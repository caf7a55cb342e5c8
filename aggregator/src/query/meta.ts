// What every answer says about itself: the plan, how fresh the data is, from where on it is unfinished, what the cache did.
// Stands in a frame's `meta.custom`; the same in words in `executedQueryString`, which Grafana's inspector shows.

import type { FrameMeta, FrameNotice } from './data-frame.js';
import type { Executed } from './execute.js';
import type { Freshness } from './freshness.js';
import type { Notice, Plan } from './plan.js';
import { formatDuration } from './time-expression.js';

export interface MetricDetails {
  readonly plan: Plan;
  readonly executed: Executed;
  readonly freshness: Freshness;
  readonly partialFrom: number | null;
}

/** `meta.custom` = { plan, effectiveRange, freshness, partialFrom, cache }; times are epoch ms. */
export function metricMeta(details: MetricDetails, more: readonly Notice[]): FrameMeta {
  const { plan, executed, freshness, partialFrom } = details;
  const notices = [...plan.notices, ...more, ...freshnessNotices(freshness)];
  return {
    custom: {
      plan: {
        bucketMs: plan.bucketMs,
        windowMs: plan.windowSizeMs,
        boundaryMs: plan.main.boundaryMs,
        hotUnused: plan.hotUnused,
        reads: executed.reads,
      },
      effectiveRange: { fromMs: plan.main.fromMs, toMs: plan.main.toMs },
      freshness: freshnessMeta(freshness),
      partialFrom,
      cache: executed.cache,
    },
    ...(notices.length === 0 ? {} : { notices }),
    executedQueryString: inWords(plan, executed),
  };
}

/** For lists: the range that was asked and the freshness. */
export function rangeMeta(
  range: { readonly fromMs: number; readonly toMs: number },
  freshness: Freshness,
  more: readonly FrameNotice[],
): FrameMeta {
  const notices = [...more, ...freshnessNotices(freshness)];
  return {
    custom: { effectiveRange: { fromMs: range.fromMs, toMs: range.toMs }, freshness: freshnessMeta(freshness) },
    ...(notices.length === 0 ? {} : { notices }),
  };
}

function freshnessMeta(freshness: Freshness): Record<string, unknown> {
  const busy = freshness.partitions.filter((partition) => !partition.idle);
  const slowest = busy.reduce<(typeof busy)[number] | null>(
    (worst, one) => (worst === null || one.watermarkMs < worst.watermarkMs ? one : worst),
    null,
  );
  const lags = freshness.partitions.map((partition) => partition.lag).filter((lag) => lag !== null);
  return {
    nowMs: freshness.nowMs,
    watermarkMs: freshness.watermarkMs,
    newestEventMs: freshness.newestEventMs,
    ageMs: freshness.newestEventMs > 0 ? Math.max(0, freshness.nowMs - freshness.newestEventMs) : null,
    lag: lags.length === 0 ? null : lags.reduce((sum, lag) => sum + lag, 0),
    slowestPartition: slowest?.id ?? null,
    partitions: freshness.partitions.length,
    complete: freshness.complete,
    reason: freshness.reason,
  };
}

function freshnessNotices(freshness: Freshness): Notice[] {
  return freshness.complete ? [] : [{ severity: 'warning', text: `The newest data may be incomplete. ${freshness.reason}` }];
}

function inWords(plan: Plan, executed: Executed): string {
  const time = (ms: number): string => new Date(ms).toISOString();
  const bucket = plan.bucketMs === 0 ? 'one total' : `buckets of ${formatDuration(plan.bucketMs)}`;
  const window = plan.windowSizeMs === null ? '' : `, each over a window of ${formatDuration(plan.windowSizeMs)}`;
  const lines = [`${time(plan.main.fromMs)} to ${time(plan.main.toMs)}, ${bucket}${window}`];
  for (const read of executed.reads) {
    lines.push(
      `${read.tier}: ${time(read.fromMs)} to ${time(read.toMs)} from ${read.source}, ${read.rows} rows, ${read.durationMs.toFixed(1)} ms${read.shared ? ', shared' : ''} (${read.why})`,
    );
  }
  const { hits, misses, open } = executed.cache;
  if (hits + misses + open > 0) lines.push(`cache: ${hits} segments found, ${misses} read and kept, ${open} not closed yet`);
  if (plan.hotUnused !== '') lines.push(`hot tier not used: ${plan.hotUnused}`);
  return lines.join('\n');
}
