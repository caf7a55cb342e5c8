import { describe, expect, it } from 'vitest';
import { testDefinition } from './cold.fixture.js';
import { tablesOf } from './layout.js';
import { alterations, createDatabase, createTable, Names } from './schema.js';
import { windowColumns } from './windows.js';

const definition = testDefinition('tide');
const clustered = { ...definition, cold: { ...definition.cold, kind: 'http' as const, cluster: 'main-cluster' } };
const tables = tablesOf(definition, windowColumns(definition));

describe('statements for a cluster', () => {
  it('every table is a replicated local one with a distributed one in front, made on the whole cluster', () => {
    expect(createDatabase(clustered.cold)).toBe("CREATE DATABASE IF NOT EXISTS `tide` ON CLUSTER 'main-cluster'");
    for (const table of tables) {
      const [local, distributed] = createTable(table, clustered.cold);
      expect(local).toContain(`CREATE TABLE IF NOT EXISTS \`tide\`.\`${table.name}_local\` ON CLUSTER 'main-cluster'`);
      expect(local).toMatch(
        /ENGINE = Replicated(Replacing|Aggregating|)MergeTree\('\/clickhouse\/tables\/\{shard\}\/\{database\}\/\{table\}', '\{replica\}'/,
      );
      expect(distributed).toContain(
        `CREATE TABLE IF NOT EXISTS \`tide\`.\`${table.name}\` ON CLUSTER 'main-cluster' AS \`tide\`.\`${table.name}_local\``,
      );
      expect(distributed).toContain(`ENGINE = Distributed('main-cluster', \`tide\`, \`${table.name}_local\`, ${table.shardBy})`);
    }
    const names = new Names(clustered.cold);
    expect([names.table('events'), names.local('events')]).toEqual(['`tide`.`events`', '`tide`.`events_local`']);
  });

  it('rows of one key share a shard and a partition: both are functions of the sorting key', () => {
    for (const table of tables) {
      const words = (sql: string): string[] => sql.match(/[a-z_]+(?=[,) ]|$)/g) ?? [];
      const key = new Set(table.orderBy.flatMap(words));
      const columns = new Set(table.columns.map((column) => column.name));
      const used = [...words(table.shardBy), ...words(table.partitionBy)].filter((word) => columns.has(word));
      expect(
        used.every((word) => key.has(word)),
        `${table.name}: ${used.join(' ')}`,
      ).toBe(true);
    }
  });

  it('a new column is added to the local table and to the one in front', () => {
    const live = tables.map((table) => ({
      name: `${table.name}_local`,
      engine: `X${table.ttl === '' ? '' : ` TTL ${table.ttl}`} SETTINGS y = 1`,
      sortingKey: table.orderBy.join(', '),
    }));
    const columns = tables.flatMap((table) => table.columns.map(({ name, type }) => ({ table: `${table.name}_local`, name, type })));
    expect(alterations(clustered, columns, live)).toEqual([]);
    const without = columns.filter((column) => !(column.table === 'events_local' && column.name === 'page'));
    expect(alterations(clustered, without, live)).toEqual([
      "ALTER TABLE `tide`.`events_local` ON CLUSTER 'main-cluster' ADD COLUMN IF NOT EXISTS `page` String",
      "ALTER TABLE `tide`.`events` ON CLUSTER 'main-cluster' ADD COLUMN IF NOT EXISTS `page` String",
    ]);
  });

  it('names that could leave their quotes are refused', () => {
    expect(() => createDatabase({ ...definition.cold, database: 'a`b' })).toThrow(/cannot be a name/);
    expect(() => createDatabase({ ...clustered.cold, cluster: "x' --" })).toThrow(/cannot be the name of a cluster/);
  });
});

describe('retention', () => {
  it('that would reach beyond what a time can say is for ever', () => {
    const long = { ...definition, retention: { ...definition.retention, rawMs: 200 * 365 * 86_400_000 } };
    expect(tablesOf(long, []).find((table) => table.name === 'events')?.ttl).toBe('');
  });
});
