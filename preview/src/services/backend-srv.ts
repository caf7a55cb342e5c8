// Grafana's HTTP client for its own server, as plugins see it: JSON in and out, requests of one id replace each other, failures are
// thrown in Grafana's shape. Who answers is decided by the transport alone.

import { lastValueFrom, Observable } from 'rxjs';
import type { BackendSrv, BackendSrvRequest, FetchResponse } from '@grafana/runtime';

/** An answer in the form of fetch, whoever gave it. Rejects only where the request was aborted or nobody answered. */
export type Transport = (request: TransportRequest) => Promise<Response>;

export interface TransportRequest {
  readonly method: string;
  /** Path and query, from `/api/…` on. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON; undefined: no body. */
  readonly body: string | undefined;
  readonly signal: AbortSignal;
}

/** Somebody who answers as Grafana's server does. */
export const overHttp: Transport = ({ method, url, headers, body, signal }) =>
  fetch(url, { method, headers, signal, ...(body === undefined ? {} : { body }) });

export class HostBackendSrv implements BackendSrv {
  readonly #transport: Transport;
  readonly #running = new Map<string, AbortController>();

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  fetch<T>(options: BackendSrvRequest): Observable<FetchResponse<T>> {
    return new Observable((subscriber) => {
      const controller = this.#begin(options);
      const stop = (): void => controller.abort();
      options.abortSignal?.addEventListener('abort', stop);
      this.#ask<T>(options, controller.signal).then(
        (response) => {
          subscriber.next(response);
          subscriber.complete();
        },
        (error: unknown) => subscriber.error(error),
      );
      return () => {
        options.abortSignal?.removeEventListener('abort', stop);
        controller.abort();
        this.#end(options, controller);
      };
    });
  }

  chunked(options: BackendSrvRequest): Observable<FetchResponse<Uint8Array | undefined>> {
    return this.fetch({ ...options, responseType: 'arraybuffer' });
  }

  async request<T>(options: BackendSrvRequest): Promise<T> {
    return (await this.datasourceRequest<T>(options)).data;
  }

  datasourceRequest<T>(options: BackendSrvRequest): Promise<FetchResponse<T>> {
    return lastValueFrom(this.fetch<T>(options));
  }

  get<T>(url: string, params?: Record<string, unknown>, requestId?: string, options?: Partial<BackendSrvRequest>): Promise<T> {
    return this.request<T>({ ...options, method: 'GET', url, params, requestId });
  }

  post<T>(url: string, data?: unknown, options?: Partial<BackendSrvRequest>): Promise<T> {
    return this.request<T>({ ...options, method: 'POST', url, data });
  }

  put<T>(url: string, data?: unknown, options?: Partial<BackendSrvRequest>): Promise<T> {
    return this.request<T>({ ...options, method: 'PUT', url, data });
  }

  patch<T>(url: string, data?: unknown, options?: Partial<BackendSrvRequest>): Promise<T> {
    return this.request<T>({ ...options, method: 'PATCH', url, data });
  }

  delete<T>(url: string, data?: unknown, options?: Partial<BackendSrvRequest>): Promise<T> {
    return this.request<T>({ ...options, method: 'DELETE', url, data });
  }

  #begin({ requestId }: BackendSrvRequest): AbortController {
    const controller = new AbortController();
    if (requestId !== undefined) {
      this.#running.get(requestId)?.abort();
      this.#running.set(requestId, controller);
    }
    return controller;
  }

  #end({ requestId }: BackendSrvRequest, controller: AbortController): void {
    if (requestId !== undefined && this.#running.get(requestId) === controller) this.#running.delete(requestId);
  }

  async #ask<T>(options: BackendSrvRequest, signal: AbortSignal): Promise<FetchResponse<T>> {
    let response: Response;
    try {
      response = await this.#transport({
        method: options.method ?? 'GET',
        url: addressOf(options),
        headers: { 'content-type': 'application/json', accept: 'application/json', ...headersOf(options) },
        body: options.data === undefined ? undefined : JSON.stringify(options.data),
        signal,
      });
    } catch (error) {
      if (signal.aborted) throw failure(options, -1, 'Request was aborted', {}, true);
      const message = error instanceof Error ? error.message : String(error);
      throw failure(options, 502, 'Bad Gateway', { message: `Nobody answers at ${options.url}: ${message}.` }, false);
    }
    const { status, statusText, ok, headers, redirected, type, url } = response;
    const data: T = await bodyOf(response, options.responseType);
    // 207: some of several queries failed; their errors stand beside the answers of the others.
    if (!ok) throw failure(options, status, statusText, data, false);
    return { data, status, statusText, ok, headers, redirected, type, url, config: options };
  }
}

function addressOf({ url, params }: BackendSrvRequest): string {
  const path = url.startsWith('/') || /^https?:/.test(url) ? url : `/${url}`;
  const pairs = Object.entries(params ?? {}).flatMap(([name, value]: [string, unknown]) =>
    (Array.isArray(value) ? value : [value]).filter((one) => one !== undefined && one !== null).map((one) => [name, String(one)]),
  );
  if (pairs.length === 0) return path;
  return `${path}${path.includes('?') ? '&' : '?'}${new URLSearchParams(pairs).toString()}`;
}

function headersOf({ headers }: BackendSrvRequest): Record<string, string> {
  return Object.fromEntries(Object.entries(headers ?? {}).map(([name, value]) => [name, String(value)]));
}

/** Whatever the other side sent; the caller says what it expects, as everywhere in Grafana. */
async function bodyOf<T>(response: Response, wanted: BackendSrvRequest['responseType']): Promise<T> {
  const sent = response.clone();
  if (wanted === 'text') return JSON.parse(JSON.stringify(await response.text()));
  if (wanted === 'arraybuffer' || wanted === 'blob') {
    const bytes: unknown = wanted === 'blob' ? await response.blob() : new Uint8Array(await response.arrayBuffer());
    return Object.assign(Object(bytes));
  }
  return response.json().catch(async () => ({ message: await sent.text() }));
}

/** Grafana throws plain records here, and plugins look at their fields. */
class FetchFailure extends Error {
  readonly isHandled = false;

  constructor(
    readonly config: BackendSrvRequest,
    readonly status: number,
    readonly statusText: string,
    readonly data: unknown,
    readonly cancelled: boolean,
  ) {
    super(messageOf(data) ?? `${status} ${statusText}`);
  }
}

function failure(config: BackendSrvRequest, status: number, statusText: string, data: unknown, cancelled: boolean): FetchFailure {
  return new FetchFailure(config, status, statusText, data, cancelled);
}

function messageOf(data: unknown): string | null {
  const message: unknown = typeof data === 'object' && data !== null ? Reflect.get(data, 'message') : null;
  return typeof message === 'string' && message !== '' ? message : null;
}
