// What goes over a live connection, both ways: the one source for checking, for types, and for docs/live.md.
// Invariant: a client that applies every message in order, replacing rows by their time, holds what the query API would answer.

import { z } from 'zod';
import type { DataFrame, FieldValues } from '../query/data-frame.js';
import { MINUTE_MS, SECOND_MS } from '../query/time-expression.js';
import type { Problem } from '../query/problem.js';

/** Largest message that a client may send. */
export const MAX_CLIENT_MESSAGE_BYTES = 64 * 1024;
export const SHORTEST_SPAN_MS = SECOND_MS;
export const LONGEST_SPAN_MS = 31 * 24 * 60 * MINUTE_MS;
/** The id of an SSE stream's subscription where none is given, and the refId of every live frame. */
export const DEFAULT_ID = 'A';

const id = z.string().min(1).max(64).describe('Chosen by the client; comes back in every message of this subscription.');
const spanMs = z
  .number()
  .int()
  .min(SHORTEST_SPAN_MS)
  .max(LONGEST_SPAN_MS)
  .describe('How far back from now the frames reach, in ms. It moves on with the clock.');
const resume = z.string().min(1).max(16_384).describe('The cursor of the last message that was applied.');

export const subscribeSchema = z.strictObject({
  type: z.literal('subscribe'),
  id,
  query: z.unknown().describe('One query of POST /api/v1/query; refId may be left out. Kinds metric, top, events, values.'),
  spanMs,
  resume: resume.optional(),
});

export const unsubscribeSchema = z.strictObject({ type: z.literal('unsubscribe'), id });

/** By `type`. */
export const CLIENT_MESSAGES = { subscribe: subscribeSchema, unsubscribe: unsubscribeSchema };

export type SubscribeMessage = z.infer<typeof subscribeSchema>;
export type ClientMessage = SubscribeMessage | z.infer<typeof unsubscribeSchema>;

/** Parameters of `GET /api/v1/live` as server-sent events: one subscription per stream. */
export const sseParameters = z.strictObject({
  transport: z.literal('sse').optional().describe('In place of Accept: text/event-stream.'),
  query: z.string().min(1).max(16_384).describe('One query of POST /api/v1/query, as JSON.'),
  spanMs: z.coerce.number().pipe(spanMs).describe('How far back from now the frames reach, in ms.'),
  resume: resume.optional().describe('The cursor of the last message that was applied; the header Last-Event-ID says the same.'),
  id: id.default(DEFAULT_ID),
});

/** What a frame says without its schema: the fields are those of the last snapshot, in its order. */
export interface DeltaFrame {
  readonly data: { readonly values: readonly FieldValues[] };
}

/** What stands beside the frames of a snapshot or delta. Times are epoch ms. */
export interface LiveMeta {
  /** When this was evaluated. */
  readonly atMs: number;
  /** When the newest flush in it was done; null: none is known to this process. */
  readonly flushedAtMs: number | null;
  readonly spanMs: number;
  /** Rows before this belong to the span no more. Multiple of the bucket. */
  readonly fromMs: number;
  /** Length of a bucket; 0 where rows have no time of their own (totals, tables, top, events, values): every message is then a snapshot. */
  readonly bucketMs: number;
  /** First bucket that is not finished; null: all are. The same as `schema.meta.custom.partialFrom` of the query API. */
  readonly partialFrom: number | null;
  readonly watermarkMs: number;
  /** False when partitions are missing; `reason` says which. */
  readonly complete: boolean;
  readonly reason: string;
}

/** Everything of the span: replaces what the subscription sent before. */
export interface SnapshotMessage {
  readonly type: 'snapshot';
  readonly id: string;
  readonly frames: readonly DataFrame[];
  readonly cursor: string;
  readonly meta: LiveMeta;
}

/** Rows that changed, ascending in time: a row whose time was sent before replaces it, whole. */
export interface DeltaMessage {
  readonly type: 'delta';
  readonly id: string;
  readonly frames: readonly DeltaFrame[];
  readonly cursor: string;
  readonly meta: LiveMeta;
}

export interface ErrorMessage {
  readonly type: 'error';
  /** null: not about one subscription. */
  readonly id: string | null;
  readonly error: Problem;
  /** True: there is no such subscription (any more). False: it lives on, and the next evaluation may succeed. */
  readonly ended: boolean;
}

/** Sent when nothing else was for a while, so that both ends notice a dead connection. */
export interface HeartbeatMessage {
  readonly type: 'heartbeat';
  readonly at: number;
}

/**
 * slow: the client did not take what it was sent. stopping: this process ends; another one, or the same after its restart, goes on
 * from the cursor. misbehaving: too many unusable messages.
 */
export type DropCode = 'slow' | 'stopping' | 'misbehaving';

/** The last message; the connection is closed after it. */
export interface DroppedMessage {
  readonly type: 'dropped';
  readonly code: DropCode;
  readonly reason: string;
  /** Wait about this long before coming back. */
  readonly retryAfterMs: number;
}

export type ServerMessage = SnapshotMessage | DeltaMessage | ErrorMessage | HeartbeatMessage | DroppedMessage;

/** WebSocket close codes by why: 1001 going away, 1008 policy, 1013 try again later. */
export const CLOSE_CODES: Readonly<Record<DropCode, number>> = { slow: 1013, stopping: 1001, misbehaving: 1008 };
