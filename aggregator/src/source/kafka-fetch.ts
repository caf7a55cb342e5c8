// One fetch from one broker: Kafka's Fetch request and response, version 11, over a connection of kafkajs. kafkajs' own decoding makes an
// object, a Long, strings and headers of each record (a third of its cost is collecting them); here records stay bytes.
// Where the connection is not the one known (another kafkajs than 2.2.4) or the broker is older than 2.3, kafkajs' decoding is used.

import type { Broker } from 'kafkajs';
import type { AbortedTransaction } from './kafka-record-batches.js';

/** A partition to read. */
export interface FetchPosition {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

export interface FetchLimits {
  readonly maxWaitMs: number;
  readonly minBytes: number;
  readonly maxBytes: number;
  readonly maxBytesPerPartition: number;
}

/** What one fetch says about one partition. */
export interface FetchedPartition {
  readonly topic: string;
  readonly partition: number;
  /** Kafka's error code, 0 if none. */
  readonly errorCode: number;
  /** The offset after the newest readable record: the last stable offset, since uncommitted transactions are not read. */
  readonly logEnd: number;
  readonly logStart: number;
  readonly aborted: readonly AbortedTransaction[];
  /** Record batches as stored; null on the plain path. */
  readonly recordSet: Uint8Array | null;
  /** On the plain path, what kafkajs decoded. */
  readonly messages: readonly PlainMessage[];
}

/** A record as kafkajs decodes it (the fields that are used). */
export interface PlainMessage {
  readonly offset: string;
  readonly timestamp: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly isControlRecord: boolean;
  readonly batchContext: { readonly producerId: string; readonly inTransaction: boolean };
}

const FETCH_KEY = 1;
const FETCH_VERSION = 11;
const READ_COMMITTED = 1;

/** The part of kafkajs 2.2.4's Broker that the lean path stands on. */
interface LeanBroker {
  readonly versions: Readonly<Record<number, { readonly minVersion: number; readonly maxVersion: number }>>;
  readonly connectionPool: {
    send(protocolRequest: {
      readonly request: {
        readonly apiKey: number;
        readonly apiVersion: number;
        readonly apiName: string;
        encode(): Promise<{ readonly buf: Buffer; readonly buffer: Buffer }>;
      };
      readonly response: {
        decode(payload: Buffer): Promise<FetchResponse>;
        parse(response: FetchResponse): Promise<FetchResponse>;
      };
      readonly requestTimeout: number;
    }): Promise<FetchResponse>;
  };
}

interface FetchResponse {
  /** kafkajs reads this name to obey the broker's quota. */
  readonly clientSideThrottleTime: number;
  readonly errorCode: number;
  readonly partitions: readonly FetchedPartition[];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

/** Whether this broker object can carry a fetch that is decoded here. */
export function canFetchLean(broker: unknown): broker is LeanBroker {
  if (!isRecord(broker) || !isRecord(broker['versions']) || !isRecord(broker['connectionPool'])) return false;
  const pool = broker['connectionPool'];
  const fetch = broker['versions'][FETCH_KEY];
  if (typeof pool['send'] !== 'function' || !isRecord(fetch)) return false;
  const { minVersion, maxVersion } = fetch;
  return typeof minVersion === 'number' && typeof maxVersion === 'number' && minVersion <= FETCH_VERSION && maxVersion >= FETCH_VERSION;
}

/**
 * Waits up to `limits.maxWaitMs` for records of the positions, whose leader the broker is.
 * @param plain forces kafkajs' decoding
 * @throws kafkajs' errors of connection and protocol
 */
export async function fetchPartitions(
  broker: Broker,
  positions: readonly FetchPosition[],
  limits: FetchLimits,
  plain = false,
): Promise<readonly FetchedPartition[]> {
  const candidate: unknown = broker;
  if (plain || !canFetchLean(candidate)) return fetchPlain(broker, positions, limits);
  const response = await candidate.connectionPool.send({
    request: {
      apiKey: FETCH_KEY,
      apiVersion: FETCH_VERSION,
      apiName: 'Fetch',
      encode: async () => {
        const encoded = encodeFetchRequest(positions, limits);
        return { buf: encoded, buffer: encoded };
      },
    },
    response: {
      decode: async (payload) => decodeFetchResponse(payload),
      parse: async (decoded) => decoded,
    },
    requestTimeout: limits.maxWaitMs + 30_000,
  });
  if (response.errorCode !== 0) throw new Error(`Kafka answered a fetch with error ${response.errorCode}`);
  return response.partitions;
}

function byTopic(positions: readonly FetchPosition[]): [string, FetchPosition[]][] {
  const topics = new Map<string, FetchPosition[]>();
  for (const position of positions) {
    const list = topics.get(position.topic);
    if (list === undefined) topics.set(position.topic, [position]);
    else list.push(position);
  }
  return [...topics];
}

/** Fetch request, version 11 (Kafka protocol guide; no fetch session). */
export function encodeFetchRequest(positions: readonly FetchPosition[], limits: FetchLimits): Buffer {
  const topics = byTopic(positions);
  const size = 64 + topics.reduce((sum, [topic, list]) => sum + 6 + Buffer.byteLength(topic) + 32 * list.length, 0);
  const out = Buffer.alloc(size);
  let at = 0;
  const int32 = (value: number): void => {
    at = out.writeInt32BE(value, at);
  };
  int32(-1);
  int32(limits.maxWaitMs);
  int32(limits.minBytes);
  int32(limits.maxBytes);
  at = out.writeInt8(READ_COMMITTED, at);
  int32(0);
  int32(-1);
  int32(topics.length);
  for (const [topic, list] of topics) {
    at = out.writeInt16BE(Buffer.byteLength(topic), at);
    at += out.write(topic, at);
    int32(list.length);
    for (const position of list) {
      int32(position.partition);
      int32(-1);
      at = out.writeBigInt64BE(BigInt(position.offset), at);
      at = out.writeBigInt64BE(-1n, at);
      int32(limits.maxBytesPerPartition);
    }
  }
  int32(0);
  at = out.writeInt16BE(0, at);
  return out.subarray(0, at);
}

/** Fetch response, version 11. Record sets are ranges of the payload. @throws RangeError when it is cut off */
export function decodeFetchResponse(payload: Buffer): FetchResponse {
  let at = 0;
  const int16 = (): number => {
    at += 2;
    return payload.readInt16BE(at - 2);
  };
  const int32 = (): number => {
    at += 4;
    return payload.readInt32BE(at - 4);
  };
  const int64 = (): number => {
    at += 8;
    return payload.readInt32BE(at - 8) * 2 ** 32 + payload.readUInt32BE(at - 4);
  };
  const clientSideThrottleTime = int32();
  const errorCode = int16();
  int32();
  const partitions: FetchedPartition[] = [];
  for (let topics = int32(); topics > 0; topics--) {
    const nameBytes = int16();
    const topic = payload.toString('utf8', at, at + nameBytes);
    at += nameBytes;
    for (let count = int32(); count > 0; count--) {
      const partition = int32();
      const partitionError = int16();
      const highWatermark = int64();
      const lastStableOffset = int64();
      const logStart = int64();
      const aborted: AbortedTransaction[] = [];
      for (let left = int32(); left > 0; left--) aborted.push({ producerId: int64(), firstOffset: int64() });
      // The preferred read replica is only for consumers that name their rack.
      int32();
      const recordBytes = Math.max(0, int32());
      if (at + recordBytes > payload.length) throw new RangeError('a fetch response is cut off');
      partitions.push({
        topic,
        partition,
        errorCode: partitionError,
        logEnd: lastStableOffset >= 0 ? lastStableOffset : highWatermark,
        logStart,
        aborted,
        recordSet: payload.subarray(at, at + recordBytes),
        messages: [],
      });
      at += recordBytes;
    }
  }
  return { clientSideThrottleTime, errorCode, partitions };
}

/** kafkajs' answer (its types leave it open). */
interface PlainResponse {
  readonly responses: readonly {
    readonly topicName: string;
    readonly partitions: readonly {
      readonly partition: number;
      readonly errorCode: number;
      readonly highWatermark: string;
      readonly lastStableOffset?: string;
      readonly lastStartOffset?: string;
      readonly abortedTransactions?: readonly { readonly producerId: string; readonly firstOffset: string }[];
      readonly messages: readonly PlainMessage[];
    }[];
  }[];
}

async function fetchPlain(broker: Broker, positions: readonly FetchPosition[], limits: FetchLimits): Promise<readonly FetchedPartition[]> {
  const response: PlainResponse = await broker.fetch({
    isolationLevel: READ_COMMITTED,
    maxWaitTime: limits.maxWaitMs,
    minBytes: limits.minBytes,
    maxBytes: limits.maxBytes,
    topics: byTopic(positions).map(([topic, list]) => ({
      topic,
      partitions: list.map(({ partition, offset }) => ({ partition, fetchOffset: String(offset), maxBytes: limits.maxBytesPerPartition })),
    })),
  });
  return response.responses.flatMap(({ topicName, partitions }) =>
    partitions.map((p) => ({
      topic: topicName,
      partition: p.partition,
      errorCode: p.errorCode,
      logEnd: Number(p.lastStableOffset ?? p.highWatermark),
      logStart: Number(p.lastStartOffset ?? 0),
      aborted: (p.abortedTransactions ?? []).map((t) => ({ producerId: Number(t.producerId), firstOffset: Number(t.firstOffset) })),
      recordSet: null,
      messages: p.messages,
    })),
  );
}
