// What Grafana loads: the panel with its options and the configuration of its fields.

import { FieldColorModeId, FieldConfigProperty, PanelPlugin } from '@grafana/data';
import { GraphThresholdsStyleMode } from '@grafana/schema';
import { commonOptionsBuilder } from '@grafana/ui';
import { AnomalyPanel } from './AnomalyPanel';
import { LINE_DEFAULTS, OPTION_DEFAULTS, type AnomalyOptions, type LineOptions } from './options';

const ANOMALIES = ['Anomalies'];
const LINES = ['Lines'];

export const plugin = new PanelPlugin<AnomalyOptions, Partial<LineOptions>>(AnomalyPanel)
  .setDataSupport({ annotations: true, alertStates: false })
  .useFieldConfig({
    standardOptions: {
      [FieldConfigProperty.Color]: {
        settings: { byValueSupport: true, bySeriesSupport: true, preferThresholdsMode: false },
        defaultValue: { mode: FieldColorModeId.PaletteClassic },
      },
    },
    useCustomConfig: (builder) => {
      builder
        .addRadio({
          path: 'lineShape',
          name: 'Line',
          category: LINES,
          defaultValue: LINE_DEFAULTS.lineShape,
          settings: {
            options: [
              { value: 'linear', label: 'Straight' },
              { value: 'smooth', label: 'Smooth' },
              { value: 'step', label: 'Steps' },
            ],
          },
        })
        .addSliderInput({
          path: 'lineWidth',
          name: 'Line width',
          category: LINES,
          defaultValue: LINE_DEFAULTS.lineWidth,
          settings: { min: 0, max: 10, step: 0.5 },
        })
        .addSliderInput({
          path: 'fillOpacity',
          name: 'Fill',
          description: 'How opaque the area under the line is, in percent.',
          category: LINES,
          defaultValue: LINE_DEFAULTS.fillOpacity,
          settings: { min: 0, max: 100, step: 1 },
        })
        .addRadio({
          path: 'points',
          name: 'Points',
          category: LINES,
          defaultValue: LINE_DEFAULTS.points,
          settings: {
            options: [
              { value: 'auto', label: 'Auto' },
              { value: 'always', label: 'Always' },
              { value: 'never', label: 'Never' },
            ],
          },
        })
        .addBooleanSwitch({
          path: 'connectGaps',
          name: 'Connect gaps',
          description: 'Draw the line across buckets without a value.',
          category: LINES,
          defaultValue: LINE_DEFAULTS.connectGaps,
        });
      commonOptionsBuilder.addAxisConfig(builder, {});
      commonOptionsBuilder.addHideFrom(builder);
      builder.addSelect({
        path: 'thresholdsStyle.mode',
        name: 'Show thresholds',
        category: ['Thresholds'],
        defaultValue: GraphThresholdsStyleMode.Off,
        settings: {
          options: [
            { value: GraphThresholdsStyleMode.Off, label: 'Off' },
            { value: GraphThresholdsStyleMode.Line, label: 'As lines' },
            { value: GraphThresholdsStyleMode.Dashed, label: 'As dashed lines' },
            { value: GraphThresholdsStyleMode.Area, label: 'As areas' },
            { value: GraphThresholdsStyleMode.LineAndArea, label: 'As lines and areas' },
            { value: GraphThresholdsStyleMode.DashedAndArea, label: 'As dashed lines and areas' },
          ],
        },
      });
    },
  })
  .setPanelOptions((builder) => {
    builder
      .addRadio({
        path: 'band',
        name: 'Expected range',
        description: 'Auto: as long as at most three series with a range are visible.',
        category: ANOMALIES,
        defaultValue: OPTION_DEFAULTS.band,
        settings: {
          options: [
            { value: 'auto', label: 'Auto' },
            { value: 'on', label: 'On' },
            { value: 'off', label: 'Off' },
          ],
        },
      })
      .addBooleanSwitch({
        path: 'expectedLine',
        name: 'Expected value',
        description: 'As a thin line inside the range.',
        category: ANOMALIES,
        defaultValue: OPTION_DEFAULTS.expectedLine,
        showIf: (options) => options.band !== 'off',
      })
      .addSelect({
        path: 'highlight',
        name: 'Highlight anomalies',
        category: ANOMALIES,
        defaultValue: OPTION_DEFAULTS.highlight,
        settings: {
          options: [
            { value: 'both', label: 'Time and points' },
            { value: 'regions', label: 'Time only' },
            { value: 'points', label: 'Points only' },
            { value: 'off', label: 'Off' },
          ],
        },
      })
      .addRadio({
        path: 'partial',
        name: 'Unfinished bucket',
        description: 'The newest bucket is still filling: its value will change.',
        category: ANOMALIES,
        defaultValue: OPTION_DEFAULTS.partial,
        settings: {
          options: [
            { value: 'dashed', label: 'Dashed' },
            { value: 'solid', label: 'Solid' },
            { value: 'hidden', label: 'Hidden' },
          ],
        },
      })
      .addBooleanSwitch({
        path: 'showFreshness',
        name: 'Say when data is behind',
        category: ANOMALIES,
        defaultValue: OPTION_DEFAULTS.showFreshness,
      });
    commonOptionsBuilder.addTooltipOptions(builder, false, false, { tooltip: OPTION_DEFAULTS.tooltip });
    commonOptionsBuilder.addLegendOptions(builder);
  });
