// Ad-hoc filters of a dashboard, as Grafana keeps them, become filters of the query. Pure.

import type { AdHocVariableFilter } from '@grafana/data';
import type { QueryFields, TidemarkFilter } from './model';

/** Grafana's operators with ours; `<` and `>` mean nothing for the values of a dimension. */
const OPERATORS: Readonly<Record<string, TidemarkFilter['op']>> = {
  '=': '=',
  '!=': '!=',
  '=~': '=~',
  '!~': '!~',
  '=|': 'in',
  '!=|': 'not in',
};

/**
 * @returns the filters with the dashboard's behind them
 * @throws Error for an operator that the aggregator does not have
 */
export function withAdHoc(filters: QueryFields['filters'], adhoc: readonly AdHocVariableFilter[] | undefined): TidemarkFilter[] {
  return [...(filters ?? []), ...(adhoc ?? []).filter(({ key }) => key !== '').flatMap(fromAdHoc)];
}

function fromAdHoc({ key, operator, value, values }: AdHocVariableFilter): TidemarkFilter[] {
  const op = OPERATORS[operator];
  if (op === undefined) {
    throw new Error(`The filter ${key} ${operator} ${value} cannot be asked. Use one of ${Object.keys(OPERATORS).join(' ')}.`);
  }
  if (op === 'in' || op === 'not in') {
    const all = values !== undefined && values.length > 0 ? values : value === '' ? [] : [value];
    return all.length === 0 ? [] : [{ dimension: key, op, values: all }];
  }
  return [{ dimension: key, op, value }];
}
