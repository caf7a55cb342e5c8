// The process that speaks ClickHouse's HTTP interface in front of the in-process engine. It stands in for a ClickHouse server
// where none can be installed: the SQL, the types and the storage are the real engine's, the HTTP layer is in ./clickhouse/.
// Arguments: --data DIR --scratch DIR [--port N] [--user NAME] [--connections N] [--max-queries N] [--max-sockets N]
// [--keep-alive-ms N]; the password comes in CLICKHOUSE_PASSWORD. Prints `listening PORT` when it can be asked.

import { mkdirSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { ClickHouseHttpServer } from './clickhouse/server.js';

const { values } = parseArgs({
  options: {
    data: { type: 'string' },
    scratch: { type: 'string' },
    port: { type: 'string', default: '0' },
    user: { type: 'string', default: 'default' },
    connections: { type: 'string', default: '8' },
    'max-queries': { type: 'string', default: '100' },
    'max-sockets': { type: 'string', default: '4096' },
    'keep-alive-ms': { type: 'string', default: '30000' },
  },
});
if (values.data === undefined || values.scratch === undefined) throw new Error('--data DIR and --scratch DIR are needed');
mkdirSync(values.data, { recursive: true });
mkdirSync(values.scratch, { recursive: true });

const server = new ClickHouseHttpServer({
  dataDir: values.data,
  scratchDir: values.scratch,
  credentials: { user: values.user, password: process.env['CLICKHOUSE_PASSWORD'] ?? '' },
  connections: Number(values.connections),
  maxConcurrentQueries: Number(values['max-queries']),
  maxConnections: Number(values['max-sockets']),
  keepAliveMs: Number(values['keep-alive-ms']),
});
process.once('SIGTERM', () => {
  server.close().then(
    () => process.exit(0),
    () => process.exit(1),
  );
});
console.log(`listening ${await server.listen(Number(values.port))}`);
