// The editor of an annotation query: what the watches found, or which events and how each is worded.

import { useId } from 'react';
import type { QueryEditorProps, SelectableValue } from '@grafana/data';
import { Input, RadioButtonGroup } from '@grafana/ui';
import type { TidemarkDataSource } from '../datasource';
import { dimensionOptions } from '../editor/choices';
import { EditorField, EditorRow } from '../editor/EditorRow';
import { EventsOfField } from '../editor/EventsOfField';
import { FiltersField } from '../editor/FiltersField';
import { LimitField } from '../editor/OptionFields';
import { useCatalog } from '../editor/use-catalog';
import { checkQuery } from '../query/check-query';
import { withKind, type TidemarkQuery } from '../query/model';
import type { TidemarkOptions } from '../settings';
import { annotationQuery } from './query';
import { WatchFields } from './WatchFields';

type Props = QueryEditorProps<TidemarkDataSource, TidemarkQuery, TidemarkOptions>;

const SOURCES: Array<SelectableValue<'events' | 'annotations'>> = [
  { value: 'annotations', label: 'Watches', description: 'What the watches of the definition found, as regions' },
  { value: 'events', label: 'Events', description: 'Raw events, such as deployments' },
];

export function AnnotationEditor({ datasource, query: stored, onChange, range }: Props) {
  const id = useId();
  const query = annotationQuery(stored);
  const { catalog } = useCatalog(datasource);
  const problems = checkQuery(query, catalog);
  const change = (fields: Partial<TidemarkQuery>): void => onChange({ ...query, ...fields });
  const { text = '', tags = [] } = query.annotation ?? {};
  const asked = range === undefined ? undefined : { fromMs: range.from.valueOf(), toMs: range.to.valueOf() };
  const source = (
    <EditorField label="Annotate with" id={`${id}-source`}>
      <RadioButtonGroup<'events' | 'annotations'>
        id={`${id}-source`}
        aria-label="Annotate with"
        options={SOURCES}
        value={query.kind === 'annotations' ? 'annotations' : 'events'}
        onChange={(kind) => onChange(withKind(query, kind))}
      />
    </EditorField>
  );
  const most = <LimitField id={id} query={query} problems={problems} type={change} run={() => undefined} label="Most" placeholder="100" />;
  if (query.kind === 'annotations') {
    return (
      <EditorRow>
        {source}
        <WatchFields {...{ id, query, catalog, problems, change }} />
        {most}
      </EditorRow>
    );
  }
  return (
    <>
      <EditorRow>
        {source}
        <EventsOfField {...{ id, query, catalog, problems, change }} variables={[]} />
        <EditorField label="Events where" id={`${id}-filters`} tooltip="Each event becomes an annotation.">
          <FiltersField
            id={`${id}-filters`}
            filters={query.filters ?? []}
            dimensions={dimensionOptions(catalog)}
            variables={[]}
            problems={problems}
            suggest={(dimension, search) => datasource.values({ dimension, search, range: asked })}
            onChange={(filters) => change({ filters })}
            onRun={() => undefined}
          />
        </EditorField>
        {most}
      </EditorRow>
      <EditorRow>
        <EditorField
          label="Text"
          id={`${id}-text`}
          optional
          tooltip="{{column}} is filled in by the event. Left empty: its columns with their values."
        >
          <Input
            id={`${id}-text`}
            width={40}
            placeholder="{{type}} on {{device}}"
            value={text}
            onChange={(event) => change({ annotation: { text: event.currentTarget.value, tags } })}
          />
        </EditorField>
        <EditorField label="Tags" id={`${id}-tags`} optional tooltip="Columns whose values become tags, with commas between.">
          <Input
            id={`${id}-tags`}
            width={28}
            placeholder="type, device"
            defaultValue={tags.join(', ')}
            onBlur={(event) => change({ annotation: { text, tags: listOf(event.currentTarget.value) } })}
          />
        </EditorField>
      </EditorRow>
    </>
  );
}

function listOf(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}
