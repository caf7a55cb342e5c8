// Which watches' anomalies become regions, and from which score on.

import { Input } from '@grafana/ui';
import { Choices } from '../editor/Choice';
import type { Catalog } from '../catalog';
import { EditorField } from '../editor/EditorRow';
import type { Problems } from '../query/check-query';
import type { TidemarkQuery } from '../query/model';

interface Props {
  readonly id: string;
  readonly query: TidemarkQuery;
  readonly catalog: Catalog | null;
  readonly problems: Problems;
  readonly change: (fields: Partial<TidemarkQuery>) => void;
}

export function WatchFields({ id, query, catalog, problems, change }: Props) {
  const options = (catalog?.watches ?? []).map(({ name, description, measure, bucket }) => ({
    value: name,
    label: name,
    description: [description, `${measure} per ${bucket}`].filter((part) => part !== '').join(' · '),
  }));
  return (
    <>
      <EditorField
        label="Watches"
        id={`${id}-watch`}
        tooltip="Each anomaly that they found becomes a region, from begin to end."
        problem={problems.get('watch')}
        hint={catalog !== null && options.length === 0 ? 'The definition has no watches.' : ''}
      >
        <Choices
          id={`${id}-watch`}
          placeholder="all"
          width="auto"
          minWidth={24}
          maxWidth={60}
          createCustomValue
          options={options}
          value={(query.watch ?? []).map((name) => ({ value: name, label: name }))}
          onChange={(chosen) => change({ watch: chosen.length === 0 ? undefined : chosen.map(({ value }) => value) })}
        />
      </EditorField>
      <EditorField
        label="Least score"
        id={`${id}-min-score`}
        optional
        tooltip="0 to 1, by the worst bucket; from 0.5 on it is anomalous."
        problem={problems.get('minScore')}
      >
        <Input
          id={`${id}-min-score`}
          type="number"
          min={0}
          max={1}
          step={0.05}
          width={12}
          placeholder="0"
          value={query.minScore ?? ''}
          onChange={(event) => change({ minScore: event.currentTarget.value === '' ? undefined : Number(event.currentTarget.value) })}
        />
      </EditorField>
    </>
  );
}
