// The query editor of panels, Explore and alert rules. What is chosen is asked at once; what is typed when the field is left, or by
// Ctrl+Enter. Stored queries of older versions are brought up to date when the editor opens.

import { useEffect, useId, useMemo, useRef, type KeyboardEvent } from 'react';
import { css } from '@emotion/css';
import { CoreApp, type QueryEditorProps, type SelectableValue } from '@grafana/data';
import { getTemplateSrv } from '@grafana/runtime';
import { Alert, InlineSwitch, Input, RadioButtonGroup, Stack, useStyles2 } from '@grafana/ui';
import { Choice } from './Choice';
import type { TidemarkDataSource } from '../datasource';
import { checkQuery } from '../query/check-query';
import { jsonTextOf, parseJsonQuery } from '../query/json-mode';
import { isCurrent, migrateQuery } from '../query/migrate';
import { apiQueryOf, FIELDS_BY_KIND, isComplete, KINDS, withKind, type ApiQuery, type TidemarkQuery } from '../query/model';
import type { TidemarkOptions } from '../settings';
import { AnomalyFields } from './AnomalyFields';
import { AnomalyPreview } from './AnomalyPreview';
import { AnswerLine } from './AnswerLine';
import { dimensionOptions, KIND_OPTIONS, withVariables } from './choices';
import { EditorField, EditorRow } from './EditorRow';
import { EventsOfField } from './EventsOfField';
import { FiltersField } from './FiltersField';
import { JsonField } from './JsonField';
import { MetricFields, type FieldsProps } from './MetricFields';
import { LimitField, OptionFields, OrderField } from './OptionFields';
import { useCatalog } from './use-catalog';

export type Props = QueryEditorProps<TidemarkDataSource, TidemarkQuery, TidemarkOptions>;

const MODES: Array<SelectableValue<'builder' | 'json'>> = [
  { value: 'builder', label: 'Builder' },
  { value: 'json', label: 'JSON' },
];

export function QueryEditor(props: Props) {
  const { app, datasource, query: stored, onChange, onRunQuery, range, data } = props;
  const styles = useStyles2(getStyles);
  const id = useId();
  const query = useMemo(() => migrateQuery(stored), [stored]);
  const { catalog, loading, problem: catalogProblem } = useCatalog(datasource);
  const variables = getTemplateSrv()
    .getVariables()
    .map(({ name }) => name);
  useMigration(stored, query, onChange);

  // What has been typed since the last run; leaving a field that was not changed asks nothing.
  const typed = useRef(false);
  const run = (): void => {
    if (!typed.current) return;
    typed.current = false;
    onRunQuery();
  };
  const type = (fields: Partial<TidemarkQuery>): void => {
    typed.current = true;
    onChange(withoutUndefined({ ...query, ...fields }));
  };
  const replaceBy = (next: TidemarkQuery): void => {
    typed.current = false;
    onChange(withoutUndefined(next));
    onRunQuery();
  };
  const change = (fields: Partial<TidemarkQuery>): void => replaceBy({ ...query, ...fields });
  const onKeyDown = (event: KeyboardEvent): void => {
    const field = event.target instanceof HTMLElement ? event.target.tagName : '';
    const plainInput = field === 'INPUT' && event.target instanceof HTMLInputElement && event.target.getAttribute('role') !== 'combobox';
    if (event.key !== 'Enter') return;
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      typed.current = false;
      onRunQuery();
    } else if (plainInput) run();
  };

  const json = query.editorMode === 'json';
  // Rules and expressions ask by themselves; nobody looks.
  const canBeLive = app !== CoreApp.UnifiedAlerting && app !== CoreApp.CloudAlerting && query.kind !== 'contributors';
  const problems = checkQuery(query, catalog);
  const fields: FieldsProps = { id, query, catalog, loading, variables, problems, change, type, run };
  return (
    <div className={styles.editor} onKeyDown={onKeyDown}>
      <Stack direction="row" gap={1} alignItems="center" justifyContent="space-between" wrap="wrap">
        {json ? (
          <span />
        ) : (
          <RadioButtonGroup
            size="sm"
            aria-label="Kind of query"
            options={KIND_OPTIONS}
            value={query.kind}
            onChange={(kind) => replaceBy(withKind(query, kind))}
          />
        )}
        <Stack direction="row" gap={1} alignItems="center">
          {canBeLive && (
            <InlineSwitch
              id={`${id}-live`}
              label="Live"
              showLabel
              transparent
              title="History, and then each change as it happens"
              value={query.live === true}
              onChange={(event) => change({ live: event.currentTarget.checked || undefined })}
            />
          )}
          <RadioButtonGroup<'builder' | 'json'>
            size="sm"
            aria-label="Editor mode"
            options={MODES}
            value={json ? 'json' : 'builder'}
            onChange={(mode) => change(toMode(query, mode))}
          />
        </Stack>
      </Stack>
      {catalogProblem !== null && (
        <Alert
          severity="warning"
          title="The catalogue cannot be read, so names are neither suggested nor checked"
          topSpacing={0}
          bottomSpacing={0}
        >
          {catalogProblem}
        </Alert>
      )}
      {json ? (
        <EditorRow>
          <JsonField
            id={id}
            text={query.json ?? jsonTextOf(apiQueryOf(query))}
            catalog={catalog}
            onChange={(text, read) => type(read === null ? { json: text } : { ...cleared(), ...read, json: text })}
            onRun={run}
          />
        </EditorRow>
      ) : (
        <Builder {...fields} suggest={(dimension, search) => datasource.values({ dimension, search, range: rangeMs(range) })} />
      )}
      {query.kind === 'anomaly' && (
        <AnomalyPreview datasource={datasource} query={query} data={data} disabled={!query.measure || problems.size > 0} />
      )}
      <AnswerLine data={data} refId={query.refId} />
    </div>
  );
}

function Builder(props: FieldsProps & { readonly suggest: (dimension: string, search: string) => Promise<string[]> }) {
  const { id, query, catalog, variables, problems, change, type, run, suggest } = props;
  const { kind } = query;
  const has: readonly string[] = FIELDS_BY_KIND[kind];
  return (
    <>
      {(kind === 'metric' || kind === 'anomaly' || kind === 'top' || kind === 'contributors') && (
        <EditorRow>
          <MetricFields {...props} />
          {kind === 'top' && <LimitField {...props} label="Rows" placeholder="10" />}
          {kind === 'top' && <OrderField {...props} />}
          {kind === 'contributors' && <LimitField {...props} label="Values of each" placeholder="3" />}
        </EditorRow>
      )}
      {kind === 'values' && (
        <EditorRow>
          <EditorField label="Dimension" id={`${id}-dimension`} problem={problems.get('dimension')}>
            <Choice
              id={`${id}-dimension`}
              placeholder="Dimension"
              width={24}
              createCustomValue
              options={withVariables(dimensionOptions(catalog), variables)}
              value={query.dimension || null}
              onChange={({ value }) => change({ dimension: value })}
            />
          </EditorField>
          <EditorField label="Containing" id={`${id}-search`} optional>
            <Input
              id={`${id}-search`}
              width={24}
              value={query.search ?? ''}
              onChange={(event) => type({ search: event.currentTarget.value || undefined })}
              onBlur={run}
            />
          </EditorField>
          <LimitField {...props} label="Rows" placeholder="100" />
        </EditorRow>
      )}
      {has.includes('filters') && (
        <EditorRow>
          {kind === 'events' && <EventsOfField {...props} />}
          <EditorField label="Filters" id={`${id}-filters`} tooltip="All of them must hold.">
            <FiltersField
              id={`${id}-filters`}
              filters={query.filters ?? []}
              dimensions={dimensionOptions(catalog)}
              variables={variables}
              problems={problems}
              suggest={suggest}
              onChange={(filters, ask) =>
                ask && filters.every(isComplete) ? change({ filters: orNone(filters) }) : type({ filters: orNone(filters) })
              }
              onRun={run}
            />
          </EditorField>
          {kind === 'events' && <LimitField {...props} label="Rows" placeholder="100" />}
        </EditorRow>
      )}
      {kind === 'anomaly' && (
        <EditorRow>
          <AnomalyFields {...props} />
        </EditorRow>
      )}
      {(kind === 'metric' || kind === 'anomaly') && (
        <EditorRow>
          <OptionFields {...props} />
        </EditorRow>
      )}
    </>
  );
}

/** Saves an older query in today's form, once. */
function useMigration(stored: TidemarkQuery, query: TidemarkQuery, onChange: Props['onChange']): void {
  const old = !isCurrent(stored);
  const save = useRef(onChange);
  useEffect(() => {
    save.current = onChange;
  });
  useEffect(() => {
    if (old) save.current(query);
  }, [old, query]);
}

function toMode(query: TidemarkQuery, mode: 'builder' | 'json'): Partial<TidemarkQuery> {
  if (mode === 'json') return { editorMode: 'json', json: jsonTextOf(apiQueryOf(query)) };
  const parsed = query.json === undefined ? null : parseJsonQuery(query.json);
  // A text that cannot be used leaves the fields of its last usable state.
  return { ...(parsed?.ok === true ? { ...cleared(), ...parsed.query } : {}), editorMode: 'builder', json: undefined };
}

/** All of the aggregator's fields absent. */
function cleared(): Partial<ApiQuery> {
  return Object.fromEntries(KINDS.flatMap((kind) => FIELDS_BY_KIND[kind]).map((name) => [name, undefined]));
}

function withoutUndefined(query: TidemarkQuery): TidemarkQuery {
  const { refId, schemaVersion, kind } = query;
  return { ...Object.fromEntries(Object.entries(query).filter(([, value]) => value !== undefined)), refId, schemaVersion, kind };
}

function orNone(filters: TidemarkQuery['filters'] & object): TidemarkQuery['filters'] {
  return filters.length === 0 ? undefined : filters;
}

function rangeMs(range: Props['range']) {
  return range === undefined ? undefined : { fromMs: range.from.valueOf(), toMs: range.to.valueOf() };
}

function getStyles() {
  return { editor: css({ display: 'flex', flexDirection: 'column', gap: 4, minWidth: 0 }) };
}
