// npm run bench:recovery [-- --kills 5 --events 300000 --only recovery,rebuild,protections]
//
// How long after a SIGKILL answers are fresh again, for a process that is started again at once and for one of two whose partitions
// the other takes over; how long until a day of hot windows is there again after a wipe; and what the protections cost: the same
// events through the program as it is and through one without them.

import { parseArgs } from 'node:util';
import { startClickHouseHttp } from '../../test/support/clickhouse-http.js';
import { startKafka } from '../../test/support/kafka-broker.js';
import { startRedis } from '../../test/support/redis-server.js';
import { buildTidemark } from '../../test/support/tidemark-process.js';
import { Figures } from '../harness/figure.js';
import { percentile } from '../harness/percentiles.js';
import { measureProtections } from './protections.js';
import { measureRebuild } from './rebuild.js';
import { measureRecovery } from './recovery.js';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '5' },
    events: { type: 'string', default: '300000' },
    only: { type: 'string', default: 'recovery,rebuild,protections' },
  },
});
const only = values.only.split(',');
const say = (line: string): void => void process.stdout.write(`${line}\n`);

const [kafka, redis, engine] = await Promise.all([startKafka(), startRedis(), startClickHouseHttp(), buildTidemark()]);
try {
  const figures = new Figures('recovery');
  const stack = { kafka, redis, engine, say };
  if (only.includes('recovery')) {
    const alone = await measureRecovery(stack, { processes: 1, kills: Number(values.kills) });
    const oneOfTwo = await measureRecovery(stack, { processes: 2, kills: Number(values.kills) });
    figures.add('recovery_seconds_worst', Math.max(...alone), 's');
    figures.add('recovery_seconds_of_one_in_two', percentile(oneOfTwo, 50), 's');
    figures.add('recovery_seconds', percentile(alone, 50), 's');
  }
  if (only.includes('rebuild')) {
    figures.add('rebuild_24h_seconds', await measureRebuild(stack, Number(values.events)), 's');
  }
  if (only.includes('protections')) {
    const { whole, without } = await measureProtections(stack, Number(values.events));
    figures.add('ingest_events_per_cpu_second_without_protections', without, 'events/s');
    figures.add('ingest_events_per_cpu_second_with_protections', whole, 'events/s');
    figures.add('ingest_speed_kept_by_protections', whole / without, 'ratio');
  }
  figures.publish({ kills: Number(values.kills), events: Number(values.events) });
} finally {
  await Promise.allSettled([kafka.stop(), redis.stop(), engine.stop()]);
}
