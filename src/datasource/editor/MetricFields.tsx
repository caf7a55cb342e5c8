// What is asked: the measure with its statistic, what it is split by, and the form of the answer.

import { type ComboboxOption } from '@grafana/ui';
import { Choice, Choices } from './Choice';
import type { Catalog } from '../catalog';
import type { Problems } from '../query/check-query';
import type { TidemarkQuery } from '../query/model';
import { ANOMALY_FORMAT_OPTIONS } from './anomaly-choices';
import { dimensionOptions, FORMAT_OPTIONS, measureHint, measureOptions, statOptions, withVariables } from './choices';
import { EditorField } from './EditorRow';

export interface FieldsProps {
  readonly id: string;
  readonly query: TidemarkQuery;
  readonly catalog: Catalog | null;
  readonly loading: boolean;
  readonly variables: readonly string[];
  readonly problems: Problems;
  /** Changes and asks at once. */
  readonly change: (fields: Partial<TidemarkQuery>) => void;
  /** Changes while something is being typed; `run` follows. */
  readonly type: (fields: Partial<TidemarkQuery>) => void;
  readonly run: () => void;
}

export function MetricFields({ id, query, catalog, loading, variables, problems, change }: FieldsProps) {
  const measure = catalog?.measures.find(({ name }) => name === query.measure);
  const top = query.kind === 'top';
  const anomaly = query.kind === 'anomaly';
  const contributors = query.kind === 'contributors';
  /** One number per series is judged or compared. */
  const single = anomaly || contributors;
  const ranksItems = top && measure?.kind === 'top';
  const stats = statOptions(measure);
  return (
    <>
      <EditorField label="Measure" id={`${id}-measure`} problem={problems.get('measure')} hint={measureHint(measure)}>
        <Choice
          id={`${id}-measure`}
          placeholder={loading ? 'Loading the catalogue…' : 'Choose a measure'}
          loading={loading}
          width={30}
          createCustomValue
          invalid={problems.has('measure') && Boolean(query.measure)}
          options={withVariables(measureOptions(catalog, query.kind), variables)}
          value={query.measure || null}
          onChange={({ value }) => change({ measure: value, ...resetFor(catalog, query, value) })}
        />
      </EditorField>
      {!ranksItems && (measure === undefined || measure.kind === 'quantiles' || (query.stat?.length ?? 0) > 0) && (
        <EditorField
          label="Statistic"
          id={`${id}-stat`}
          optional={!single}
          tooltip={
            single
              ? 'The quantile that is meant: any from p0 to p100.'
              : 'Quantiles: any from p0 to p100. Left empty: those that the definition keeps ready.'
          }
          problem={problems.get('stat')}
        >
          <Choices
            id={`${id}-stat`}
            placeholder={measure?.kind !== 'quantiles' ? 'value' : single ? 'Choose one' : measure.stats.join(', ')}
            width="auto"
            minWidth={16}
            maxWidth={32}
            createCustomValue
            invalid={problems.has('stat')}
            options={withVariables(stats, variables)}
            value={(query.stat ?? []).map(named)}
            onChange={(chosen) => change({ stat: statsOf(chosen, single) })}
          />
        </EditorField>
      )}
      {top && !ranksItems && (
        <EditorField label="Rank" id={`${id}-by`} tooltip="The dimension whose values are ranked." problem={problems.get('by')}>
          <Choice
            id={`${id}-by`}
            placeholder="Dimension"
            width={20}
            isClearable
            createCustomValue
            options={withVariables(dimensionOptions(catalog), variables)}
            value={query.by || null}
            onChange={(chosen) => change({ by: chosen?.value })}
          />
        </EditorField>
      )}
      {contributors && (
        <EditorField
          label="Dimensions"
          id={`${id}-dimensions`}
          optional
          tooltip="Whose values are compared with those just before the range. Left empty: all that no filter holds at one value."
        >
          <Choices
            id={`${id}-dimensions`}
            placeholder="All"
            width="auto"
            minWidth={20}
            maxWidth={48}
            createCustomValue
            options={withVariables(dimensionOptions(catalog), variables)}
            value={(query.dimensions ?? []).map(named)}
            onChange={(chosen) => change({ dimensions: chosen.length === 0 ? undefined : chosen.map(({ value }) => value) })}
          />
        </EditorField>
      )}
      {((!top && !contributors) || ranksItems) && (
        <EditorField
          label="Group by"
          id={`${id}-group-by`}
          optional
          tooltip={anomaly ? 'One series per combination of values, each judged by itself.' : 'One series per combination of values.'}
          problem={problems.get('groupBy')}
        >
          <Choices
            id={`${id}-group-by`}
            placeholder="Dimensions"
            width="auto"
            minWidth={20}
            maxWidth={48}
            createCustomValue
            invalid={problems.has('groupBy')}
            options={withVariables(dimensionOptions(catalog), variables)}
            value={(query.groupBy ?? []).map(named)}
            onChange={(chosen) => change({ groupBy: chosen.length === 0 ? undefined : chosen.map(({ value }) => value) })}
          />
        </EditorField>
      )}
      {!top && !contributors && (
        <EditorField label="Format" id={`${id}-format`}>
          <Choice
            id={`${id}-format`}
            width={18}
            options={anomaly ? ANOMALY_FORMAT_OPTIONS : FORMAT_OPTIONS}
            value={query.format ?? 'timeseries'}
            onChange={({ value }) => change({ format: value })}
          />
        </EditorField>
      )}
    </>
  );
}

/** One number per series is judged: the newest choice. */
function statsOf(chosen: ReadonlyArray<ComboboxOption>, one: boolean): string[] | undefined {
  const names = chosen.map(({ value }) => value);
  return names.length === 0 ? undefined : one ? names.slice(-1) : names;
}

function named(value: string): ComboboxOption {
  return { value, label: value };
}

/** Another measure may not have the statistics of the last one. */
function resetFor(catalog: Catalog | null, query: TidemarkQuery, chosen: string): Partial<TidemarkQuery> {
  const before = catalog?.measures.find(({ name }) => name === query.measure);
  const after = catalog?.measures.find(({ name }) => name === chosen);
  if (after === undefined || before?.kind === after.kind) return {};
  return { stat: undefined, ...(query.kind === 'top' && after.kind === 'top' ? { by: undefined, order: undefined } : {}) };
}
