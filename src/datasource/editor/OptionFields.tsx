// How a metric is cut and shown: buckets, sliding window, how many series, a comparison, the legend.

import { Input, RadioButtonGroup } from '@grafana/ui';
import { Choice } from './Choice';
import {
  BUCKET_OPTIONS,
  COMPARE_OPTIONS,
  FILL_OPTIONS,
  ORDER_OPTIONS,
  OWN_WINDOW,
  readWindow,
  windowOptions,
  windowText,
  withVariables,
} from './choices';
import { EditorField } from './EditorRow';
import type { FieldsProps } from './MetricFields';

export function OptionFields({ id, query, catalog, variables, problems, change, type, run }: FieldsProps) {
  const measure = catalog?.measures.find(({ name }) => name === query.measure);
  // A verdict is of a bucket in every format.
  const inBuckets = query.kind === 'anomaly' || query.format !== 'total';
  return (
    <>
      {inBuckets && (
        <EditorField
          label="Bucket"
          id={`${id}-bucket`}
          tooltip="Length of one point. Buckets are aligned to UTC; automatic follows the range and the panel's width."
          problem={problems.get('bucket')}
        >
          <Choice
            id={`${id}-bucket`}
            width={16}
            createCustomValue
            invalid={problems.has('bucket')}
            options={withVariables(BUCKET_OPTIONS, variables)}
            value={query.bucket ?? 'auto'}
            onChange={({ value }) => change({ bucket: value })}
          />
        </EditorField>
      )}
      {inBuckets && query.format !== 'heatmap' && (
        <EditorField
          label="Sliding window"
          id={`${id}-window`}
          tooltip="Each value covers the window up to its bucket's end. Write size / slide, such as 5m / 30s."
          problem={problems.get('window')}
        >
          <Choice
            id={`${id}-window`}
            width={20}
            createCustomValue
            invalid={problems.has('window')}
            options={windowOptions(measure)}
            value={windowText(query.window)}
            onChange={({ value }) => change({ window: readWindow(value ?? OWN_WINDOW) })}
          />
        </EditorField>
      )}
      <LimitField {...{ id, query, problems, change, type, run }} label="Series" placeholder="all" />
      {query.limit !== undefined && <OrderField {...{ id, query, problems, change }} />}
      {query.kind !== 'anomaly' && query.format !== 'heatmap' && (
        <EditorField
          label="Compare with"
          id={`${id}-compare`}
          optional
          tooltip="Adds the same series from this much earlier."
          problem={problems.get('compareWith')}
        >
          <Choice
            id={`${id}-compare`}
            placeholder="nothing"
            width={18}
            isClearable
            createCustomValue
            invalid={problems.has('compareWith')}
            options={withVariables(COMPARE_OPTIONS, variables)}
            value={query.compareWith || null}
            onChange={(chosen) => change({ compareWith: chosen?.value })}
          />
        </EditorField>
      )}
      {inBuckets && (
        <EditorField label="Empty buckets" id={`${id}-fill`}>
          <Choice
            id={`${id}-fill`}
            width={18}
            options={FILL_OPTIONS}
            value={query.fill ?? 'auto'}
            onChange={({ value }) => change({ fill: value === 'auto' ? undefined : value })}
          />
        </EditorField>
      )}
      <EditorField
        label="Legend"
        id={`${id}-legend`}
        optional
        tooltip="Name of each series. {{country}} is filled in by the series' value of a dimension; also {{measure}}, {{stat}} and {{compare}}."
      >
        <Input
          id={`${id}-legend`}
          width={28}
          placeholder="{{country}}"
          value={query.legend ?? ''}
          onChange={(event) => type({ legend: event.currentTarget.value || undefined })}
          onBlur={run}
        />
      </EditorField>
    </>
  );
}

type LimitProps = Pick<FieldsProps, 'id' | 'query' | 'problems' | 'type' | 'run'> & {
  readonly label: string;
  readonly placeholder: string;
};

export function LimitField({ id, query, problems, type, run, label, placeholder }: LimitProps) {
  return (
    <EditorField
      label={label}
      id={`${id}-limit`}
      tooltip="The most that is answered; the answer says when there is more."
      problem={problems.get('limit')}
    >
      <Input
        id={`${id}-limit`}
        type="number"
        min={1}
        max={10_000}
        width={10}
        placeholder={placeholder}
        invalid={problems.has('limit')}
        value={query.limit ?? ''}
        onChange={(event) => type({ limit: event.currentTarget.value === '' ? undefined : Number(event.currentTarget.value) })}
        onBlur={run}
      />
    </EditorField>
  );
}

export function OrderField({ id, query, problems, change }: Pick<FieldsProps, 'id' | 'query' | 'problems' | 'change'>) {
  return (
    <EditorField label="First" id={`${id}-order`} problem={problems.get('order')}>
      <RadioButtonGroup
        id={`${id}-order`}
        aria-label="Which come first"
        options={ORDER_OPTIONS}
        value={query.order ?? 'desc'}
        onChange={(value) => change({ order: value === 'desc' ? undefined : value })}
      />
    </EditorField>
  );
}
