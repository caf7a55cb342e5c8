// A panel without a chart: loading for the first time, nothing there, or something wrong, each with what to do about it.
// Used by every Tidemark panel.

import { css, keyframes } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { Icon, useStyles2, type IconName } from '@grafana/ui';
import type { PanelState } from './panel-state';

interface Props {
  readonly state: Exclude<PanelState, { kind: 'ready' }>;
  readonly width: number;
  readonly height: number;
}

const HEIGHT_FOR_ADVICE_PX = 110;

export function StateView({ state, width, height }: Props) {
  const styles = useStyles2(getStyles);
  if (state.kind === 'loading') {
    return (
      <div className={styles.box} style={{ width, height }} role="status" aria-label="Loading data">
        <svg className={styles.skeleton} viewBox="0 0 200 60" preserveAspectRatio="none" aria-hidden="true">
          <path d="M0 44 C20 30 30 30 50 38 S80 52 100 34 S130 14 150 24 S185 40 200 22" />
        </svg>
        {height >= HEIGHT_FOR_ADVICE_PX && <span className={styles.quiet}>Loading data</span>}
      </div>
    );
  }
  const wrong = state.kind === 'error' || state.kind === 'problem';
  const icon: IconName = wrong ? 'exclamation-triangle' : state.kind === 'calm' ? 'check-circle' : 'graph-bar';
  const [title, ...rest] = state.kind === 'error' ? splitMessage(state.message) : [state.message];
  const roomy = height >= HEIGHT_FOR_ADVICE_PX;
  return (
    <div className={styles.box} style={{ width, height }} role={wrong ? 'alert' : 'status'}>
      {roomy && <Icon name={icon} size="xl" className={wrong ? styles.warning : styles.quiet} />}
      <div className={styles.title}>{title}</div>
      {roomy && rest.length > 0 && <div className={styles.advice}>{rest.join('\n')}</div>}
      {roomy && state.kind === 'empty' && (
        <div className={styles.advice}>
          Choose a longer time range, check the filters of the query, or see in Tidemark’s pipeline health whether events arrive.
        </div>
      )}
      {roomy && state.kind === 'error' && <div className={styles.advice}>The panel asks again at its next refresh.</div>}
    </div>
  );
}

/** The first sentence is the title; what follows is the remedy. */
function splitMessage(message: string): string[] {
  const [first = '', ...others] = message.split('\n');
  const end = first.search(/[.!?] (?=[A-Z])/);
  return end < 0 ? [first, ...others] : [first.slice(0, end + 1), first.slice(end + 2), ...others];
}

const getStyles = (theme: GrafanaTheme2) => {
  const pulse = keyframes({ '0%, 100%': { opacity: 0.35 }, '50%': { opacity: 0.8 } });
  return {
    box: css({
      display: 'flex',
      flexDirection: 'column',
      alignItems: 'center',
      justifyContent: 'center',
      gap: theme.spacing(0.75),
      padding: theme.spacing(1),
      textAlign: 'center',
      overflow: 'hidden auto',
    }),
    skeleton: css({
      width: '70%',
      maxWidth: 420,
      height: '35%',
      maxHeight: 110,
      fill: 'none',
      stroke: theme.colors.text.disabled,
      strokeWidth: 2,
      '& path': { vectorEffect: 'non-scaling-stroke' },
      [theme.transitions.handleMotion('no-preference')]: { animation: `${pulse} 1.6s ease-in-out infinite` },
    }),
    title: css({
      color: theme.colors.text.primary,
      fontWeight: theme.typography.fontWeightMedium,
      maxWidth: 560,
      overflowWrap: 'anywhere',
    }),
    advice: css({
      color: theme.colors.text.secondary,
      fontSize: theme.typography.bodySmall.fontSize,
      maxWidth: 460,
      overflowWrap: 'anywhere',
      whiteSpace: 'pre-line',
    }),
    quiet: css({ color: theme.colors.text.secondary }),
    warning: css({ color: theme.colors.warning.text }),
  };
};
