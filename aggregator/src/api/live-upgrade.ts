// Requests to become a WebSocket: the same tokens, tenants and error body as every route. Invariant: a connection is handed to the
// live room only when its request was found good; all others end with an HTTP status.

import { STATUS_CODES, type IncomingMessage, type Server } from 'node:http';
import type { Duplex } from 'node:stream';
import type { LiveHub } from '../live/hub.js';
import { LiveSockets } from '../live/websocket.js';
import { apiError, refusalOf } from './api-error.js';
import { TENANT_HEADER, type Authenticator } from './auth.js';
import { LIVE_PATH } from './routes/live.js';

export interface UpgradeOptions {
  readonly hub: LiveHub;
  readonly authenticator: Authenticator;
  readonly onRefusal: (error: unknown, code: string, status: number) => void;
}

export function attachLive(server: Server, options: UpgradeOptions): void {
  const sockets = new LiveSockets(options.hub);
  server.on('upgrade', (request, socket, head) => {
    // Until `ws` takes it over nobody else listens: a client that goes away must not end the process.
    const onError = (): void => void socket.destroy();
    socket.on('error', onError);
    try {
      checkPath(request);
      checkOrigin(request);
      const tenantHeader = request.headers[TENANT_HEADER];
      const tenant = options.authenticator.tenantOf({
        authorization: request.headers.authorization,
        tenantHeader: typeof tenantHeader === 'string' ? tenantHeader : undefined,
      });
      options.hub.admit(tenant);
      sockets.accept(tenant, request, socket, head);
      socket.off('error', onError);
    } catch (error) {
      refuse(socket, error, options);
    }
  });
}

function checkPath(request: IncomingMessage): void {
  const path = (request.url ?? '').split('?')[0];
  if (path === LIVE_PATH) return;
  throw apiError(404, 'NOT_FOUND', `There is no WebSocket at ${path.slice(0, 200)}.`, `The live API is at ${LIVE_PATH}.`);
}

/** Browsers let any page open a WebSocket to any host, and say only where the page is from. */
function checkOrigin({ headers }: IncomingMessage): void {
  const { origin, host } = headers;
  if (origin === undefined || (URL.canParse(origin) && new URL(origin).host === host)) return;
  throw apiError(
    403,
    'FOREIGN_ORIGIN',
    'A page of another site asked for this WebSocket.',
    'Open it from a page of this host, or from a program that sends no Origin header.',
  );
}

function refuse(socket: Duplex, error: unknown, { onRefusal }: UpgradeOptions): void {
  const { status, body, headers } = refusalOf(error);
  onRefusal(error, body.error.code, status);
  const text = JSON.stringify(body);
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    'connection: close',
    'content-type: application/json; charset=utf-8',
    `content-length: ${Buffer.byteLength(text)}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ];
  socket.end(`${lines.join('\r\n')}\r\n\r\n${text}`);
}
