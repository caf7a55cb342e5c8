// Every partition with its lag, watermark and ledger, the one that holds the others back on top.

import { useMemo } from 'react';
import { InteractiveTable, Text, type CellProps, type Column } from '@grafana/ui';
import { durationWords } from '../../panels/frames/duration-words';
import type { PartitionStatus } from '../status/aggregator-status';

interface Props {
  readonly partitions: readonly PartitionStatus[];
  readonly nowMs: number;
}

const PAGE_SIZE = 50;

export function PartitionTable({ partitions, nowMs }: Props) {
  const rows = useMemo(
    () => [...partitions].sort((a, b) => (b.lag ?? 0) - (a.lag ?? 0) || a.partition.localeCompare(b.partition, 'en', { numeric: true })),
    [partitions],
  );
  const columns = useMemo(() => columnsAt(nowMs), [nowMs]);
  if (rows.length === 0) return <Text color="secondary">No partition has reported its position yet.</Text>;
  return (
    <InteractiveTable
      columns={columns}
      data={rows}
      getRowId={(row) => row.partition}
      {...(rows.length > PAGE_SIZE ? { pageSize: PAGE_SIZE } : {})}
    />
  );
}

function columnsAt(nowMs: number): Column<PartitionStatus>[] {
  const number = (
    id: 'offset' | 'consumed' | 'applied' | 'duplicates' | 'deadLettered' | 'late' | 'lost',
    header: string,
  ): Column<PartitionStatus> => ({
    id,
    header,
    sortType: 'number',
    cell: ({ row }: CellProps<PartitionStatus>) => row.original[id].toLocaleString('en-US'),
  });
  return [
    { id: 'partition', header: 'Partition', sortType: 'alphanumeric' },
    {
      id: 'lag',
      header: 'Lag',
      sortType: 'number',
      cell: ({ row: { original } }: CellProps<PartitionStatus>) =>
        original.lag === null ? 'unknown' : original.lag.toLocaleString('en-US'),
    },
    {
      id: 'watermarkMs',
      header: 'Watermark',
      sortType: 'number',
      cell: ({ row: { original } }: CellProps<PartitionStatus>) =>
        original.watermarkMs === 0
          ? 'no event yet'
          : original.idle
            ? 'up to date'
            : `${durationWords(Math.max(0, nowMs - original.watermarkMs))} behind`,
    },
    number('offset', 'Offset'),
    number('consumed', 'Read'),
    number('applied', 'Applied'),
    number('duplicates', 'Duplicates'),
    number('deadLettered', 'Dead letters'),
    number('late', 'Late'),
    number('lost', 'Lost'),
  ];
}
