// How a metric is judged and what is returned of it. Everything has a default that suits: auto, medium, both directions.

import { Input, RadioButtonGroup } from '@grafana/ui';
import { Choice } from './Choice';
import type { DetectorFields } from '../query/detector';
import {
  defaultHold,
  DETECTOR_OPTIONS,
  DETECTOR_WINDOW_OPTIONS,
  DIRECTION_OPTIONS,
  HISTORY_OPTIONS,
  HOLD_OPTIONS,
  RETURN_OPTIONS,
  SENSITIVITY_OPTIONS,
  takesWidth,
  takesWindow,
  withOptions,
} from './anomaly-choices';
import { withVariables } from './choices';
import { EditorField } from './EditorRow';
import type { FieldsProps } from './MetricFields';

export function AnomalyFields(props: FieldsProps) {
  const { id, query, catalog, variables, problems, change } = props;
  const detector = query.detector ?? {};
  const unit = catalog?.measures.find(({ name }) => name === query.measure)?.unit ?? '';
  const detect = (chosen: Partial<DetectorFields>): void => change({ detector: withOptions(query.detector, chosen) });
  const judges = detector.name !== 'missing';
  return (
    <>
      <EditorField
        label="Detector"
        id={`${id}-detector`}
        tooltip="What a value is compared with. Automatic suits most series."
        hint={DETECTOR_OPTIONS.find(({ value }) => value === (detector.name ?? 'auto'))?.description ?? ''}
      >
        <Choice
          id={`${id}-detector`}
          width={24}
          options={DETECTOR_OPTIONS}
          value={detector.name ?? 'auto'}
          onChange={({ value }) => detect({ name: value })}
        />
      </EditorField>
      {judges && (
        <EditorField label="Sensitivity" id={`${id}-sensitivity`} tooltip="Higher: a narrower band, more found, more false alarms.">
          <RadioButtonGroup
            id={`${id}-sensitivity`}
            aria-label="Sensitivity"
            options={SENSITIVITY_OPTIONS}
            value={detector.sensitivity ?? 'medium'}
            onChange={(sensitivity) => detect({ sensitivity })}
          />
        </EditorField>
      )}
      {judges && (
        <EditorField label="Direction" id={`${id}-direction`} tooltip="Which side of the expected value counts.">
          <RadioButtonGroup
            id={`${id}-direction`}
            aria-label="Direction"
            options={DIRECTION_OPTIONS}
            value={detector.direction ?? 'both'}
            onChange={(direction) => detect({ direction })}
          />
        </EditorField>
      )}
      {takesWindow(detector) && (
        <EditorField
          label="Compared with the last"
          id={`${id}-detector-window`}
          tooltip="The trailing window that the expected value is taken from."
          problem={problems.get('detector.window')}
        >
          <Choice
            id={`${id}-detector-window`}
            width={14}
            placeholder="10m"
            isClearable
            createCustomValue
            options={withVariables(DETECTOR_WINDOW_OPTIONS, variables)}
            value={detector.window ?? null}
            onChange={(chosen) => detect({ window: chosen?.value })}
          />
        </EditorField>
      )}
      {takesWidth(detector) && (
        <OptionNumber {...props} option="k" label="Width (k)" placeholder="usual" tooltip="Half the band's width in standard deviations." />
      )}
      {judges && (
        <>
          <OptionNumber
            {...props}
            option="minDeviation"
            label={unit === '' ? 'Off by at least' : `Off by at least (${unit})`}
            placeholder="any"
            tooltip="A value closer than this to the expected one is never flagged, however unusual."
          />
          <OptionNumber
            {...props}
            option="minRelative"
            label="and by (%)"
            placeholder="any"
            scale={100}
            tooltip="The same as a part of the expected value: 20 is a fifth."
          />
        </>
      )}
      <OptionNumber
        {...props}
        option="consecutive"
        label="Buckets in a row"
        placeholder="1"
        tooltip="Flagged only when so many buckets in a row are out of line. Later, and with fewer false alarms."
      />
      <EditorField label="Flagged" id={`${id}-hold`} tooltip="An outage of an hour: sixty flagged minutes, or the first few of them.">
        <Choice
          id={`${id}-hold`}
          width={22}
          options={HOLD_OPTIONS}
          value={detector.hold ?? defaultHold(detector)}
          onChange={({ value }) => detect({ hold: value })}
        />
      </EditorField>
      {query.format !== 'table' && (
        <EditorField label="Return" id={`${id}-returned`}>
          <Choice
            id={`${id}-returned`}
            width={18}
            options={RETURN_OPTIONS}
            value={query.fields ?? 'all'}
            onChange={({ value }) => change({ fields: value === 'all' ? undefined : value })}
          />
        </EditorField>
      )}
      <EditorField
        label="Learns from"
        id={`${id}-history`}
        optional
        tooltip="How much before the range the detector learns from. Left empty: by the bucket, 2d for 1m, 7d for 5m, 28d for 1h."
        problem={problems.get('history')}
      >
        <Choice
          id={`${id}-history`}
          width={16}
          placeholder="automatic"
          isClearable
          createCustomValue
          options={withVariables(HISTORY_OPTIONS, variables)}
          value={query.history ?? null}
          onChange={(chosen) => change({ history: chosen?.value })}
        />
      </EditorField>
    </>
  );
}

type OptionNumberProps = FieldsProps & {
  readonly option: 'k' | 'minDeviation' | 'minRelative' | 'consecutive';
  readonly label: string;
  readonly placeholder: string;
  readonly tooltip: string;
  /** What is shown is so many times what is stored. */
  readonly scale?: number;
};

function OptionNumber({ id, query, problems, type, run, option, label, placeholder, tooltip, scale = 1 }: OptionNumberProps) {
  const stored = query.detector?.[option];
  const field = `${id}-${option}`;
  const store = (text: string): void =>
    type({ detector: withOptions(query.detector, { [option]: text === '' ? undefined : Number(text) / scale }) });
  return (
    <EditorField label={label} id={field} tooltip={tooltip} problem={problems.get(`detector.${option}`)}>
      <Input
        id={field}
        type="number"
        min={0}
        step="any"
        width={12}
        placeholder={placeholder}
        invalid={problems.has(`detector.${option}`)}
        value={stored === undefined ? '' : Number((stored * scale).toPrecision(12))}
        onChange={(event) => store(event.currentTarget.value)}
        onBlur={run}
      />
    </EditorField>
  );
}
