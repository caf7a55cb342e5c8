// The panel: a bar per step from the top down, between two steps how many go on, and the worst of those places marked.

import { useMemo, type ReactNode } from 'react';
import { css, cx } from '@emotion/css';
import { formattedValueToString, type GrafanaTheme2, type PanelProps } from '@grafana/data';
import { DataLinksContextMenu, Icon, useStyles2, useTheme2 } from '@grafana/ui';
import { panelState } from '../states/panel-state';
import { PartialError } from '../states/PartialError';
import { StateView } from '../states/StateView';
import { FUNNEL_DEFAULTS, type FunnelOptions } from './options';
import { funnelOf, percent, stillFilling, type Step } from './steps';

/** Narrower panels have the names above the bars. */
const NAMES_BESIDE_MIN_PX = 420;

export function FunnelPanel(props: PanelProps<FunnelOptions>) {
  const { data, width, height, fieldConfig, title } = props;
  const theme = useTheme2();
  const styles = useStyles2(getStyles);
  const options = { ...FUNNEL_DEFAULTS, ...props.options };
  const funnel = useMemo(() => funnelOf(data.series, options.calculation, theme), [data.series, options.calculation, theme]);
  const state = panelState(data, funnel, fieldConfig.defaults.noValue);
  if (state.kind !== 'ready') return <StateView state={state} width={width} height={height} />;
  const beside = width >= NAMES_BESIDE_MIN_PX;
  const largest = Math.max(...funnel.steps.map((step) => step.value)) || 1;
  return (
    <div className={styles.panel} style={{ width, height }}>
      {state.partialError !== null && <PartialError message={state.partialError} />}
      <ol className={styles.steps} aria-label={title === '' ? 'Funnel' : title}>
        {funnel.steps.map((step, index) => (
          <li key={index} className={styles.step}>
            {index > 0 && <Transition step={step} />}
            <div className={cx(styles.row, beside && styles.rowBeside)}>
              <Linked step={step}>
                <span className={styles.name} title={step.name}>
                  {step.name}
                </span>
              </Linked>
              <div className={styles.track}>
                <div
                  className={cx(styles.bar, step.worst && styles.barWorst)}
                  style={{ width: `${Math.max(0.4, (step.value / largest) * 100)}%` }}
                />
                <span className={styles.value}>
                  {formattedValueToString(step.display(step.value))}
                  {index > 0 && step.ofFirst !== null && <span className={styles.share}> {percent(step.ofFirst)} of the first</span>}
                </span>
              </div>
            </div>
          </li>
        ))}
      </ol>
      {stillFilling(data.series) && <div className={styles.note}>The newest bucket is not finished: late steps are still coming in.</div>}
    </div>
  );
}

function Transition({ step }: { readonly step: Step }) {
  const styles = useStyles2(getStyles);
  if (step.ofPrevious === null) return <div className={styles.transition} />;
  return (
    <div className={cx(styles.transition, step.worst && styles.transitionWorst)}>
      <Icon name="arrow-down" size="xs" />
      <span>
        {percent(step.ofPrevious)} go on
        {step.worst && ', the largest loss'}
      </span>
    </div>
  );
}

function Linked({ step, children }: { readonly step: Step; readonly children: ReactNode }) {
  const styles = useStyles2(getStyles);
  if (step.links().length === 0) return children;
  return (
    <DataLinksContextMenu links={step.links}>
      {({ openMenu, targetClassName }) =>
        openMenu === undefined ? (
          <>{children}</>
        ) : (
          <button type="button" className={cx(styles.linked, targetClassName)} onClick={openMenu}>
            {children}
          </button>
        )
      }
    </DataLinksContextMenu>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  panel: css({ display: 'flex', flexDirection: 'column', overflow: 'hidden auto' }),
  steps: css({ listStyle: 'none', margin: 'auto 0', padding: theme.spacing(0.5, 0) }),
  step: css({ display: 'block' }),
  row: css({ display: 'grid', gridTemplateColumns: '1fr', gap: theme.spacing(0.25, 1.5), alignItems: 'center' }),
  rowBeside: css({ gridTemplateColumns: 'minmax(90px, 22%) 1fr' }),
  name: css({ display: 'block', overflow: 'hidden', textOverflow: 'ellipsis', whiteSpace: 'nowrap', color: theme.colors.text.primary }),
  linked: css({
    all: 'unset',
    cursor: 'pointer',
    minWidth: 0,
    '&:hover span': { textDecoration: 'underline' },
    '&:focus-visible': { outline: `2px solid ${theme.colors.primary.main}` },
  }),
  track: css({
    position: 'relative',
    height: 28,
    background: theme.colors.background.secondary,
    borderRadius: theme.shape.radius.default,
    overflow: 'hidden',
  }),
  bar: css({ position: 'absolute', inset: '0 auto 0 0', background: theme.visualization.getColorByName('blue'), opacity: 0.55 }),
  barWorst: css({ background: theme.visualization.getColorByName('orange') }),
  value: css({
    position: 'absolute',
    left: theme.spacing(1),
    top: 0,
    lineHeight: '28px',
    whiteSpace: 'nowrap',
    color: theme.colors.text.maxContrast,
    fontWeight: theme.typography.fontWeightMedium,
    fontVariantNumeric: 'tabular-nums',
  }),
  share: css({
    color: theme.colors.text.primary,
    fontWeight: theme.typography.fontWeightRegular,
    fontSize: theme.typography.bodySmall.fontSize,
    marginLeft: theme.spacing(0.5),
  }),
  transition: css({
    display: 'flex',
    alignItems: 'center',
    justifyContent: 'flex-end',
    gap: theme.spacing(0.5),
    minHeight: 22,
    color: theme.colors.text.secondary,
    fontSize: theme.typography.bodySmall.fontSize,
  }),
  transitionWorst: css({ color: theme.colors.warning.text }),
  note: css({ color: theme.colors.text.secondary, fontSize: theme.typography.bodySmall.fontSize, flexShrink: 0 }),
});
