// What Grafana loads: the panel with its options.

import { FieldConfigProperty, PanelPlugin } from '@grafana/data';
import { FunnelPanel } from './FunnelPanel';
import { FUNNEL_DEFAULTS, type FunnelOptions } from './options';

export const plugin = new PanelPlugin<FunnelOptions>(FunnelPanel)
  .useFieldConfig({
    disableStandardOptions: [FieldConfigProperty.Color, FieldConfigProperty.Thresholds, FieldConfigProperty.Min, FieldConfigProperty.Max],
  })
  .setPanelOptions((builder) => {
    builder.addSelect({
      path: 'calculation',
      name: 'Value',
      description: 'How a time series becomes one number. Totals and tables are taken as they are.',
      defaultValue: FUNNEL_DEFAULTS.calculation,
      settings: {
        options: [
          { value: 'sum', label: 'Total' },
          { value: 'lastNotNull', label: 'Last' },
          { value: 'max', label: 'Largest' },
          { value: 'mean', label: 'Mean' },
        ],
      },
    });
  });
