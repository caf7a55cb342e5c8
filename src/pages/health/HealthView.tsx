// Pipeline health: figures with the line they drew while this page was open, the stores, and every partition.

import { useState } from 'react';
import { css, cx } from '@emotion/css';
import { dateTimeFormat, getValueFormat, formattedValueToString, type GrafanaTheme2 } from '@grafana/data';
import { Icon, Text, useStyles2 } from '@grafana/ui';
import type { AggregatorStatus } from '../status/aggregator-status';
import { AggregatorProblem } from '../status/AggregatorProblem';
import type { Answer } from '../status/ask-aggregator';
import type { StatusViewProps } from '../status/StatusObject';
import { PartitionTable } from './PartitionTable';
import { figuresOf, sampleOf, type Figure, type Sample } from './pipeline';
import { Trend } from './Trend';

/** Ten minutes at a question each five seconds. */
const TREND_LENGTH = 120;

interface History {
  readonly of: Answer | null;
  readonly sample: Sample | null;
  readonly figures: readonly Figure[];
  readonly trends: ReadonlyMap<Figure['id'], readonly number[]>;
}

const NO_HISTORY: History = { of: null, sample: null, figures: [], trends: new Map() };

export function HealthView({ answer, before, dataSourceUid, again }: StatusViewProps) {
  const styles = useStyles2(getStyles);
  const [kept, setHistory] = useState(NO_HISTORY);
  const history = kept.of === answer ? kept : withAnswer(before === null ? NO_HISTORY : kept, answer);
  if (history !== kept) setHistory(history);
  if (!answer.ok) return <AggregatorProblem problem={answer.problem} dataSourceUid={dataSourceUid} again={again} />;
  const { status } = answer.report;
  return (
    <div className={styles.page}>
      <div className={styles.head}>
        <Text color="secondary">
          {[`“${status.name}”`, status.version && `version ${status.version}`, status.state, sinceOf(status)]
            .filter((part) => part !== '')
            .join(' · ')}
        </Text>
      </div>
      <div className={styles.figures}>
        {history.figures.map((figure) => (
          <FigureTile key={figure.id} figure={figure} trend={history.trends.get(figure.id) ?? []} />
        ))}
      </div>
      <div className={styles.stores}>
        <StoreTile
          title={status.hot.kind === 'redis' ? 'Redis (hot tier)' : 'Hot tier'}
          ok={status.hot.ok}
          detail={status.hot.detail}
          facts={hotFacts(status)}
        />
        <StoreTile title="ClickHouse (cold tier)" ok={status.cold.ok} detail={status.cold.detail} facts={coldFacts(status)} />
      </div>
      <PartitionTable partitions={status.partitions} nowMs={status.nowMs ?? answer.report.askedAtMs} />
    </div>
  );
}

function withAnswer(history: History, answer: Answer): History {
  if (!answer.ok) return { ...history, of: answer };
  const sample = sampleOf(answer.report.status, answer.report.askedAtMs);
  const figures = figuresOf(answer.report.status, history.sample, sample);
  const trends = new Map(
    figures.map((figure) => {
      const past = history.trends.get(figure.id) ?? [];
      return [figure.id, figure.sample === null ? past : [...past, figure.sample].slice(-TREND_LENGTH)];
    }),
  );
  return { of: answer, sample, figures, trends };
}

function FigureTile({ figure, trend }: { readonly figure: Figure; readonly trend: readonly number[] }) {
  const styles = useStyles2(getStyles);
  return (
    <section className={styles.tile} aria-label={figure.title} data-figure={figure.id}>
      <Text color="secondary" variant="bodySmall">
        {figure.title}
      </Text>
      <div className={cx(styles.value, styles[figure.mood])}>{figure.value}</div>
      <div className={styles.detail}>{figure.detail}</div>
      <Trend values={trend} label={`${figure.title} since this page was opened`} />
    </section>
  );
}

interface StoreTileProps {
  readonly title: string;
  readonly ok: boolean;
  readonly detail: string;
  readonly facts: readonly (readonly [string, string])[];
}

function StoreTile({ title, ok, detail, facts }: StoreTileProps) {
  const styles = useStyles2(getStyles);
  return (
    <section className={styles.tile} aria-label={title}>
      <div className={styles.storeTitle}>
        <Icon
          name={ok ? 'check-circle' : 'times-circle'}
          className={ok ? styles.good : styles.bad}
          title={ok ? 'works' : 'does not work'}
        />
        <Text element="h3" variant="h5">
          {title}
        </Text>
      </div>
      <Text color="secondary">{detail}</Text>
      <dl className={styles.facts}>
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function hotFacts({ hot }: AggregatorStatus): [string, string][] {
  const covers =
    hot.coverageFromMs === null
      ? 'nothing yet'
      : hot.coverageFromMs === 0
        ? 'all that was read'
        : `from ${dateTimeFormat(hot.coverageFromMs)}`;
  return [
    ['Memory', bytes(hot.memoryBytes)],
    ['Answers for', covers],
  ];
}

function coldFacts({ cold }: AggregatorStatus): [string, string][] {
  return [
    ['Raw events', cold.rawRows.toLocaleString('en-US')],
    ['On disk', bytes(cold.diskBytes)],
    ['Compacted until', cold.closedUntilMs === 0 ? 'nothing yet' : dateTimeFormat(cold.closedUntilMs)],
    ['Minutes to compact again', cold.dirtyMinutes.toLocaleString('en-US')],
  ];
}

function sinceOf({ startedAtMs }: AggregatorStatus): string {
  return startedAtMs === null ? '' : `since ${dateTimeFormat(startedAtMs)}`;
}

function bytes(amount: number): string {
  return formattedValueToString(getValueFormat('bytes')(amount, 1));
}

const getStyles = (theme: GrafanaTheme2) => ({
  page: css({ display: 'flex', flexDirection: 'column', gap: theme.spacing(2), width: '100%' }),
  head: css({ minHeight: 20 }),
  figures: css({ display: 'grid', gap: theme.spacing(1.5), gridTemplateColumns: 'repeat(auto-fill, minmax(160px, 1fr))' }),
  stores: css({ display: 'grid', gap: theme.spacing(1.5), gridTemplateColumns: 'repeat(auto-fit, minmax(320px, 1fr))' }),
  tile: css({
    display: 'flex',
    flexDirection: 'column',
    gap: theme.spacing(0.5),
    padding: theme.spacing(1.5),
    background: theme.colors.background.primary,
    border: `1px solid ${theme.colors.border.weak}`,
    borderRadius: theme.shape.radius.default,
    minWidth: 0,
  }),
  value: css({
    fontSize: theme.typography.h3.fontSize,
    lineHeight: 1.2,
    fontWeight: theme.typography.fontWeightMedium,
    fontVariantNumeric: 'tabular-nums',
  }),
  detail: css({
    color: theme.colors.text.secondary,
    fontSize: theme.typography.bodySmall.fontSize,
    minHeight: 34,
    overflowWrap: 'anywhere',
  }),
  storeTitle: css({ display: 'flex', alignItems: 'center', gap: theme.spacing(1), '& h3': { margin: 0 } }),
  facts: css({
    display: 'flex',
    flexWrap: 'wrap',
    gap: theme.spacing(1, 4),
    margin: theme.spacing(1, 0, 0),
    '& dt': {
      color: theme.colors.text.secondary,
      fontSize: theme.typography.bodySmall.fontSize,
      fontWeight: theme.typography.fontWeightRegular,
    },
    '& dd': { margin: 0, fontVariantNumeric: 'tabular-nums' },
  }),
  good: css({ color: theme.colors.success.text }),
  warning: css({ color: theme.colors.warning.text }),
  bad: css({ color: theme.colors.error.text }),
  neutral: css({ color: theme.colors.text.maxContrast }),
});
