// The tables of the plain ClickHouse pipeline: raw events, and a materialized view per grouping that keeps the same measures per
// minute as states. Written as the vendor's guides do it.

const MEASURES = `
  countState() AS events,
  countIfState(type = 'page_view') AS page_views,
  countIfState(type = 'cart_add') AS carts,
  countIfState(type = 'checkout_start') AS checkouts,
  countIfState(type = 'payment_completed') AS payments,
  countIfState(type = 'purchase') AS purchases,
  countIfState(type = 'error') AS errors,
  sumIfState(toInt64(round(amount * 100)), type = 'purchase') AS revenue_cents,
  sumIfState(toInt64(quantity), type = 'purchase') AS items_sold,
  maxIfState(amount, type = 'purchase') AS largest_order,
  uniqCombined64State(15)(user_id) AS visitors,
  quantilesDDState(0.01, 0.5, 0.95, 0.99)(latency_ms) AS latency,
  topKIfState(10)(tupleElement(product, 'id'), type = 'purchase') AS top_products,
  topKIfState(10)(page, type = 'page_view') AS top_pages`;

const DIMENSIONS: Readonly<Record<string, string>> = {
  country: "tupleElement(geo, 'country') AS country",
  device: 'device',
  category: "tupleElement(product, 'category') AS category",
};

/** The groupings of definitions/webshop.yaml. */
const GROUPINGS: readonly (readonly string[])[] = [
  [],
  ['country'],
  ['device'],
  ['category'],
  ['country', 'device'],
  ['country', 'device', 'category'],
];

export function plainSchema(database: string): readonly string[] {
  const statements = [
    `CREATE DATABASE ${database}`,
    `CREATE TABLE ${database}.events (
      event_id String, ts DateTime64(3, 'UTC'), type LowCardinality(String), user_id String, session_id String,
      geo Tuple(country LowCardinality(String)), device LowCardinality(String), page LowCardinality(String),
      product Tuple(id LowCardinality(String), category LowCardinality(String)), quantity UInt32, amount Float64, latency_ms Float64,
      status UInt16, referrer LowCardinality(String)
    ) ENGINE = MergeTree PARTITION BY toYYYYMMDD(ts) ORDER BY (toStartOfMinute(ts), type, event_id)`,
  ];
  for (const grouping of GROUPINGS) {
    const name = grouping.length === 0 ? 'by_nothing' : `by_${grouping.join('_')}`;
    const columns = ['toStartOfMinute(ts) AS minute', ...grouping.map((dimension) => DIMENSIONS[dimension])];
    statements.push(
      `CREATE TABLE ${database}.${name} ENGINE = AggregatingMergeTree PARTITION BY toYYYYMMDD(minute) ORDER BY (${[...grouping, 'minute'].join(', ')})
       AS SELECT ${columns.join(', ')}, ${MEASURES} FROM ${database}.events GROUP BY ${[...grouping, 'minute'].join(', ')}`,
      `CREATE MATERIALIZED VIEW ${database}.${name}_view TO ${database}.${name}
       AS SELECT ${columns.join(', ')}, ${MEASURES} FROM ${database}.events GROUP BY ${[...grouping, 'minute'].join(', ')}`,
    );
  }
  return statements;
}
