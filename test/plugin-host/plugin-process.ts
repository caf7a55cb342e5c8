// The backend's binary as its own process, started and spoken to as Grafana does: hashicorp/go-plugin's handshake on standard output,
// then gRPC by the plugin protocol, version 2. The caller owns the process and must stop it.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import * as grpc from '@grpc/grpc-js';
import { load } from '@grpc/proto-loader';
import { startProcess, type ManagedProcess } from '../support/managed-process.js';
import { repositoryRoot } from '../support/repository-root.js';
import type * as wire from './wire.js';

const run = promisify(execFile);
const SDK = 'github.com/grafana/grafana-plugin-sdk-go';
const LARGEST_MESSAGE_BYTES = 256 * 1024 * 1024;

export interface PluginProcess {
  readonly process: ManagedProcess;
  /** @param gone cancels the call, as Grafana does when its client goes */
  queryData(request: wire.QueryDataRequest, gone?: AbortSignal): Promise<wire.QueryDataResponse>;
  checkHealth(request: wire.CheckHealthRequest): Promise<wire.CheckHealthResponse>;
  /** Pieces as they come; the first has status and headers. */
  callResource(request: wire.CallResourceRequest): AsyncIterable<wire.CallResourceResponse> & { cancel(): void };
  subscribeStream(request: wire.StreamRequest): Promise<wire.SubscribeStreamResponse>;
  runStream(request: wire.StreamRequest): AsyncIterable<wire.StreamPacket> & { cancel(): void };
  stop(): Promise<void>;
}

/** Builds dist/datasource/gpx_tidemark_… for this machine; Go's cache makes it quick when nothing changed. @returns its path */
export async function buildPluginBinary(): Promise<string> {
  const root = repositoryRoot();
  const { stdout } = await run(process.execPath, [join(root, 'scripts', 'build-backend.mjs')], { cwd: root });
  return stdout.trim();
}

/** @throws Error with the process's output when it does not shake hands within 20 s */
export async function startPlugin(binary: string): Promise<PluginProcess> {
  const managed = await startProcess({
    name: 'the plugin backend',
    command: binary,
    args: [],
    env: {
      grafana_plugin_type: 'datasource',
      PLUGIN_PROTOCOL_VERSIONS: '2',
      PLUGIN_MIN_PORT: '10000',
      PLUGIN_MAX_PORT: '25000',
      GF_VERSION: '13.2.0',
    },
    ready: (output) => handshake(output) !== null,
    readyWithinMs: 20_000,
  });
  const target = handshake(managed.output());
  if (target === null) throw new Error(`the handshake is lost:\n${managed.output()}`);
  const services = await servicesOf(target);
  return {
    process: managed,
    queryData: (request, gone) => unary(services.Data, 'QueryData', request, gone),
    checkHealth: (request) => unary(services.Diagnostics, 'CheckHealth', request),
    callResource: (request) => streaming(services.Resource, 'CallResource', request),
    subscribeStream: (request) => unary(services.Stream, 'SubscribeStream', request),
    runStream: (request) => streaming(services.Stream, 'RunStream', request),
    stop: async () => {
      for (const client of Object.values(services)) client.close();
      await managed.stop(5_000);
    },
  };
}

/** `core version|protocol version|network|address|grpc|…` @returns the gRPC target, null while it is not there */
function handshake(output: string): string | null {
  const line = /^1\|2\|(tcp|unix)\|([^|\n]+)\|grpc\b.*$/m.exec(output);
  if (line === null) return null;
  return line[1] === 'unix' ? `unix:${line[2]}` : (line[2] ?? null);
}

type ServiceName = 'Data' | 'Diagnostics' | 'Resource' | 'Stream';

async function servicesOf(target: string): Promise<Record<ServiceName, grpc.Client>> {
  // The protocol's own file, from the version of the SDK that the binary is built with.
  const { stdout } = await run('go', ['list', '-m', '-f', '{{.Dir}}', SDK], { cwd: repositoryRoot() });
  const definition = await load(join(stdout.trim(), 'proto', 'backend.proto'), {
    keepCase: true,
    longs: Number,
    enums: String,
    defaults: true,
  });
  const make = (name: ServiceName): grpc.Client => {
    const Client = grpc.makeGenericClientConstructor(definition[`pluginv2.${name}`] as grpc.ServiceDefinition, name);
    return new Client(target, grpc.credentials.createInsecure(), { 'grpc.max_receive_message_length': LARGEST_MESSAGE_BYTES });
  };
  return { Data: make('Data'), Diagnostics: make('Diagnostics'), Resource: make('Resource'), Stream: make('Stream') };
}

function unary<Request, Response>(client: grpc.Client, method: string, request: Request, gone?: AbortSignal): Promise<Response> {
  const start = Reflect.get(client, method) as (
    request: Request,
    done: (error: Error | null, response: Response) => void,
  ) => grpc.ClientUnaryCall;
  return new Promise((resolve, reject) => {
    const call = start.call(client, request, (error, response) => (error === null ? resolve(response) : reject(error)));
    gone?.addEventListener('abort', () => call.cancel());
  });
}

function streaming<Request, Piece>(client: grpc.Client, method: string, request: Request): AsyncIterable<Piece> & { cancel(): void } {
  const call = Reflect.get(client, method) as (request: Request) => grpc.ClientReadableStream<Piece>;
  return call.call(client, request);
}
