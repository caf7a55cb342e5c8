// What Grafana loads: the panel with its options.

import { FieldConfigProperty, PanelPlugin } from '@grafana/data';
import { SWIMLANE_DEFAULTS, type SwimlaneOptions } from './options';
import { SwimlanePanel } from './SwimlanePanel';

export const plugin = new PanelPlugin<SwimlaneOptions>(SwimlanePanel)
  .useFieldConfig({ disableStandardOptions: [FieldConfigProperty.Color, FieldConfigProperty.Thresholds] })
  .setPanelOptions((builder) => {
    builder
      .addRadio({
        path: 'ranking',
        name: 'Order',
        description: 'By the worst moment of the time range, by the newest finished bucket, or by name.',
        defaultValue: SWIMLANE_DEFAULTS.ranking,
        settings: {
          options: [
            { value: 'peak', label: 'Worst' },
            { value: 'current', label: 'Now' },
            { value: 'name', label: 'Name' },
          ],
        },
      })
      .addBooleanSwitch({
        path: 'onlyAnomalous',
        name: 'Only series with anomalies',
        description: 'Without a detector nothing is left out.',
        defaultValue: SWIMLANE_DEFAULTS.onlyAnomalous,
      })
      .addSliderInput({
        path: 'laneHeight',
        name: 'Lane height',
        defaultValue: SWIMLANE_DEFAULTS.laneHeight,
        settings: { min: 8, max: 48, step: 1 },
      })
      .addBooleanSwitch({ path: 'showFreshness', name: 'Say when data is behind', defaultValue: SWIMLANE_DEFAULTS.showFreshness });
  });
