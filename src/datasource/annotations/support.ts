// Annotation queries: stored ones are brought up to date, raw events become annotations, and what watches found become regions.

import type { AnnotationQuery, AnnotationSupport } from '@grafana/data';
import { of } from 'rxjs';
import { SCHEMA_VERSION, type TidemarkQuery } from '../query/model';
import { AnnotationEditor } from './AnnotationEditor';
import { annotationsOf } from './events';
import { annotationQuery } from './query';
import { regionsOf } from './watches';

const DEFAULT_LIMIT = 100;

export const annotationSupport: AnnotationSupport<TidemarkQuery> = {
  QueryEditor: AnnotationEditor,
  getDefaultQuery: () => ({ schemaVersion: SCHEMA_VERSION, kind: 'events', limit: DEFAULT_LIMIT }),
  prepareAnnotation: (stored: AnnotationQuery<TidemarkQuery>) => ({
    ...stored,
    ...(stored.target === undefined ? {} : { target: annotationQuery(stored.target) }),
  }),
  prepareQuery: ({ target }) => (target === undefined ? undefined : annotationQuery(target)),
  processEvents: ({ target }, frames) =>
    of(target?.kind === 'annotations' ? regionsOf(frames) : annotationsOf(frames, target?.annotation ?? {})),
};
