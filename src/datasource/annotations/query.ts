// The query of an annotation: raw events, or what the watches found. Older ones, which name no kind, are of events. Pure.

import { migrateQuery } from '../query/migrate';
import { withKind, type TidemarkQuery } from '../query/model';

/** @param stored any version */
export function annotationQuery(stored: TidemarkQuery): TidemarkQuery {
  const query = migrateQuery(stored);
  return withKind(query, query.kind === 'annotations' ? 'annotations' : 'events');
}
