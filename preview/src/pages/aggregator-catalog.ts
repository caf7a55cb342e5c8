// What the aggregator says can be asked, read through the data source's resources so that it works behind Grafana too, and lines to try
// in a shell with exactly these names.

export interface Catalog {
  readonly name: string;
  readonly measures: readonly { readonly name: string; readonly kind: string; readonly description: string; readonly unit: string }[];
  readonly dimensions: readonly { readonly name: string }[];
}

export interface ShellLine {
  readonly title: string;
  readonly line: string;
}

/** Four measures that say something together: how much, money or errors, people, how slow. */
export function firstMeasures({ measures }: Catalog): string[] {
  const chosen: string[] = [];
  for (const kind of ['count', 'sum', 'unique', 'quantiles', 'ratio', 'avg', 'max', 'count']) {
    const measure = measures.find((one) => one.kind === kind && !chosen.includes(one.name));
    if (measure !== undefined && chosen.length < 4) chosen.push(measure.name);
  }
  return chosen;
}

/**
 * @param base address of the aggregator
 * @param now ISO 8601, stands in the example event
 */
export function shellLines(catalog: Catalog, base: string, now: string): ShellLine[] {
  const [first = 'events', , , fourth = first] = firstMeasures(catalog);
  const by = catalog.dimensions[0]?.name;
  const question = {
    from: 'now-15m',
    to: 'now',
    queries: [
      { refId: 'A', kind: 'metric', measure: first, groupBy: by === undefined ? [] : [by] },
      { refId: 'B', kind: 'metric', measure: fourth },
    ],
  };
  const subscription = { kind: 'metric', measure: first, bucket: '1s' };
  const event = { event_id: 'mine-1', ts: now, type: 'page_view', user_id: 'me' };
  return [
    { title: 'The last five minutes, as CSV', line: `curl '${base}/api/v1/series/${first}?start=now-5m&granularity=10s&format=csv'` },
    ...(by === undefined
      ? []
      : [{ title: `By ${by}, per minute`, line: `curl '${base}/api/v1/series/${first}?start=now-1h&granularity=1m&dimensions=${by}'` }]),
    {
      title: 'Several queries in one call, as Grafana data frames',
      line: `curl ${base}/api/v1/query -H 'content-type: application/json' -d '${JSON.stringify(question)}'`,
    },
    {
      title: 'Live, as server-sent events',
      line: `curl -N '${base}/api/v1/live?transport=sse&spanMs=60000&query=${encodeURIComponent(JSON.stringify(subscription))}'`,
    },
    { title: 'Put an event in', line: `curl ${base}/api/v1/events -H 'content-type: application/json' -d '[${JSON.stringify(event)}]'` },
    { title: 'How it is', line: `curl ${base}/api/v1/status` },
    { title: 'The whole API', line: `curl ${base}/api/v1/openapi.json` },
  ];
}
