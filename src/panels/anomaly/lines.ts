// The series of a set as lines: colour, axis, shape and visibility out of the field's configuration. Pure, given the theme.

import { getDisplayProcessor, getFieldSeriesColor, type DisplayProcessor, type Field, type GrafanaTheme2 } from '@grafana/data';
import { buildScaleKey } from '@grafana/ui';
import type { Series, SeriesSet } from '../frames/series-set';
import { LINE_DEFAULTS, type AnomalyOptions, type BandMode, type LineOptions } from './options';

export interface Line {
  readonly series: Series;
  readonly color: string;
  readonly scaleKey: string;
  readonly options: LineOptions;
  /** A value with unit, decimals and mappings. */
  readonly display: DisplayProcessor;
  /** Hidden by the legend or by an override. */
  readonly visible: boolean;
  readonly inLegend: boolean;
  readonly inTooltip: boolean;
  readonly band: boolean;
}

/** More bands than this lie on top of each other and say nothing. */
const BANDS_AT_MOST = 3;

export function linesOf(set: SeriesSet, options: AnomalyOptions, theme: GrafanaTheme2): Line[] {
  const plain = set.series.map((series) => {
    const hidden = custom(series.field).hideFrom;
    return {
      series,
      options: custom(series.field),
      visible: hidden?.viz !== true,
      inLegend: hidden?.legend !== true,
      inTooltip: hidden?.tooltip !== true,
    };
  });
  const banded = plain.filter((line) => line.visible && line.series.lower !== null && line.series.upper !== null).length;
  return plain.map((line) => ({
    ...line,
    color: colorOf(line.series, theme),
    display: line.series.field.display ?? getDisplayProcessor({ field: line.series.field, theme }),
    scaleKey: buildScaleKey(line.series.field.config, line.series.field.type),
    band: line.visible && line.series.lower !== null && line.series.upper !== null && bandShown(options.band, banded),
  }));
}

function bandShown(mode: BandMode, banded: number): boolean {
  return mode === 'on' || (mode === 'auto' && banded <= BANDS_AT_MOST);
}

/** Palette colours go to series, not to fields, so that verdict fields do not use them up. */
function colorOf(series: Series, theme: GrafanaTheme2): string {
  const field: Field = { ...series.field, state: { ...series.field.state, seriesIndex: series.index } };
  return getFieldSeriesColor(field, theme).color;
}

function custom(field: Field): LineOptions {
  const given: Partial<LineOptions> = field.config.custom ?? {};
  return { ...LINE_DEFAULTS, ...given };
}
