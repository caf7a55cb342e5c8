// Judged series as data frames. timeseries: the value and what the detector says of it, fields of equal labels told apart by their
// role (or the score alone, one field per series, which an alert rule takes as it is); total: the newest finished bucket, a field
// per series; table: a row per episode, newest first.

import type { Definition } from '../definition/model.js';
import type { AnomalyAsk } from './ask.js';
import {
  frame,
  numberColumn,
  stringColumn,
  tableColumn,
  timeColumn,
  type Column,
  type ColumnOptions,
  type DataFrame,
  type FrameMeta,
} from './data-frame.js';
import { displayName, fieldName, labelsOf, typed } from './frames.js';
import type { Judged, JudgedSeries } from './judge.js';

type Role = 'expected' | 'lower' | 'upper' | 'score' | 'anomalous';
const ROLES: readonly Role[] = ['expected', 'lower', 'upper', 'score', 'anomalous'];

export function anomalyFrame(def: Definition, ask: AnomalyAsk, judged: Judged, meta: FrameMeta): DataFrame {
  switch (ask.format) {
    case 'timeseries': {
      const columns = judged.series.flatMap((one) => columnsOf(def, ask, one));
      const type = typed(meta, 'timeseries-wide');
      return frame(ask.refId, type, columns.length === 0 ? [] : [timeColumn(judged.timesMs), ...columns]);
    }
    case 'total':
      return totalFrame(def, ask, judged, meta);
    case 'table':
      return episodesFrame(def, ask, judged, meta);
  }
}

function columnsOf(def: Definition, ask: AnomalyAsk, judged: JudgedSeries): Column[] {
  const { metric, fields } = ask;
  const labels = labelsOf(def, metric, judged.series);
  const name = displayName(metric, judged.series, labels);
  const { unit } = metric.measure;
  const column = (role: Role): Column => {
    const options: ColumnOptions = {
      labels,
      // Alone it is named as its series is.
      displayName: fields === 'all' ? `${name} ${role}` : name,
      role,
      ...(role === 'score' || role === 'anomalous' ? {} : { unit }),
    };
    return numberColumn(role, judged[role], options);
  };
  if (fields !== 'all') return [column(fields)];
  return [
    numberColumn(fieldName(metric, judged.series), judged.values, { labels, unit, displayName: name }),
    ...ROLES.map(column),
    stringColumn('reason', judged.reason, { labels, displayName: `${name} reason`, role: 'reason' }),
  ];
}

/** The newest judged bucket; a series that has none there has null, which an alert rule takes for no data. */
function totalFrame(def: Definition, ask: AnomalyAsk, judged: Judged, meta: FrameMeta): DataFrame {
  const type = typed(meta, 'numeric-wide');
  const at = judged.timesMs.findLastIndex((time) => time < judged.judgedUntilMs);
  if (at < 0) return frame(ask.refId, type, []);
  const columns = judged.series.flatMap((one) => columnsOf(def, ask, one));
  return frame(
    ask.refId,
    type,
    // A numeric frame has numbers only: the reason stands in the time series and in the table.
    columns.filter(({ field }) => field.type === 'number').map(({ field, values }) => ({ field, values: [values[at] ?? null] })),
  );
}

function episodesFrame(def: Definition, ask: AnomalyAsk, judged: Judged, meta: FrameMeta): DataFrame {
  const rows = judged.series
    .flatMap(({ series, episodes }) => episodes.map((episode) => ({ group: series.group, episode })))
    .sort((a, b) => b.episode.fromMs - a.episode.fromMs || b.episode.score - a.episode.score);
  const type = typed(meta, 'table');
  if (rows.length === 0) return frame(ask.refId, type, []);
  const { unit } = ask.metric.measure;
  const numbers = (pick: (row: (typeof rows)[number]) => number | null): (number | null)[] => rows.map(pick);
  return frame(ask.refId, type, [
    tableColumn(
      'time',
      'time',
      numbers(({ episode }) => episode.fromMs),
    ),
    tableColumn(
      'timeEnd',
      'time',
      numbers(({ episode }) => episode.toMs),
    ),
    ...ask.metric.groupBy.map((dimension, index) =>
      stringColumn(
        def.dimensions[dimension].name,
        rows.map(({ group }) => group[index]),
      ),
    ),
    tableColumn(
      'peakTime',
      'time',
      numbers(({ episode }) => episode.peakMs),
    ),
    numberColumn(
      'value',
      numbers(({ episode }) => episode.value),
      { unit },
    ),
    numberColumn(
      'expected',
      numbers(({ episode }) => episode.expected),
      { unit },
    ),
    numberColumn(
      'score',
      numbers(({ episode }) => episode.score),
    ),
    numberColumn(
      'open',
      numbers(({ episode }) => (episode.open ? 1 : 0)),
    ),
    stringColumn(
      'reason',
      rows.map(({ episode }) => episode.reason),
    ),
  ]);
}
