// The messages of Grafana's plugin protocol (pluginv2) that the host uses, by the names of the protocol's own file.

export interface PluginContext {
  readonly orgId: number;
  readonly pluginId: string;
  readonly user: { readonly login: string; readonly name: string; readonly email: string; readonly role: string };
  readonly dataSourceInstanceSettings: {
    readonly id: number;
    readonly uid: string;
    readonly name: string;
    readonly jsonData: Buffer;
    readonly decryptedSecureJsonData: Readonly<Record<string, string>>;
    /** A new instance is made when it changes. */
    readonly lastUpdatedMS: number;
  };
  readonly grafanaConfig: Readonly<Record<string, string>>;
}

interface Asked {
  readonly pluginContext: PluginContext;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface QueryDataRequest extends Asked {
  readonly format: 'JSON' | 'ARROW';
  readonly queries: readonly {
    readonly refId: string;
    readonly maxDataPoints: number;
    readonly intervalMS: number;
    readonly timeRange: { readonly fromEpochMS: number; readonly toEpochMS: number };
    readonly json: Buffer;
    readonly queryType: string;
  }[];
}

export interface QueryDataResponse {
  readonly responses: Readonly<
    Record<string, { readonly frames: readonly Buffer[]; readonly error: string; readonly status: number; readonly errorSource: string }>
  >;
}

export type CheckHealthRequest = Asked;

export interface CheckHealthResponse {
  readonly status: 'UNKNOWN' | 'OK' | 'ERROR';
  readonly message: string;
  readonly jsonDetails: Buffer;
}

export interface CallResourceRequest {
  readonly pluginContext: PluginContext;
  readonly path: string;
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, { readonly values: readonly string[] }>>;
  readonly body: Buffer;
}

export interface CallResourceResponse {
  readonly code: number;
  readonly headers: Readonly<Record<string, { readonly values: readonly string[] }>>;
  readonly body: Buffer;
}

export interface StreamRequest extends Asked {
  readonly path: string;
  readonly data: Buffer;
}

export interface SubscribeStreamResponse {
  readonly status: 'OK' | 'NOT_FOUND' | 'PERMISSION_DENIED';
  /** Empty: none. */
  readonly data: Buffer;
}

export interface StreamPacket {
  readonly data: Buffer;
}
