// Stand-in for Grafana's stat: the last value of each series, large, over a sparkline.

import { FieldType, getFieldDisplayValues, type FieldDisplay, type PanelProps } from '@grafana/data';
import { BigValue, BigValueColorMode, BigValueGraphMode, BigValueJustifyMode, BigValueTextMode, useTheme2, VizRepeater } from '@grafana/ui';
import { VizOrientation } from '@grafana/data';
import { NoData } from './NoData.js';

export interface StatOptions {
  readonly reduceOptions?: { readonly calcs?: readonly string[] };
  readonly graphMode?: 'area' | 'none';
}

export function StatPanel({ data, width, height, options, fieldConfig, replaceVariables, timeZone }: PanelProps<StatOptions>) {
  const theme = useTheme2();
  const calcs = [...(options.reduceOptions?.calcs ?? ['lastNotNull'])];
  const values = getFieldDisplayValues({
    fieldConfig,
    reduceOptions: { calcs, values: false },
    replaceVariables,
    theme,
    data: data.series,
    sparkline: true,
    timeZone,
  }).filter(({ sparkline, hasLinks: _ }) => sparkline?.y.type === FieldType.number || sparkline === undefined);
  if (values.length === 0 || data.series.every(({ length }) => length === 0)) return <NoData data={data} />;
  return (
    <VizRepeater
      getValues={() => values}
      getAlignmentFactors={() => undefined}
      renderValue={({ value, width: w, height: h }: { value: FieldDisplay; width: number; height: number }) => (
        <BigValue
          value={value.display}
          sparkline={options.graphMode === 'none' ? undefined : value.sparkline}
          width={w}
          height={h}
          theme={theme}
          count={values.length}
          colorMode={BigValueColorMode.Value}
          graphMode={options.graphMode === 'none' ? BigValueGraphMode.None : BigValueGraphMode.Area}
          justifyMode={BigValueJustifyMode.Auto}
          textMode={values.length > 1 ? BigValueTextMode.Auto : BigValueTextMode.Value}
        />
      )}
      source={data}
      width={width}
      height={height}
      orientation={VizOrientation.Auto}
      renderCounter={0}
    />
  );
}
