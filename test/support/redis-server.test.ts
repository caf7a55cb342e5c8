// What tests of the hot tier rely on when they start, break and restart Redis.

import { Cluster, Redis } from 'ioredis';
import { afterEach, describe, expect, it } from 'vitest';
import { startRedis, type RedisServer } from './redis-server.js';

let server: RedisServer;
afterEach(() => server.stop());

describe('a single server', () => {
  it('starts, and restarts on the same port empty or with its data', async () => {
    server = await startRedis();
    const client = server.connect();
    await client.set('k', 'v');
    await server.restart({ keepData: true });
    expect(await client.get('k')).toBe('v');
    await server.restart();
    expect(await client.get('k')).toBeNull();
  });

  it('keeps every acknowledged write through SIGKILL where persistence was asked for', async () => {
    server = await startRedis({ persist: true });
    const client = server.connect();
    for (let n = 0; n < 50; n++) await client.incr('n');
    await server.kill();
    await server.restart({ keepData: true });
    expect(await client.get('n')).toBe('50');
  });

  it('answers nothing while paused', async () => {
    server = await startRedis();
    const client = server.connect();
    await client.ping();
    server.pause();
    let answered = false;
    const waiting = client.ping().then(() => (answered = true));
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(answered).toBe(false);
    server.resume();
    await waiting;
  });

  it('lets an ACL user do what its rules say and no more', async () => {
    server = await startRedis({ user: { name: 'tide', password: 's3cret/:@', rules: '~t:* +get +set' } });
    const client = new Redis(server.url, { enableReadyCheck: false, lazyConnect: true });
    client.on('error', () => undefined);
    await client.set('t:a', '1');
    await expect(client.set('other', '1')).rejects.toThrow(/NOPERM/);
    await expect(client.flushall()).rejects.toThrow(/NOPERM/);
    client.disconnect();
  });

  it('speaks TLS with a client certificate, and refuses one without', async () => {
    server = await startRedis({ tls: true });
    expect(server.url).toMatch(/^rediss:/);
    expect(await server.connect().ping()).toBe('PONG');
    const bare = new Redis(server.url, { tls: { ca: server.certificates!.ca }, retryStrategy: () => null, lazyConnect: true });
    bare.on('error', () => undefined);
    await expect(bare.ping()).rejects.toThrow();
    bare.disconnect();
  });
});

describe('several servers', () => {
  it('forms a cluster whose slots are spread over all masters', async () => {
    server = await startRedis({ cluster: 3 });
    const client = new Cluster(server.nodes.map((node) => ({ host: '127.0.0.1', port: Number(node.split(':')[1]) })));
    await Promise.all(Array.from({ length: 300 }, (_, n) => client.set(`k${n}`, n)));
    const sizes = await Promise.all(client.nodes('master').map((node) => node.dbsize()));
    expect(sizes).toHaveLength(3);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(300);
    for (const size of sizes) expect(size).toBeGreaterThan(50);
    client.disconnect();
  });

  it('fails over to the replica when the master is killed', async () => {
    server = await startRedis({ sentinel: 'shop' });
    const [host, port] = server.sentinel!.split(':');
    const client = new Redis({
      sentinels: [{ host, port: Number(port) }],
      name: 'shop',
      sentinelRetryStrategy: () => 100,
      retryStrategy: () => 100,
      maxRetriesPerRequest: null,
    });
    client.on('error', () => undefined);
    await client.set('k', 'v');
    await client.wait(1, 1000);
    await server.kill(0);
    expect(await client.get('k')).toBe('v');
    expect((await client.info('replication')).includes('role:master')).toBe(true);
    client.disconnect();
  });
});
