// The Kafka part of a definition, for tests that start a source without one.

import type { KafkaConfig } from '../../aggregator/src/definition/model.js';

/** A definition's Kafka section as compiled, without TLS and SASL, reading from the start. */
export function kafkaConfig(brokers: readonly string[], topics: readonly string[], more: Partial<KafkaConfig> = {}): KafkaConfig {
  return {
    brokers,
    topics,
    group: `group-of-${topics.join('-')}`,
    clientId: 'tidemark-test',
    start: { from: 'earliest' },
    tls: { enabled: false, ca: '', cert: '', key: '', serverName: '', insecureSkipVerify: false },
    sasl: null,
    maxRecordBytes: 1024 * 1024,
    sessionTimeoutMs: 10_000,
    deadLetterTopic: '',
    ...more,
  };
}
