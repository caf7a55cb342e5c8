// Dashboard variables: Grafana asks here for the editor and for the values.

import { CustomVariableSupport, type DataQueryRequest, type DataQueryResponse } from '@grafana/data';
import { getTemplateSrv, type TemplateSrv } from '@grafana/runtime';
import { from, type Observable } from 'rxjs';
import type { TidemarkDataSource } from '../datasource';
import { namesOf, readVariableQuery, valueOption, type VariableQuery } from './query';
import { VariableEditor } from './VariableEditor';

export class TidemarkVariables extends CustomVariableSupport<TidemarkDataSource, VariableQuery> {
  readonly editor = VariableEditor;
  readonly #source: Pick<TidemarkDataSource, 'catalog' | 'values'>;
  readonly #templates: TemplateSrv;

  constructor(source: Pick<TidemarkDataSource, 'catalog' | 'values'>, templates: TemplateSrv = getTemplateSrv()) {
    super();
    this.#source = source;
    this.#templates = templates;
  }

  override query(request: DataQueryRequest<VariableQuery>): Observable<DataQueryResponse> {
    return from(this.#list(request).then((data) => ({ data })));
  }

  async #list({ targets, scopedVars, range }: DataQueryRequest<VariableQuery>): Promise<DataQueryResponse['data']> {
    const { list, dimension = '', search = '', limit } = readVariableQuery(targets[0]);
    const fill = (text: string): string => this.#templates.replace(text, scopedVars);
    if (list !== 'values') return namesOf(await this.#source.catalog(), list, fill(search));
    const name = fill(dimension);
    if (name === '') return [];
    const asked = range === undefined ? undefined : { fromMs: range.from.valueOf(), toMs: range.to.valueOf() };
    const values = await this.#source.values({
      dimension: name,
      search: fill(search),
      range: asked,
      ...(limit === undefined ? {} : { limit }),
    });
    return values.map(valueOption);
  }
}
