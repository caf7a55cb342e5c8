// A query in one line of words: for the query library, the query history and collapsed editor rows. Pure.

import { apiQueryOf, takesSeveral, type TidemarkFilter, type TidemarkQuery } from './model';

const SAID = { all: 'band', score: 'anomaly score', anomalous: 'anomalous buckets' } as const;

export function displayText(query: TidemarkQuery): string {
  const api = apiQueryOf(query);
  const stat = api.stat?.join(', ');
  const measure = api.measure === undefined ? '' : stat === undefined ? api.measure : `${stat} of ${api.measure}`;
  switch (query.kind) {
    case 'metric':
      if (measure === '') return 'no measure chosen';
      return words(
        measure,
        listed('by', api.groupBy),
        where(api.filters),
        api.format === 'total' ? 'over the whole range' : api.bucket === undefined || api.bucket === 'auto' ? '' : `per ${api.bucket}`,
        api.window === undefined || api.window === 'none' ? '' : `over windows of ${api.window.size}`,
        api.limit === undefined ? '' : `${api.order === 'asc' ? 'lowest' : 'top'} ${api.limit}`,
        api.compareWith === undefined ? '' : `compared with ${api.compareWith} earlier`,
        query.live ? 'live' : '',
      );
    case 'anomaly':
      if (measure === '') return 'no measure chosen';
      return words(
        `${api.format === 'table' ? 'anomalies' : SAID[api.fields ?? 'all']} of`,
        measure,
        listed('by', api.groupBy),
        where(api.filters),
        api.bucket === undefined || api.bucket === 'auto' ? '' : `per ${api.bucket}`,
        `judged by ${api.detector?.name ?? 'auto'}`,
        api.detector?.direction === undefined || api.detector.direction === 'both' ? '' : `${api.detector.direction} only`,
        api.format === 'total' ? 'newest bucket' : '',
        api.limit === undefined ? '' : `${api.order === 'asc' ? 'lowest' : 'top'} ${api.limit}`,
        query.live ? 'live' : '',
      );
    case 'top':
      if (measure === '') return 'no measure chosen';
      return words(
        `${api.order === 'asc' ? 'lowest' : 'top'} ${api.limit ?? 10}`,
        api.by === undefined ? measure : `${api.by} by ${measure}`,
        listed('per', api.groupBy),
        where(api.filters),
        query.live ? 'live' : '',
      );
    case 'events':
      return words(
        `newest ${api.limit ?? 100} events`,
        measure === '' ? '' : `of ${measure}`,
        where(api.filters),
        query.live ? 'live' : '',
      );
    case 'values':
      return api.dimension === undefined
        ? 'no dimension chosen'
        : words(`values of ${api.dimension}`, api.search === undefined ? '' : `containing “${api.search}”`);
    case 'contributors':
      if (measure === '') return 'no measure chosen';
      return words('what changed', measure, where(api.filters), listed('by', api.dimensions));
    case 'annotations':
      return words(
        `newest ${api.limit ?? 100} anomalies`,
        api.watch === undefined ? 'of all watches' : `of ${api.watch.join(', ')}`,
        api.minScore === undefined || api.minScore === 0 ? '' : `scored ${api.minScore} or more`,
        query.live ? 'live' : '',
      );
  }
}

function words(...parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join(' ');
}

function listed(word: string, names: readonly string[] | undefined): string {
  return names === undefined ? '' : `${word} ${names.join(', ')}`;
}

function where(filters: readonly TidemarkFilter[] | undefined): string {
  return filters === undefined ? '' : `where ${filters.map(condition).join(' and ')}`;
}

function condition({ dimension, op, value, values }: TidemarkFilter): string {
  const right = takesSeveral(op) ? `(${(values ?? []).join(', ')})` : value === '' ? '(none)' : (value ?? '');
  return `${dimension} ${op} ${right}`;
}
