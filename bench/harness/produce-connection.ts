// One connection to a broker that takes finished record batches (Produce request, version 3). Answers come in the order of the
// requests, so several may be under way. The broker must lead the partitions: benchmarks have one node.

import { connect, type Socket } from 'node:net';

const PRODUCE = 0;
const VERSION = 3;
const TIMEOUT_MS = 30_000;

/** A broker that is busy loses its place for a moment: unknown partition, no leader, not the leader, too late, not enough replicas. */
const PASSING: ReadonlySet<number> = new Set([3, 5, 6, 7, 19, 20]);

export class ProduceRefused extends Error {
  readonly passing: boolean;

  /** @param code Kafka's */
  constructor(code: number) {
    super(`the broker refused a batch with code ${code}`);
    this.passing = PASSING.has(code);
  }
}

interface Pending {
  resolve(): void;
  reject(error: Error): void;
}

export class ProduceConnection {
  readonly #socket: Socket;
  readonly #pending: Pending[] = [];
  #received: Buffer = Buffer.alloc(0);
  #correlation = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk) => this.#receive(chunk));
    socket.on('error', (error) => this.#failAll(error));
    socket.on('close', () => this.#failAll(new Error('the broker closed the connection')));
  }

  /** @param broker host:port */
  static async open(broker: string): Promise<ProduceConnection> {
    const [host, port] = broker.split(':');
    const socket = connect(Number(port), host);
    await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    socket.setNoDelay(true);
    return new ProduceConnection(socket);
  }

  /** Resolves when the leader has stored the batch. @throws ProduceRefused with the broker's code; Error when the connection is lost */
  async produce(topic: string, partition: number, batch: Buffer): Promise<void> {
    const name = Buffer.from(topic);
    const head = Buffer.alloc(4 + 2 + 2 + 4 + 2 + 2 + 2 + 4 + 4 + 2 + name.length + 4 + 4 + 4);
    let at = head.writeInt32BE(head.length - 4 + batch.length, 0);
    at = head.writeInt16BE(PRODUCE, at);
    at = head.writeInt16BE(VERSION, at);
    at = head.writeInt32BE(this.#correlation++, at);
    at = head.writeInt16BE(-1, at); // client id: none
    at = head.writeInt16BE(-1, at); // transactional id: none
    at = head.writeInt16BE(1, at); // acks
    at = head.writeInt32BE(TIMEOUT_MS, at);
    at = head.writeInt32BE(1, at);
    at = head.writeInt16BE(name.length, at);
    at += name.copy(head, at);
    at = head.writeInt32BE(1, at);
    at = head.writeInt32BE(partition, at);
    head.writeInt32BE(batch.length, at);
    const answered = new Promise<void>((resolve, reject) => this.#pending.push({ resolve, reject }));
    this.#socket.write(head);
    this.#socket.write(batch);
    await answered;
  }

  close(): void {
    this.#socket.end();
  }

  #receive(chunk: Buffer): void {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    while (this.#received.length >= 4 && this.#received.length >= 4 + this.#received.readInt32BE(0)) {
      const end = 4 + this.#received.readInt32BE(0);
      const answer = this.#received.subarray(4, end);
      this.#received = this.#received.subarray(end);
      const pending = this.#pending.shift();
      // Correlation, one topic with its name, one partition, then the code.
      const code = answer.readInt16BE(4 + 4 + 2 + answer.readInt16BE(8) + 4 + 4);
      if (code === 0) pending?.resolve();
      else pending?.reject(new ProduceRefused(code));
    }
  }

  #failAll(error: Error): void {
    for (const pending of this.#pending.splice(0)) pending.reject(error);
  }
}
