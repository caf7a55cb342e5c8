// Membership of a consumer group: join, heartbeat, commit, leave, over kafkajs' connections. kafkajs' own consumer is not used: it cannot
// wait for a flush before it gives partitions up, commits for partitions it does not own, and stops on a batch that it cannot read.
// Invariant: heartbeats go on, whatever the consumer is busy with, until `end` is called; a membership that is over stays over.

import { AssignerProtocol, type Cluster, type GroupMember } from 'kafkajs';
import type { Clock } from '../clock.js';
import type { KafkaConfig } from '../definition/model.js';
import { clientMismatch, kafkaErrorType, toKafkaError, type SourceLog } from './kafka-client.js';

/** Requests of kafkajs 2.2.4's Broker that its types leave out. */
interface CoordinatorBroker {
  joinGroup(request: {
    groupId: string;
    sessionTimeout: number;
    rebalanceTimeout: number;
    memberId: string;
    groupProtocols: { name: string; metadata: Buffer }[];
  }): Promise<{ generationId: number; leaderId: string; memberId: string; members: GroupMember[] }>;
  syncGroup(request: {
    groupId: string;
    generationId: number;
    memberId: string;
    groupAssignment: { memberId: string; memberAssignment: Buffer }[];
  }): Promise<{ memberAssignment: Buffer }>;
  heartbeat(request: { groupId: string; groupGenerationId: number; memberId: string }): Promise<unknown>;
  leaveGroup(request: { groupId: string; memberId: string }): Promise<unknown>;
  offsetFetch(request: { groupId: string; topics: { topic: string; partitions: { partition: number }[] }[] }): Promise<{
    responses: { topic: string; partitions: { partition: number; offset: string; metadata: string | null }[] }[];
  }>;
  offsetCommit(request: {
    groupId: string;
    groupGenerationId: number;
    memberId: string;
    topics: { topic: string; partitions: { partition: number; offset: string; metadata: string }[] }[];
  }): Promise<unknown>;
}

const COORDINATOR_CALLS = ['joinGroup', 'syncGroup', 'heartbeat', 'leaveGroup', 'offsetFetch', 'offsetCommit'];

function isCoordinatorBroker(broker: unknown): broker is CoordinatorBroker {
  if (typeof broker !== 'object' || broker === null) return false;
  const calls: Record<string, unknown> = Object.fromEntries(COORDINATOR_CALLS.map((name) => [name, Reflect.get(broker, name)]));
  return COORDINATOR_CALLS.every((name) => typeof calls[name] === 'function');
}

export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

/** Why a membership ended: the group wants to share out anew (`rebalance`), or has already gone on without us (`lost`). */
export type MembershipEnd = 'rebalance' | 'lost';

export interface CommittedOffset extends TopicPartition {
  /** null: never committed. */
  readonly offset: number | null;
  readonly metadata: string;
}

// The name under which members agree on how partitions are shared out; the format of subscriptions is the usual consumer's.
const ASSIGNER = { name: 'RoundRobinAssigner', version: 0 };
const HEARTBEAT_MS = 1_000;
const REBALANCE_TIMEOUT_MS = 60_000;

export class KafkaGroup {
  readonly #cluster: Cluster;
  readonly #config: KafkaConfig;
  readonly #clock: Clock;
  readonly #log: SourceLog;
  #memberId = '';

  constructor(cluster: Cluster, config: KafkaConfig, clock: Clock, log: SourceLog) {
    this.#cluster = cluster;
    this.#config = config;
    this.#clock = clock;
    this.#log = log;
  }

  async #coordinator(): Promise<CoordinatorBroker> {
    const broker: unknown = await this.#cluster.findGroupCoordinator({ groupId: this.#config.group });
    if (!isCoordinatorBroker(broker)) throw clientMismatch('its broker lacks the requests of a group');
    return broker;
  }

  /**
   * Joins (again) and gets a share of the topics' partitions. Waits for the other members, up to the rebalance timeout.
   * @throws kafkajs' errors; after one, joining again is right unless the error says that a setting is wrong
   */
  async join(): Promise<Membership> {
    const { group, topics, sessionTimeoutMs } = this.#config;
    const coordinator = await this.#coordinator();
    try {
      const joined = await coordinator.joinGroup({
        groupId: group,
        sessionTimeout: sessionTimeoutMs,
        rebalanceTimeout: REBALANCE_TIMEOUT_MS,
        memberId: this.#memberId,
        groupProtocols: [
          {
            name: ASSIGNER.name,
            metadata: AssignerProtocol.MemberMetadata.encode({ version: ASSIGNER.version, topics: [...topics], userData: Buffer.alloc(0) }),
          },
        ],
      });
      this.#memberId = joined.memberId;
      const leads = joined.leaderId === joined.memberId;
      await this.#cluster.refreshMetadata();
      const synced = await coordinator.syncGroup({
        groupId: group,
        generationId: joined.generationId,
        memberId: joined.memberId,
        groupAssignment: leads ? this.#assign(joined.members) : [],
      });
      const decoded = AssignerProtocol.MemberAssignment.decode(synced.memberAssignment);
      const owned = Object.entries(decoded?.assignment ?? {})
        .filter(([topic]) => topics.includes(topic))
        .flatMap(([topic, partitions]) => partitions.map((partition) => ({ topic, partition })));
      const identity = { memberId: joined.memberId, generationId: joined.generationId, leads };
      return new Membership(coordinator, () => this.#coordinator(), this.#config, identity, owned, this.#clock, this.#log);
    } catch (error) {
      const type = kafkaErrorType(error);
      if (type === 'UNKNOWN_MEMBER_ID' || type === 'ILLEGAL_GENERATION') this.#memberId = '';
      throw error;
    }
  }

  /** The next join is a new member's. */
  forget(): void {
    this.#memberId = '';
  }

  /** Every partition of the topics, as the metadata has it. */
  allPartitions(): TopicPartition[] {
    return this.#config.topics.flatMap((topic) =>
      this.#cluster
        .findTopicPartitionMetadata(topic)
        .map(({ partitionId }) => ({ topic, partition: partitionId }))
        .sort((a, b) => a.partition - b.partition),
    );
  }

  /** Round robin over all partitions of all topics, in the order of member ids: the same for every leader. */
  #assign(members: readonly GroupMember[]): { memberId: string; memberAssignment: Buffer }[] {
    const ids = members.map(({ memberId }) => memberId).sort();
    const shares = ids.map((): Record<string, number[]> => ({}));
    this.allPartitions().forEach(({ topic, partition }, i) => {
      (shares[i % ids.length][topic] ??= []).push(partition);
    });
    return ids.map((memberId, i) => ({
      memberId,
      memberAssignment: AssignerProtocol.MemberAssignment.encode({
        version: ASSIGNER.version,
        assignment: shares[i],
        userData: Buffer.alloc(0),
      }),
    }));
  }
}

/** One generation of the group, as this member sees it. */
export class Membership {
  readonly owned: readonly TopicPartition[];
  /** This member shares the partitions out: it must notice new ones. */
  readonly leads: boolean;
  /** Resolves when the membership is over; never rejects. */
  readonly ended: Promise<MembershipEnd>;
  #coordinator: CoordinatorBroker;
  readonly #findCoordinator: () => Promise<CoordinatorBroker>;
  readonly #config: KafkaConfig;
  readonly #identity: { readonly memberId: string; readonly generationId: number };
  readonly #clock: Clock;
  readonly #log: SourceLog;
  #resolveEnded: (end: MembershipEnd) => void = () => undefined;
  #timer: NodeJS.Timeout | null = null;
  #lastHeartbeatMs: number;
  #over = false;

  constructor(
    coordinator: CoordinatorBroker,
    findCoordinator: () => Promise<CoordinatorBroker>,
    config: KafkaConfig,
    identity: { readonly memberId: string; readonly generationId: number; readonly leads: boolean },
    owned: readonly TopicPartition[],
    clock: Clock,
    log: SourceLog,
  ) {
    this.#coordinator = coordinator;
    this.#findCoordinator = findCoordinator;
    this.#config = config;
    this.#identity = identity;
    this.leads = identity.leads;
    this.owned = owned;
    this.#clock = clock;
    this.#log = log;
    this.#lastHeartbeatMs = clock.monotonic();
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
    this.#schedule();
  }

  #schedule(): void {
    if (this.#over) return;
    this.#timer = setTimeout(() => void this.#beat(), Math.min(HEARTBEAT_MS, this.#config.sessionTimeoutMs / 3));
  }

  async #beat(): Promise<void> {
    const { memberId, generationId } = this.#identity;
    try {
      await this.#coordinator.heartbeat({ groupId: this.#config.group, groupGenerationId: generationId, memberId });
      this.#lastHeartbeatMs = this.#clock.monotonic();
    } catch (error) {
      const type = kafkaErrorType(error);
      if (type === 'REBALANCE_IN_PROGRESS') {
        // The heartbeat counted; the session lives on while the consumer flushes what it holds.
        this.#lastHeartbeatMs = this.#clock.monotonic();
        this.#resolveEnded('rebalance');
      } else if (type === 'ILLEGAL_GENERATION' || type === 'UNKNOWN_MEMBER_ID') {
        this.#over = true;
        this.#resolveEnded('lost');
      } else {
        await this.#recover(error);
      }
    }
    this.#schedule();
  }

  /** The coordinator moved or does not answer: look for it until the session must have run out. */
  async #recover(error: unknown): Promise<void> {
    if (this.#over) return;
    const { message } = toKafkaError(error, 'heartbeat');
    this.#log.warn({ group: this.#config.group }, message);
    if (this.#clock.monotonic() - this.#lastHeartbeatMs > this.#config.sessionTimeoutMs) {
      this.#over = true;
      this.#resolveEnded('lost');
      return;
    }
    try {
      this.#coordinator = await this.#findCoordinator();
    } catch (again) {
      this.#log.debug({ group: this.#config.group }, toKafkaError(again, 'find the group coordinator').message);
    }
  }

  /** Stops the heartbeats. */
  end(): void {
    this.#over = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  async leave(): Promise<void> {
    this.end();
    await this.#coordinator.leaveGroup({ groupId: this.#config.group, memberId: this.#identity.memberId });
  }

  /** What the group has committed of these partitions, owned by this member or not. */
  async committed(partitions: readonly TopicPartition[]): Promise<CommittedOffset[]> {
    if (partitions.length === 0) return [];
    const topics = groupByTopic(partitions, ({ partition }) => ({ partition }));
    const { responses } = await this.#coordinator.offsetFetch({ groupId: this.#config.group, topics });
    return responses.flatMap(({ topic, partitions }) =>
      partitions.map(({ partition, offset, metadata }) => ({
        topic,
        partition,
        offset: Number(offset) < 0 ? null : Number(offset),
        metadata: metadata ?? '',
      })),
    );
  }

  /** @throws kafkajs' errors; ILLEGAL_GENERATION and UNKNOWN_MEMBER_ID when the group has gone on */
  async commit(commits: readonly (TopicPartition & { readonly offset: number; readonly metadata: string })[]): Promise<void> {
    const { memberId, generationId } = this.#identity;
    const topics = groupByTopic(commits, ({ partition, offset, metadata }) => ({ partition, offset: String(offset), metadata }));
    const request = { groupId: this.#config.group, groupGenerationId: generationId, memberId, topics };
    try {
      await this.#coordinator.offsetCommit(request);
    } catch (error) {
      if (kafkaErrorType(error) !== 'NOT_COORDINATOR_FOR_GROUP') throw error;
      this.#coordinator = await this.#findCoordinator();
      await this.#coordinator.offsetCommit(request);
    }
  }
}

function groupByTopic<T extends TopicPartition, P>(items: readonly T[], toPartition: (item: T) => P): { topic: string; partitions: P[] }[] {
  const topics = new Map<string, P[]>();
  for (const item of items) {
    const list = topics.get(item.topic);
    if (list === undefined) topics.set(item.topic, [toPartition(item)]);
    else list.push(toPartition(item));
  }
  return [...topics].map(([topic, partitions]) => ({ topic, partitions }));
}
