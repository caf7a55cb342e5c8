// A live channel straight from the aggregator's WebSocket, with the packets that the plugin's backend would send into Grafana's channel:
// first a frame with its schema, then rows alone, and the schema again where what stands in its meta has changed. A lost connection is
// taken up again from the last cursor, with a growing delay.

import type { DataFrameJSON, LiveChannelAddress } from '@grafana/data';
import { Observable, type Subscriber } from 'rxjs';
import { isRecord } from '../boot/host-settings.js';
import { queryForAggregator } from './stored-query.js';

const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 15_000;
/** The server says something at least every 10 s. */
const SILENCE_MS = 25_000;
const DEFAULT_SPAN_MS = 15 * 60_000;
const SUBSCRIPTION = 'A';

type Json = Readonly<Record<string, unknown>>;

export class AggregatorLive {
  readonly #address: string;

  /** @param origin of the aggregator, http or https */
  constructor(origin: string) {
    this.#address = `${origin.replace(/^http/, 'ws')}/api/v1/live`;
  }

  open(address: LiveChannelAddress): Observable<DataFrameJSON> {
    const data: Json = isRecord(address.data) ? address.data : {};
    const spanMs = typeof data['spanMs'] === 'number' ? data['spanMs'] : DEFAULT_SPAN_MS;
    const query = queryForAggregator(data['query']);
    return new Observable((subscriber) => {
      const connection = new Connection(this.#address, { query, spanMs }, subscriber);
      connection.connect();
      return () => connection.close();
    });
  }
}

class Connection {
  readonly #url: string;
  readonly #question: { readonly query: Json; readonly spanMs: number };
  readonly #subscriber: Subscriber<DataFrameJSON>;
  #socket: WebSocket | null = null;
  #cursor: string | null = null;
  #schema: Json | null = null;
  #columns = 0;
  #partialFrom: unknown = null;
  #trouble = '';
  #delayMs = FIRST_DELAY_MS;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #watch: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(url: string, question: { readonly query: Json; readonly spanMs: number }, subscriber: Subscriber<DataFrameJSON>) {
    this.#url = url;
    this.#question = question;
    this.#subscriber = subscriber;
  }

  connect(): void {
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    socket.onopen = () => {
      const resume = this.#cursor === null ? {} : { resume: this.#cursor };
      socket.send(JSON.stringify({ type: 'subscribe', id: SUBSCRIPTION, ...this.#question, ...resume }));
      this.#expectWord(socket);
    };
    socket.onmessage = ({ data }) => {
      this.#expectWord(socket);
      const message: unknown = typeof data === 'string' ? JSON.parse(data) : null;
      if (isRecord(message)) this.#take(message);
    };
    socket.onclose = () => {
      clearTimeout(this.#watch);
      if (this.#closed || this.#socket !== socket) return;
      this.#tell('The live connection is lost; trying again.');
      this.#timer = setTimeout(() => this.connect(), this.#delayMs);
      this.#delayMs = Math.min(this.#delayMs * 2, LONGEST_DELAY_MS);
    };
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#watch);
    this.#socket?.close();
  }

  #take(message: Json): void {
    if (message['type'] === 'snapshot') this.#snapshot(message);
    else if (message['type'] === 'delta') this.#delta(message);
    else if (message['type'] === 'error' && isRecord(message['error'])) this.#error(message['error'], message['ended'] === true);
    else if (message['type'] === 'dropped' && typeof message['retryAfterMs'] === 'number') this.#delayMs = message['retryAfterMs'];
  }

  #snapshot(message: Json): void {
    const frame = firstFrame(message);
    const schema = frame?.['schema'];
    this.#arrived(message);
    if (!isRecord(schema)) return;
    this.#schema = schema;
    const values = valuesOf(frame);
    this.#columns = values.length;
    this.#partialFrom = partialFromOf(message);
    this.#push(values, true);
  }

  #delta(message: Json): void {
    const recovered = this.#arrived(message);
    const partialFrom = partialFromOf(message);
    const changed = recovered || partialFrom !== this.#partialFrom;
    this.#partialFrom = partialFrom;
    this.#push(valuesOf(firstFrame(message)), changed);
  }

  #error(error: Json, ended: boolean): void {
    const words = `${String(error['message'])} ${String(error['remedy'] ?? '')}`.trim();
    if (!ended) {
      this.#tell(words);
      return;
    }
    this.close();
    this.#subscriber.error(new Error(words));
  }

  /** @returns whether something was wrong before */
  #arrived(message: Json): boolean {
    if (typeof message['cursor'] === 'string') this.#cursor = message['cursor'];
    this.#delayMs = FIRST_DELAY_MS;
    const recovered = this.#trouble !== '';
    this.#trouble = '';
    return recovered;
  }

  /** What is wrong stands beside the rows that are known. */
  #tell(trouble: string): void {
    if (this.#trouble === trouble) return;
    this.#trouble = trouble;
    if (this.#schema !== null)
      this.#push(
        Array.from({ length: this.#columns }, () => []),
        true,
      );
  }

  #push(values: unknown[][], withSchema: boolean): void {
    this.#subscriber.next({ ...(withSchema ? { schema: this.#schemaNow() } : {}), data: { values } });
  }

  #schemaNow(): DataFrameJSON['schema'] {
    const meta = isRecord(this.#schema?.['meta']) ? this.#schema['meta'] : {};
    const custom = { ...(isRecord(meta['custom']) ? meta['custom'] : {}), partialFrom: this.#partialFrom };
    const told = this.#trouble === '' ? {} : { notices: [{ severity: 'error', text: this.#trouble }] };
    // What came as JSON goes on as JSON: the schema is Grafana's own form.
    return JSON.parse(JSON.stringify({ ...this.#schema, meta: { ...meta, ...told, custom } }));
  }

  #expectWord(socket: WebSocket): void {
    clearTimeout(this.#watch);
    this.#watch = setTimeout(() => socket.close(), SILENCE_MS);
  }
}

function firstFrame(message: Json): Json | null {
  const first: unknown = Array.isArray(message['frames']) ? message['frames'][0] : null;
  return isRecord(first) ? first : null;
}

function valuesOf(frame: Json | null): unknown[][] {
  const data = frame?.['data'];
  const values = isRecord(data) && Array.isArray(data['values']) ? data['values'] : [];
  return values.map((column: unknown) => (Array.isArray(column) ? column : []));
}

function partialFromOf(message: Json): unknown {
  return isRecord(message['meta']) ? (message['meta']['partialFrom'] ?? null) : null;
}
