// The editor of a dashboard variable.

import { useId } from 'react';
import type { QueryEditorProps } from '@grafana/data';
import { Alert, Input, RadioButtonGroup } from '@grafana/ui';
import { Choice } from '../editor/Choice';
import type { TidemarkDataSource } from '../datasource';
import { dimensionOptions } from '../editor/choices';
import { EditorField, EditorRow } from '../editor/EditorRow';
import { useCatalog } from '../editor/use-catalog';
import type { TidemarkQuery } from '../query/model';
import type { TidemarkOptions } from '../settings';
import { readVariableQuery, variableText, type VariableList, type VariableQuery } from './query';

type Props = QueryEditorProps<TidemarkDataSource, TidemarkQuery, TidemarkOptions, VariableQuery>;

const LISTS: Array<{ value: VariableList; label: string }> = [
  { value: 'values', label: 'Values of a dimension' },
  { value: 'measures', label: 'Measures' },
  { value: 'dimensions', label: 'Dimensions' },
];

export function VariableEditor({ datasource, query: stored, onChange }: Props) {
  const id = useId();
  const query = readVariableQuery(stored);
  const { catalog, loading, problem } = useCatalog(datasource);
  // Grafana's older variable page takes the words as a second argument and shows them in its list.
  const change = (fields: Partial<VariableQuery>): void => {
    const next = { ...query, ...fields };
    const saved: (value: VariableQuery, definition?: string) => void = onChange;
    saved(next, variableText(next));
  };
  return (
    <>
      {problem !== null && (
        <Alert severity="warning" title="The catalogue cannot be read">
          {problem}
        </Alert>
      )}
      <EditorRow>
        <EditorField label="List" id={`${id}-list`}>
          <RadioButtonGroup id={`${id}-list`} aria-label="List" options={LISTS} value={query.list} onChange={(list) => change({ list })} />
        </EditorField>
        {query.list === 'values' && (
          <EditorField label="Dimension" id={`${id}-dimension`} problem={query.dimension ? undefined : 'Choose a dimension.'}>
            <Choice
              id={`${id}-dimension`}
              placeholder="Dimension"
              width={24}
              loading={loading}
              createCustomValue
              options={dimensionOptions(catalog)}
              value={query.dimension || null}
              onChange={({ value }) => change({ dimension: value })}
            />
          </EditorField>
        )}
        <EditorField label="Containing" id={`${id}-search`} optional tooltip="Only names that contain this text. Variables are filled in.">
          <Input
            id={`${id}-search`}
            width={24}
            value={query.search ?? ''}
            onChange={(event) => change({ search: event.currentTarget.value })}
          />
        </EditorField>
        {query.list === 'values' && (
          <EditorField label="Most" id={`${id}-limit`} tooltip="Most frequent first.">
            <Input
              id={`${id}-limit`}
              type="number"
              min={1}
              max={10_000}
              width={12}
              placeholder="500"
              value={query.limit ?? ''}
              onChange={(event) =>
                change({ limit: event.currentTarget.value === '' ? undefined : Math.max(1, Number(event.currentTarget.value)) })
              }
            />
          </EditorField>
        )}
      </EditorRow>
    </>
  );
}
