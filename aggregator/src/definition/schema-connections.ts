// The sections of tidemark.yaml that say where events come from and where data is kept. Secrets are absent here on purpose:
// they come from files (`…File` keys) or from the environment, see secrets.ts.

import { z } from 'zod';
import { bytes, duration, hostPorts, identifier, stringList, text, wholeNumber } from './schema-values.js';

const tls = z
  .union(
    [
      z.boolean(),
      z.strictObject({
        enabled: z.boolean({ error: 'true or false' }).default(true).describe('false switches TLS off and keeps the settings.'),
        caFile: text('PEM file of the authorities to trust, instead of the system’s.').optional(),
        certFile: text('PEM file of the client certificate.').optional(),
        keyFile: text('PEM file of the client certificate’s key.').optional(),
        serverName: text('Name expected in the server’s certificate, where it is not the host.').optional(),
        insecureSkipVerify: z
          .boolean({ error: 'true or false' })
          .default(false)
          .describe('Accept any certificate. Only for trying things out.'),
      }),
    ],
    { error: 'true, false, or a map with caFile, certFile, keyFile' },
  )
  .optional()
  .describe('TLS to the server.');

const kafka = z
  .strictObject({
    brokers: hostPorts('Some brokers of the cluster.', 9092),
    topics: stringList('Topics to read.'),
    group: text('Consumer group: processes of one group share the partitions.').default('tidemark'),
    clientId: text('How this process names itself to the brokers.').default('tidemark'),
    start: text('Where a new group starts: earliest, latest, or an ISO 8601 time such as 2025-01-31T00:00:00Z.').default('earliest'),
    tls,
    sasl: z
      .strictObject({
        mechanism: z.enum(['plain', 'scram-sha-256', 'scram-sha-512']).describe('How to log in.'),
        username: text('User name.'),
        passwordFile: text('File with the password; or TIDEMARK_SOURCE_KAFKA_SASL_PASSWORD.').optional(),
      })
      .optional()
      .describe('Log in to the brokers.'),
    maxRecord: bytes('Larger records are dead-lettered.').default('1MiB'),
    sessionTimeout: duration('A process that is silent for longer loses its partitions.').default('30s'),
    deadLetterTopic: text('Topic for records that cannot be read. Default: `<first topic>.dead-letters`.').optional(),
  })
  .optional()
  .describe('Read events from Kafka.');

/** `demo.incidents` of a shop in which nothing goes wrong. */
export const NO_INCIDENTS = 'never';

const demo = z
  .union(
    [
      z.null(),
      z.strictObject({
        seed: wholeNumber(0, 4_294_967_295).default(1).describe('The same seed makes the same events.'),
        rate: z
          .number({ error: 'a number of events per second' })
          .positive({ error: 'more than 0' })
          .max(1_000_000, { error: 'at most 1000000' })
          .default(50)
          .describe('Mean events per second.'),
        history: duration('History generated at the first start.').default('3h'),
        incidents: text('Something goes wrong once in so long, such as 15m (the shortest), 1h or 1d; never: on no day.').default('15m'),
      }),
    ],
    { error: 'a map with seed, rate, history, incidents, or nothing' },
  )
  .optional()
  .describe('Generate a web shop’s events.');

export const connectionSections = {
  source: z
    .strictObject({
      kafka,
      http: z
        .union([z.null(), z.strictObject({})], { error: 'an empty map: {}' })
        .optional()
        .describe('Take events by POST /api/v1/events into a log on this machine (with kafka: into its first topic).'),
      demo,
      format: z.enum(['json']).default('json').describe('How events are encoded.'),
    })
    .describe('Where events come from: kafka, or http and/or demo (embedded).'),
  hot: z
    .strictObject({
      kind: z.enum(['memory', 'redis']).default('memory').describe('memory: in this process; redis: a server, Sentinel or a Cluster.'),
      redis: z
        .strictObject({
          mode: z.enum(['single', 'sentinel', 'cluster']).default('single').describe('What stands behind the nodes.'),
          nodes: hostPorts('The server, the sentinels, or some nodes of the cluster.', 6379).default(['localhost:6379']),
          sentinelName: text('Name of the primary, with mode sentinel.').optional(),
          username: text('ACL user.').optional(),
          passwordFile: text('File with the password; or TIDEMARK_HOT_REDIS_PASSWORD.').optional(),
          sentinelPasswordFile: text('File with the sentinels’ password; or TIDEMARK_HOT_REDIS_SENTINEL_PASSWORD.').optional(),
          db: wholeNumber(0, 1_023).default(0).describe('Database number; a Cluster has only 0.'),
          tls,
          keyPrefix: z
            .string({ error: 'a text' })
            .regex(/^[A-Za-z0-9_.:-]{1,64}$/, { error: 'at most 64 of A-Z, a-z, 0-9, _ . : -' })
            .default('tidemark')
            .describe('Start of every key, so that several deployments can share a server.'),
        })
        .optional()
        .describe('The Redis server, with kind redis.'),
      shards: wholeNumber(1, 256)
        .default(8)
        .describe('Hash-slot groups that the series are spread over; at least the number of Cluster nodes.'),
      maxMemory: bytes('The start is refused when the estimate from the caps is larger; 0: only reported.').default('4GiB'),
      expectedRate: z
        .number({ error: 'a number of events per second' })
        .positive({ error: 'more than 0' })
        .max(10_000_000, { error: 'at most 10000000' })
        .optional()
        .describe(
          'Events per second that the memory estimate reckons with (sketches grow with the events, not only with the caps). Default 1000, or the demo’s rate.',
        ),
    })
    .prefault({})
    .describe('The hot tier: recent panes.'),
  cold: z
    .strictObject({
      kind: z
        .enum(['chdb', 'http'])
        .default('chdb')
        .describe('chdb: the engine in this process, in dataDir; http: a ClickHouse server or cluster.'),
      url: z
        .string({ error: 'a URL such as http://localhost:8123' })
        .regex(/^https?:\/\/[^/\s]+(\/\S*)?$/, { error: 'a URL such as http://localhost:8123' })
        .default('http://localhost:8123')
        .describe('The HTTP interface, with kind http.'),
      username: text('User name.').default('default'),
      passwordFile: text('File with the password; or TIDEMARK_COLD_PASSWORD.').optional(),
      database: identifier('Database that holds the tables; created where it is missing.').default('tidemark'),
      tls,
      cluster: identifier('Name of the cluster: tables become Replicated and Distributed.').optional(),
      requestTimeout: duration('An HTTP request that takes longer has failed.').default('30s'),
    })
    .prefault({})
    .describe('The cold tier: raw events and rollups.'),
};
