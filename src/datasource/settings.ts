// What a configured data source knows: the part that every viewer's browser sees, and the secrets, which only the backend reads.

import type { DataSourceJsonData } from '@grafana/data';

export interface TidemarkOptions extends DataSourceJsonData {
  /** The aggregator's base URL, e.g. http://localhost:4400. */
  url?: string;
  /** Left out: the token's tenant. */
  tenant?: string;
  timeoutMs?: number;
  tlsSkipVerify?: boolean;
  tlsServerName?: string;
  /** A client certificate is sent. */
  tlsAuth?: boolean;
  /** The server's certificate is checked against a CA of one's own. */
  tlsAuthWithCACert?: boolean;
  /** How far back live rows reach, ms. */
  streamSpanMs?: number;
}

export interface TidemarkSecrets {
  token?: string;
  tlsCACert?: string;
  tlsClientCert?: string;
  tlsClientKey?: string;
}
