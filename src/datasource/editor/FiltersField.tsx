// The filters of a query: each a dimension, an operator and values suggested from the data.

import { useCallback, useEffect, useRef } from 'react';
import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { Button, IconButton, Input, useStyles2, type ComboboxOption } from '@grafana/ui';
import { Choice, Choices } from './Choice';
import { takesSeveral, type FilterOp, type TidemarkFilter } from '../query/model';
import type { Problems } from '../query/check-query';
import { OP_OPTIONS, withVariables } from './choices';

/** In lists an empty text would mean that nothing is chosen. */
const NONE = '\uE000';

interface FiltersFieldProps {
  readonly id: string;
  readonly filters: readonly TidemarkFilter[];
  readonly dimensions: ComboboxOption[];
  readonly variables: readonly string[];
  readonly problems: Problems;
  /** Values of a dimension that contain a text. */
  readonly suggest: (dimension: string, search: string) => Promise<string[]>;
  /** @param run false while something is still missing */
  readonly onChange: (filters: TidemarkFilter[], run: boolean) => void;
  readonly onRun: () => void;
}

export function FiltersField(props: FiltersFieldProps) {
  const { id, filters, dimensions, problems, onChange } = props;
  const styles = useStyles2(getStyles);
  const replace = (index: number, filter: TidemarkFilter, run: boolean): void => {
    onChange(
      filters.map((other, at) => (at === index ? filter : other)),
      run,
    );
  };
  return (
    <div className={styles.filters} id={id} role="group" aria-label="Filters">
      {filters.map((filter, index) => {
        const problem = problems.get(`filters.${index}`);
        return (
          <div key={index} className={styles.one}>
            <div className={styles.parts}>
              <Choice
                id={`${id}-${index}-dimension`}
                aria-label={`Filter ${index + 1}: dimension`}
                placeholder="Dimension"
                width={18}
                options={withVariables(dimensions, props.variables)}
                createCustomValue
                value={filter.dimension === '' ? null : filter.dimension}
                onChange={({ value }) => replace(index, { dimension: value, op: filter.op }, false)}
              />
              <Choice
                id={`${id}-${index}-op`}
                aria-label={`Filter ${index + 1}: operator`}
                width={10}
                options={OP_OPTIONS}
                value={filter.op}
                onChange={({ value }) => replace(index, withOp(filter, value), true)}
              />
              <FilterValue {...props} index={index} filter={filter} invalid={problem !== undefined} replace={replace} />
              <IconButton
                name="times"
                tooltip={`Remove filter ${index + 1}`}
                onClick={() =>
                  onChange(
                    filters.filter((_, at) => at !== index),
                    true,
                  )
                }
              />
            </div>
            {problem !== undefined && (
              <div className={styles.problem} role="alert">
                {problem}
              </div>
            )}
          </div>
        );
      })}
      <Button
        aria-label="Add filter"
        variant="secondary"
        size="sm"
        icon="plus"
        className={styles.add}
        onClick={() => onChange([...filters, { dimension: '', op: '=' }], false)}
      >
        Filter
      </Button>
    </div>
  );
}

interface FilterValueProps extends FiltersFieldProps {
  readonly index: number;
  readonly filter: TidemarkFilter;
  readonly invalid: boolean;
  readonly replace: (index: number, filter: TidemarkFilter, run: boolean) => void;
}

function FilterValue({ id, index, filter, invalid, variables, suggest, replace, onRun }: FilterValueProps) {
  const { dimension, op } = filter;
  const label = `Filter ${index + 1}: value`;
  const inputId = `${id}-${index}-value`;
  const latest = useRef({ suggest, variables });
  useEffect(() => {
    latest.current = { suggest, variables };
  });
  // As long as the dimension stays: another function would be asked anew each time.
  const options = useCallback(
    async (search: string): Promise<ComboboxOption[]> => {
      const now = latest.current;
      const found = dimension === '' ? [] : await now.suggest(dimension, search === NONE ? '' : search).catch(() => []);
      return withVariables(found.map(optionOf), search === '' || search.startsWith('$') ? now.variables : []);
    },
    [dimension],
  );
  if (op === '=~' || op === '!~') {
    return (
      <Input
        id={inputId}
        aria-label={label}
        width={28}
        placeholder="RE2 pattern, such as ^(DE|AT)$"
        invalid={invalid}
        value={filter.value ?? ''}
        onChange={(event) => replace(index, { dimension, op, value: event.currentTarget.value }, false)}
        onBlur={onRun}
      />
    );
  }
  if (takesSeveral(op)) {
    return (
      <Choices
        id={inputId}
        aria-label={label}
        placeholder="Values"
        width={36}
        invalid={invalid}
        createCustomValue
        options={options}
        value={(filter.values ?? []).map(optionOf)}
        onChange={(chosen) => replace(index, { dimension, op, values: chosen.map(({ value }) => valueOf(value)) }, true)}
      />
    );
  }
  return (
    <Choice
      id={inputId}
      aria-label={label}
      placeholder="Value"
      width="auto"
      minWidth={20}
      maxWidth={48}
      invalid={invalid}
      createCustomValue
      options={options}
      value={filter.value === undefined ? null : optionOf(filter.value)}
      onChange={({ value }) => replace(index, { dimension, op, value: valueOf(value) }, true)}
    />
  );
}

function optionOf(value: string): ComboboxOption {
  return value === '' ? { value: NONE, label: '(none)', description: 'events without this dimension' } : { value, label: value };
}

function valueOf(chosen: string): string {
  return chosen === NONE ? '' : chosen;
}

/** One value becomes a list of one and back. */
function withOp({ dimension, value, values }: TidemarkFilter, op: FilterOp): TidemarkFilter {
  if (takesSeveral(op)) return { dimension, op, values: values ?? (value === undefined ? [] : [value]) };
  const one = value ?? values?.[0];
  return { dimension, op, ...(one === undefined ? {} : { value: one }) };
}

function getStyles(theme: GrafanaTheme2) {
  return {
    filters: css({ display: 'flex', flexWrap: 'wrap', alignItems: 'flex-start', gap: theme.spacing(1) }),
    one: css({ display: 'flex', flexDirection: 'column' }),
    parts: css({ display: 'flex', flexWrap: 'wrap', alignItems: 'center', gap: theme.spacing(0.25) }),
    add: css({ marginTop: theme.spacing(0.5) }),
    problem: css({ color: theme.colors.error.text, fontSize: theme.typography.bodySmall.fontSize }),
  };
}
