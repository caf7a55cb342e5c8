// The catalogue for an editor, loaded when it opens.

import { useEffect, useState } from 'react';
import type { Catalog } from '../catalog';
import { recordOf } from '../live-frame';

export interface CatalogState {
  readonly catalog: Catalog | null;
  readonly loading: boolean;
  /** Why there is none. */
  readonly problem: string | null;
}

const LOADING: CatalogState = { catalog: null, loading: true, problem: null };

/** @param source one object as long as the data source is the same */
export function useCatalog(source: { catalog(): Promise<Catalog> }): CatalogState {
  const [state, setState] = useState<{ readonly source: object; readonly state: CatalogState }>({ source, state: LOADING });
  useEffect(() => {
    let gone = false;
    const show = (next: CatalogState): void => {
      if (!gone) setState({ source, state: next });
    };
    source.catalog().then(
      (catalog) => show({ catalog, loading: false, problem: null }),
      (error: unknown) => show({ catalog: null, loading: false, problem: wordsOf(error) }),
    );
    return () => {
      gone = true;
    };
  }, [source]);
  return state.source === source ? state.state : LOADING;
}

/** The backend's words stand in `data.error` of what Grafana throws, or in `data.message`. */
export function wordsOf(error: unknown): string {
  const data = recordOf(recordOf(error)['data']);
  const { message, remedy } = recordOf(data['error']);
  const said = [message, remedy].filter((part) => typeof part === 'string' && part !== '').join(' ');
  if (said !== '') return said;
  if (typeof data['message'] === 'string' && data['message'] !== '') return data['message'];
  return error instanceof Error ? error.message : 'The aggregator did not answer.';
}
