// The variables of a stored dashboard as scene variables.

import {
  AdHocFiltersVariable,
  ConstantVariable,
  CustomVariable,
  DataSourceVariable,
  IntervalVariable,
  QueryVariable,
  SceneVariableSet,
  TextBoxVariable,
  type SceneVariable,
} from '@grafana/scenes';
import type { DashboardJson, VariableJson } from './dashboard-json.js';

export function variablesOf({ templating }: DashboardJson): SceneVariableSet {
  return new SceneVariableSet({ variables: (templating?.list ?? []).flatMap((one) => variableOf(one) ?? []) });
}

function variableOf(json: VariableJson): SceneVariable | null {
  const { name, label, description, hide } = json;
  const common = { name, label, description: description ?? null, ...(hide === undefined ? {} : { hide }) };
  const text = typeof json.query === 'string' ? json.query : '';
  const many = {
    isMulti: json.multi ?? false,
    includeAll: json.includeAll ?? false,
    ...(json.allValue === undefined ? {} : { allValue: json.allValue }),
  };
  const chosen = chosenOf(json);
  switch (json.type) {
    case 'datasource':
      return new DataSourceVariable({ ...common, ...chosen, pluginId: text, regex: json.regex ?? '' });
    case 'query':
      return new QueryVariable({
        ...common,
        ...many,
        ...chosen,
        datasource: json.datasource ?? null,
        query: json.query ?? '',
        regex: json.regex ?? '',
        ...(json.refresh === undefined ? {} : { refresh: json.refresh }),
        ...(json.sort === undefined ? {} : { sort: json.sort }),
      });
    case 'custom':
      return new CustomVariable({ ...common, ...many, ...chosen, query: text });
    case 'interval':
      return new IntervalVariable({ ...common, intervals: text.split(',').filter((one) => one !== '') });
    case 'textbox':
      return new TextBoxVariable({ ...common, value: text });
    case 'constant':
      return new ConstantVariable({ ...common, value: text });
    case 'adhoc':
      return new AdHocFiltersVariable({
        ...common,
        datasource: json.datasource ?? null,
        filters: (json.filters ?? []).map((filter) => ({ ...filter })),
        applyMode: 'auto',
        layout: 'combobox',
        supportsMultiValueOperators: true,
        allowCustomValue: true,
      });
    default:
      return null;
  }
}

function chosenOf({ current }: VariableJson): { readonly value?: string | string[]; readonly text?: string | string[] } {
  const plain = (one: string | readonly string[]): string | string[] => (typeof one === 'string' ? one : [...one]);
  if (current?.value === undefined) return {};
  return { value: plain(current.value), text: plain(current.text ?? current.value) };
}
