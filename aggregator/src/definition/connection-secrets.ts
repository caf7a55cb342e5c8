// Passwords, keys and PEM files of all connections, read once while the definition is loaded, so that compiling it is pure and
// every file that cannot be read is reported together with everything else.

import type { TlsConfig } from './model.js';
import type { DefinitionInput } from './schema.js';
import type { SecretReader } from './secrets.js';

export interface ConnectionSecrets {
  readonly kafkaTls: TlsConfig;
  readonly saslPassword: string;
  readonly redisTls: TlsConfig;
  readonly redisPassword: string;
  readonly sentinelPassword: string;
  readonly coldTls: TlsConfig;
  readonly coldPassword: string;
}

export function readConnectionSecrets({ source, hot, cold }: DefinitionInput, reader: SecretReader): ConnectionSecrets {
  const sasl = source.kafka?.sasl;
  return {
    kafkaTls: tlsConfig(source.kafka?.tls, ['source', 'kafka', 'tls'], reader),
    saslPassword: sasl === undefined ? '' : reader.required(['source', 'kafka', 'sasl', 'password'], 'passwordFile', sasl.passwordFile),
    redisTls: tlsConfig(hot.redis?.tls, ['hot', 'redis', 'tls'], reader),
    redisPassword: reader.secret(['hot', 'redis', 'password'], 'passwordFile', hot.redis?.passwordFile),
    sentinelPassword: reader.secret(['hot', 'redis', 'sentinelPassword'], 'sentinelPasswordFile', hot.redis?.sentinelPasswordFile),
    coldTls: tlsConfig(cold.tls ?? cold.url.startsWith('https:'), ['cold', 'tls'], reader),
    coldPassword: reader.secret(['cold', 'password'], 'passwordFile', cold.passwordFile),
  };
}

function tlsConfig(given: DefinitionInput['cold']['tls'], path: readonly string[], reader: SecretReader): TlsConfig {
  const settings = typeof given === 'object' ? given : null;
  const pem = (key: 'caFile' | 'certFile'): string => (settings?.[key] === undefined ? '' : reader.file([...path, key], settings[key]));
  return {
    enabled: settings === null ? given === true : settings.enabled,
    ca: pem('caFile'),
    cert: pem('certFile'),
    key: reader.secret([...path, 'key'], 'keyFile', settings?.keyFile),
    serverName: settings?.serverName ?? '',
    insecureSkipVerify: settings?.insecureSkipVerify ?? false,
  };
}
