// Annotation queries: stored ones are brought up to date, raw events become annotations.

import type { AnnotationQuery, AnnotationSupport } from '@grafana/data';
import { of } from 'rxjs';
import { migrateQuery } from '../query/migrate';
import { SCHEMA_VERSION, type TidemarkQuery } from '../query/model';
import { AnnotationEditor } from './AnnotationEditor';
import { annotationsOf } from './events';

const DEFAULT_LIMIT = 100;

export const annotationSupport: AnnotationSupport<TidemarkQuery> = {
  QueryEditor: AnnotationEditor,
  getDefaultQuery: () => ({ schemaVersion: SCHEMA_VERSION, kind: 'events', limit: DEFAULT_LIMIT }),
  prepareAnnotation: (stored: AnnotationQuery<TidemarkQuery>) => ({
    ...stored,
    ...(stored.target === undefined ? {} : { target: { ...migrateQuery(stored.target), kind: 'events' } }),
  }),
  prepareQuery: ({ target }) => (target === undefined ? undefined : { ...migrateQuery(target), kind: 'events' }),
  processEvents: ({ target }, frames) => of(annotationsOf(frames, target?.annotation ?? {})),
};
