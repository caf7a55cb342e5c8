// Stand-in for Grafana's bar gauge: one horizontal bar for each row of a ranking (a text column and a number), or for each series.

import {
  FieldType,
  getDisplayProcessor,
  getFieldDisplayName,
  reduceField,
  VizOrientation,
  type DataFrame,
  type Field,
  type PanelProps,
} from '@grafana/data';
import { BarGaugeDisplayMode, BarGaugeNamePlacement, BarGaugeValueMode } from '@grafana/schema';
import { BarGauge, ScrollContainer, useTheme2 } from '@grafana/ui';
import { NoData } from './NoData.js';

const BAR_HEIGHT_PX = 30;
const SPACING_PX = 6;

interface Bar {
  readonly name: string;
  readonly value: number;
  readonly field: Field;
}

export function BarGaugePanel({ data, width, height }: PanelProps<object>) {
  const theme = useTheme2();
  const bars = data.series.flatMap(barsOf);
  if (bars.length === 0) return <NoData data={data} />;
  const max = Math.max(...bars.map(({ value }) => value));
  const barHeight = Math.max(BAR_HEIGHT_PX, Math.min(44, height / bars.length - SPACING_PX));
  const longest = bars.reduce((longer, { name }) => (name.length > longer.length ? name : longer), '');
  return (
    <ScrollContainer height={`${height}px`}>
      {bars.map(({ name, value, field }) => {
        const config = { ...field.config, min: 0, max };
        const display = getDisplayProcessor({ field: { ...field, config }, theme });
        return (
          <div key={name} style={{ marginBottom: SPACING_PX }}>
            <BarGauge
              width={width - 12}
              height={barHeight}
              orientation={VizOrientation.Horizontal}
              field={config}
              display={display}
              value={{ ...display(value), title: name }}
              alignmentFactors={{ title: longest, text: display(max).text }}
              displayMode={BarGaugeDisplayMode.Gradient}
              valueDisplayMode={BarGaugeValueMode.Color}
              namePlacement={BarGaugeNamePlacement.Left}
              theme={theme}
              showUnfilled
            />
          </div>
        );
      })}
    </ScrollContainer>
  );
}

function barsOf(frame: DataFrame): Bar[] {
  const names = frame.fields.find(({ type }) => type === FieldType.string);
  const numbers = frame.fields.filter(({ type }) => type === FieldType.number);
  const [first] = numbers;
  if (first === undefined || frame.length === 0) return [];
  if (names !== undefined)
    return names.values.map((name, row) => ({ name: String(name ?? ''), value: Number(first.values[row] ?? 0), field: first }));
  return numbers.map((field) => ({
    name: getFieldDisplayName(field, frame),
    value: Number(reduceField({ field, reducers: ['lastNotNull'] })['lastNotNull'] ?? 0),
    field,
  }));
}
