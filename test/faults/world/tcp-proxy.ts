// A TCP proxy that misbehaves when told: cuts every link, keeps an answer back and cuts then, holds everything, leads elsewhere.
// Bytes are never changed.

import { connect, createServer, type Server, type Socket } from 'node:net';

interface Link {
  readonly client: Socket;
  readonly server: Socket;
}

interface Losing {
  readonly answer: string;
  readonly times: number;
  lost: number;
  readonly done: () => void;
}

export class TcpProxy {
  readonly #server: Server;
  readonly #links = new Set<Link>();
  #target: number;
  #losing: Losing | null = null;

  private constructor(server: Server, target: number) {
    this.#server = server;
    this.#target = target;
  }

  /** @param target port on this machine */
  static async open(target: number): Promise<TcpProxy> {
    const server = createServer();
    const proxy = new TcpProxy(server, target);
    server.on('connection', (client) => proxy.#accept(client));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', resolve);
    });
    return proxy;
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the proxy does not listen');
    return address.port;
  }

  /** New links lead there; those that are open end. */
  retarget(port: number): void {
    this.#target = port;
    this.cut();
  }

  /** Ends every link. */
  cut(): void {
    for (const link of this.#links) this.#end(link);
  }

  /**
   * Links are cut when the server sends `answer`, and not before: what was asked took effect, and the client is not told.
   * @returns how often that happened, as soon as it was `times` times or when `withinMs` have passed
   */
  async loseAnswers(answer: string, times: number, withinMs: number): Promise<number> {
    const losing: Losing = await new Promise((resolve) => {
      const begun: Losing = { answer, times, lost: 0, done: () => resolve(begun) };
      this.#losing = begun;
      setTimeout(begun.done, withinMs);
    });
    this.stopLosing();
    return losing.lost;
  }

  stopLosing(): void {
    this.#losing = null;
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(client: Socket): void {
    const server = connect(this.#target, '127.0.0.1');
    const link: Link = { client, server };
    this.#links.add(link);
    client.setNoDelay(true);
    server.setNoDelay(true);
    client.on('data', (bytes) => {
      if (!server.write(bytes)) {
        client.pause();
        server.once('drain', () => client.resume());
      }
    });
    server.on('data', (bytes) => {
      const losing = this.#losing;
      if (losing !== null && losing.lost < losing.times && bytes.includes(losing.answer)) {
        this.#end(link);
        if (++losing.lost === losing.times) losing.done();
        return;
      }
      if (!client.write(bytes)) {
        server.pause();
        client.once('drain', () => server.resume());
      }
    });
    for (const socket of [client, server]) {
      socket.on('error', () => this.#end(link));
      socket.on('close', () => this.#end(link));
    }
  }

  #end(link: Link): void {
    if (!this.#links.delete(link)) return;
    link.client.destroy();
    link.server.destroy();
  }
}
