// A small line without axes: how a figure moved while the page was open. Starts at zero, so that its height means something.

import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { useStyles2 } from '@grafana/ui';

const [WIDTH, HEIGHT] = [200, 28];

export function Trend({ values, label }: { readonly values: readonly number[]; readonly label: string }) {
  const styles = useStyles2(getStyles);
  const points = trendPoints(values, WIDTH, HEIGHT);
  return (
    <svg className={styles.trend} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={label}>
      {points !== '' && <polyline points={points} />}
    </svg>
  );
}

/** SVG points; '' where there is no line to draw yet. */
export function trendPoints(values: readonly number[], width: number, height: number): string {
  if (values.length < 2) return '';
  const top = Math.max(...values) || 1;
  return values
    .map(
      (value, index) => `${((index / (values.length - 1)) * width).toFixed(1)},${(height - 1 - (value / top) * (height - 2)).toFixed(1)}`,
    )
    .join(' ');
}

const getStyles = (theme: GrafanaTheme2) => ({
  trend: css({
    width: '100%',
    height: HEIGHT,
    fill: 'none',
    stroke: theme.colors.primary.text,
    strokeWidth: 1.5,
    '& polyline': { vectorEffect: 'non-scaling-stroke' },
  }),
});
