// What a person can set on the anomaly panel, with the defaults. The names are stored in dashboards: renaming one needs a migration.

import {
  GraphThresholdsStyleMode,
  LegendDisplayMode,
  SortOrder,
  TooltipDisplayMode,
  type AxisConfig,
  type GraphThresholdsStyleConfig,
  type HideableFieldConfig,
  type OptionsWithLegend,
  type OptionsWithTooltip,
} from '@grafana/schema';

/** `auto`: as long as few enough series are visible to tell the bands apart. */
export type BandMode = 'auto' | 'on' | 'off';
export type HighlightMode = 'both' | 'regions' | 'points' | 'off';
/** How the bucket that is still filling is drawn. */
export type PartialMode = 'dashed' | 'solid' | 'hidden';

export interface AnomalyOptions extends OptionsWithLegend, OptionsWithTooltip {
  band: BandMode;
  expectedLine: boolean;
  highlight: HighlightMode;
  partial: PartialMode;
  showFreshness: boolean;
}

export type LineShape = 'linear' | 'smooth' | 'step';
export type PointsMode = 'auto' | 'always' | 'never';

/** Set per field, so that overrides work. */
export interface LineOptions extends AxisConfig, HideableFieldConfig {
  lineWidth: number;
  fillOpacity: number;
  lineShape: LineShape;
  points: PointsMode;
  connectGaps: boolean;
  thresholdsStyle?: GraphThresholdsStyleConfig;
}

export const LINE_DEFAULTS: LineOptions = {
  lineWidth: 1.5,
  fillOpacity: 0,
  lineShape: 'linear',
  points: 'auto',
  connectGaps: false,
  thresholdsStyle: { mode: GraphThresholdsStyleMode.Off },
};

export const OPTION_DEFAULTS: AnomalyOptions = {
  band: 'auto',
  expectedLine: true,
  highlight: 'both',
  partial: 'dashed',
  showFreshness: true,
  legend: { showLegend: true, displayMode: LegendDisplayMode.List, placement: 'bottom', calcs: [] },
  tooltip: { mode: TooltipDisplayMode.Multi, sort: SortOrder.Descending },
};
