// Of raw events: all of them, or those that one measure is made of. In the query editor and in that of annotations.

import { Choice } from './Choice';
import { allMeasureOptions, withVariables } from './choices';
import { EditorField } from './EditorRow';
import type { FieldsProps } from './MetricFields';

export function EventsOfField({
  id,
  query,
  catalog,
  variables,
  problems,
  change,
}: Pick<FieldsProps, 'id' | 'query' | 'catalog' | 'variables' | 'problems' | 'change'>) {
  return (
    <EditorField
      label="Events of"
      id={`${id}-measure`}
      optional
      tooltip="Only the events that this measure is made of."
      problem={problems.get('measure')}
    >
      <Choice
        id={`${id}-measure`}
        placeholder="everything"
        width={24}
        isClearable
        createCustomValue
        invalid={problems.has('measure')}
        options={withVariables(allMeasureOptions(catalog), variables)}
        value={query.measure || null}
        onChange={(chosen) => change({ measure: chosen?.value })}
      />
    </EditorField>
  );
}
