// Definitions with mistakes that people make, and what must be said about each. The line expected is the one marked `#!`.

export interface BadDefinition {
  readonly mistake: string;
  readonly text: string;
  readonly path: string;
  /** Exact nearest name; null: none may be given. */
  readonly nearest: string | null;
  readonly found: RegExp;
  readonly expected: RegExp;
}

const SECTIONS = {
  name: 'name: shop',
  source: 'source: {http: {}}',
  event: 'event: {id: id, time: ts, type: type, user: user_id}',
  dimensions: 'dimensions:\n  country: {path: geo.country}\n  device:',
  measures: 'measures:\n  orders: {kind: count, where: {type: purchase}}\n  revenue: {kind: sum, field: amount, decimals: 2}',
  more: '',
};

/** A small good definition with some sections written anew. */
export function shop(sections: Partial<typeof SECTIONS> = {}): string {
  return Object.values({ ...SECTIONS, ...sections }).join('\n') + '\n';
}

function measure(text: string): string {
  return shop({ measures: `${SECTIONS.measures}\n${text}` });
}

function more(text: string): string {
  return shop({ more: text });
}

function kafka(text: string): string {
  return shop({ source: `source:\n  kafka:\n${text}`, more: 'auth: none' });
}

type Row = readonly [mistake: string, text: string, path: string, nearest: string | null, found: RegExp, expected: RegExp];

// One mistake per line, so that the table reads as one.
// prettier-ignore
const ROWS: readonly Row[] = [
  ['a misspelt section', more('retenton: {hot1s: 5m} #!'), 'retenton', 'retention', /unknown key retenton/, /one of .*retention/],
  ['a misspelt measure kind', measure('  a: {kind: cuont} #!'), 'measures.a.kind', 'count', /"cuont"/, /one of count, sum/],
  ['a kind by its name elsewhere', measure('  a: {kind: percentile, field: x} #!'), 'measures.a.kind', 'quantiles', /"percentile"/, /quantiles/],
  ['a kind left out', measure('  a: #!\n    field: x'), 'measures.a.kind', null, /nothing/, /one of count/],
  ['a misspelt key of a measure', measure('  a: {kind: sum, feild: x} #!'), 'measures.a.feild', 'field', /unknown key feild/, /one of kind, field/],
  ['a key of another kind', measure('  a:\n    kind: sum\n    field: x\n    limit: 5 #!'), 'measures.a.limit', null, /unknown key limit/, /limit belongs to measures of kind top/],
  ['a measure without its field', measure('  a: {kind: sum} #!'), 'measures.a.field', null, /nothing/, /a path such as/],
  ['a list for a description', measure('  a: {kind: count, description: [x]} #!'), 'measures.a.description', null, /a list of 1/, /a text/],
  ['too many decimals', measure('  a: {kind: sum, field: x, decimals: 12} #!'), 'measures.a.decimals', null, /12/, /whole number from 0 to 9/],
  ['a fraction of a decimal', measure('  a: {kind: sum, field: x, decimals: 1.5} #!'), 'measures.a.decimals', null, /1\.5/, /whole number/],
  ['a quantile in percent', measure('  a: {kind: quantiles, field: x, quantiles: [0.5, 95]} #!'), 'measures.a.quantiles[1]', '0.95', /95/, /between 0 and 1/],
  ['a quantile of 0', measure('  a: {kind: quantiles, field: x, quantiles: [0]} #!'), 'measures.a.quantiles[0]', null, /0/, /min and max/],
  ['a quantile twice', measure('  a: {kind: quantiles, field: x, quantiles: [0.5, 0.5]} #!'), 'measures.a.quantiles[1]', null, /second time/, /once/],
  ['a ratio of nothing known', measure('  a: {kind: ratio, of: order, to: revenue} #!'), 'measures.a.of', 'orders', /"order"/, /orders, revenue/],
  ['a ratio of a ratio', measure('  b: {kind: ratio, of: orders, to: revenue}\n  a: {kind: ratio, of: b, to: orders} #!'), 'measures.a.of', null, /kind ratio/, /count, sum or unique/],
  ['a ratio of a mean', measure('  b: {kind: avg, field: x}\n  a: {kind: ratio, of: orders, to: b} #!'), 'measures.a.to', null, /kind avg/, /count, sum or unique/],
  ['a ratio to a sliding measure', measure('  b: {kind: unique, field: user, window: {size: 5m, slide: 30s}}\n  a: {kind: ratio, of: orders, to: b} #!'), 'measures.a.to', null, /slides over 5m/, /same window/],
  ['a window that the slide does not divide', measure('  a: {kind: count, window: {size: 5m, slide: 45s}} #!'), 'measures.a.window.size', '5m15s', /5m with a slide of 45s/, /multiple/],
  ['a slide below a second', measure('  a: {kind: count, window: {size: 5m, slide: 500ms}} #!'), 'measures.a.window.slide', null, /500ms/, /seconds/],
  ['a window of two days', measure('  a: {kind: count, window: {size: 2d, slide: 1h}} #!'), 'measures.a.window.size', null, /2d/, /at most 1d/],
  ['a path as number and as text', measure('  a: {kind: unique, field: amount} #!'), 'measures.a.field', null, /amount as text, while measures.revenue reads it as a number/, /one type per path/],
  ['a dimension that is summed', measure('  a: {kind: sum, field: country} #!'), 'measures.a.field', null, /geo\.country as a number, while dimensions\.country/, /one type per path/],
  ['the event time as a field', measure('  a: {kind: unique, field: ts} #!'), 'measures.a.field', null, /event time/, /another path/],
  ['a role with a slip of the keyboard', measure('  a: {kind: unique, field: usr} #!').replace('usr', 'usre'), 'measures.a.field', 'user', /"usre"/, /\$\.usre/],
  ['a dimension misspelt in a where', measure('  a: {kind: count, where: {contry: DE}} #!'), 'measures.a.where.contry', 'country', /"contry"/, /\$\.contry/],
  ['an unknown comparison', measure('  a: {kind: count, where: {status: {gtee: 500}}} #!'), 'measures.a.where.status.gtee', 'gte', /unknown key gtee/, /gt, gte/],
  ['a comparison with text', measure('  a: {kind: count, where: {status: {gte: "500"}}} #!'), 'measures.a.where.status.gte', null, /"500"/, /a number/],
  ['an empty list in a where', measure('  a: {kind: count, where: {type: []}} #!'), 'measures.a.where.type', null, /empty list/, /at least one value/],
  ['an empty range', measure('  a: {kind: count, where: {amount: {gte: 10, lt: 10}}} #!'), 'measures.a.where.amount', null, /from 10 to 10/, /some number/],
  ['text for a number', measure('  a: {kind: count, where: {amount: cheap}} #!'), 'measures.a.where.amount', null, /"cheap"/, /a number/],
  ['an open range on text', measure('  a: {kind: count, where: {country: {gte: 5}}} #!'), 'measures.a.where.country', null, /text elsewhere/, /both bounds/],
  ['an entry of a list in a path', measure('  a: {kind: sum, field: "items[0].price"} #!'), 'measures.a.field', null, /items\[0\]/, /maps only/],
  ['a path with two dots', measure('  a: {kind: sum, field: a..b} #!'), 'measures.a.field', null, /a\.\.b/, /single dots/],
  ['a keep below the limit', measure('  a: {kind: top, field: x, limit: 50, keep: 20} #!'), 'measures.a.keep', null, /20/, /at least the limit, 50/],
  ['a measure name with capitals', measure('  PageViews: {kind: count} #!'), 'measures.PageViews', 'page_views', /"PageViews"/, /lower-case/],
  ['two names that differ in punctuation only', measure('  page_views: {kind: count}\n  pageviews: {kind: count}\n  page__views: {kind: count} #!'), 'measures.page__views', null, /same as "page_views"/, /differ/],
  ['a measure named like a dimension', measure('  device: {kind: count} #!'), 'measures.device', 'device_count', /dimension too/, /different names/],
  ['a reserved name', shop({ dimensions: 'dimensions:\n  offset: #!' }), 'dimensions.offset', 'event_offset', /offset/, /are taken/],
  ['a cap of zero', shop({ dimensions: 'dimensions:\n  country:\n    cap: 0 #!' }), 'dimensions.country.cap', null, /0/, /from 1 to 1000000/],
  ['two dimensions on one path', shop({ dimensions: 'dimensions:\n  a: geo.country\n  b: geo.country #!' }), 'dimensions.b', null, /dimensions\.a reads too/, /one dimension per path/],
  ['the user as a dimension', shop({ dimensions: 'dimensions:\n  person: user_id #!' }), 'dimensions.person', null, /event\.user reads too/, /unique or top/],
  ['a grouping of an unknown dimension', more('groupings:\n  - [country]\n  - [country, devise] #!'), 'groupings[1][1]', 'device', /"devise"/, /country, device/],
  ['a grouping twice', more('groupings:\n  - [country, device]\n  - [device, country] #!'), 'groupings[1]', null, /same grouping as entry 1/, /once/],
  ['a dimension twice in a grouping', more('groupings: [[country, country]] #!'), 'groupings[0][1]', null, /second time/, /once/],
  ['a duration without a unit', more('lateness: 30 #!'), 'lateness', null, /30/, /with a unit/],
  ['a duration in words', more('lateness: half a minute #!'), 'lateness', null, /half a minute/, /with a unit/],
  ['retentions in the wrong order', more('retention:\n  hot1s: 3h\n  hot10s: 1h #!'), 'retention.hot10s', '3h', /hot10s 1h, shorter than hot1s 3h/, /at least as long/],
  ['a watch over a measure that is not there', more('watches:\n  w: {measure: ordrs} #!'), 'watches.w.measure', 'orders', /"ordrs"/, /orders, revenue/],
  ['a watch by a dimension that is not there', more('watches:\n  w:\n    measure: orders\n    groupBy: [contry] #!'), 'watches.w.groupBy[0]', 'country', /"contry"/, /country, device/],
  ['a watch filtered by no dimension', more('watches:\n  w:\n    measure: orders\n    filters: {devise: tv} #!'), 'watches.w.filters.devise', 'device', /"devise"/, /country, device/],
  ['a watch in odd buckets', more('watches:\n  w: {measure: orders, bucket: 7m} #!'), 'watches.w.bucket', '1m', /"7m"/, /divides a day/],
  ['a detector that does not exist', more('watches:\n  w: {measure: orders, detector: {name: magic}} #!'), 'watches.w.detector.name', null, /"magic"/, /one of auto, zscore/],
  ['a detector in no time zone', more('watches:\n  w: {measure: orders, detector: {timeZone: Mars}} #!'), 'watches.w.detector', null, /not a time zone/, /Europe.Berlin/],
  ['a watch over all quantiles at once', shop({ measures: 'measures:\n  t: {kind: quantiles, field: ms}', more: 'watches:\n  w: {measure: t} #!' }), 'watches.w.stat', 'p99', /p50, p95, p99/, /such as p95/],
  ['a stat of a count', more('watches:\n  w: {measure: orders, stat: p95} #!'), 'watches.w.stat', null, /"p95"/, /is a count/],
  ['raw shorter than hot', more('retention:\n  raw: 12h #!'), 'retention.raw', '25h', /raw 12h/, /as long as hot1m/],
  ['forever where data expires', more('retention:\n  raw: forever #!'), 'retention.raw', null, /"forever"/, /duration/],
  ['a size without a unit', more('hot: {maxMemory: 4 gigs} #!'), 'hot.maxMemory', null, /4 gigs/, /4GiB/],
  ['an unknown store', more('cold: {kind: clickhouse} #!'), 'cold.kind', null, /clickhouse/, /chdb, http/],
  ['a role misspelt', more('roles: [ingest, qurey, compact] #!'), 'roles[1]', 'query', /qurey/, /ingest, query, compact/],
  ['roles split over stores of one process', more('roles: [query] #!'), 'roles', null, /only query/, /one process/],
  ['a port out of range', more('server: {port: 70000} #!'), 'server.port', null, /70000/, /0 to 65535/],
  ['a password in the file', more('hot: {kind: redis, redis: {password: hunter2}} #!'), 'hot.redis.password', 'passwordFile', /secret in the file/, /TIDEMARK_HOT_REDIS_PASSWORD/],
  ['a token in the file', more('tenants:\n  acme:\n    token: abcdefghijklmnopqrstuvwxyz #!'), 'tenants.acme.token', 'tokenFile', /secret/, /TIDEMARK_TENANTS_ACME_TOKENS/],
  ['a password in a URL', more('cold: {kind: http, url: "http://me:pw@ch:8123"} #!'), 'cold.url', null, /user or password/, /TIDEMARK_COLD_PASSWORD/],
  ['a file that is not there', more('cold: {kind: http, passwordFile: no/such/file} #!'), 'cold.passwordFile', null, /no\/such\/file/, /can read/],
  ['patterns, not yet built', more('patterns: {} #!'), 'patterns', null, /key patterns/, /not supported by this version/],
  ['enrich, not yet built', more('enrich: {geo: ip} #!'), 'enrich', null, /key enrich/, /not supported by this version/],
  ['a format not yet built', shop({ source: 'source:\n  http: {}\n  format: avro #!' }), 'source.format', null, /avro/, /not supported by this version/],
  ['no source at all', shop({ source: 'source: {format: json} #!' }), 'source', null, /without kafka/, /kafka: /],
  ['a broker without a port', kafka('    brokers: [kafka-1] #!\n    topics: [t]'), 'source.kafka.brokers[0]', null, /kafka-1/, /host:port/],
  ['a broker as a URL', kafka('    brokers: kafka://a:9092 #!\n    topics: [t]'), 'source.kafka.brokers', null, /kafka:/, /host:port/],
  ['a start that is no time', kafka('    brokers: [a:1]\n    topics: [t]\n    start: erliest #!'), 'source.kafka.start', 'earliest', /erliest/, /ISO 8601/],
  ['a topic pattern', kafka('    brokers: [a:1]\n    topics: ["shop.*"] #!'), 'source.kafka.topics[0]', null, /shop/, /patterns are not supported/],
  ['dead letters read back', kafka('    brokers: [a:1]\n    topics: [t, t.dead-letters] #!'), 'source.kafka.topics[1]', null, /dead letters go/, /again and again/],
  ['a mechanism misspelt', kafka('    brokers: [a:1]\n    topics: [t]\n    sasl: {mechanism: scram-sha256, username: u, passwordFile: f} #!'), 'source.kafka.sasl.mechanism', 'scram-sha-256', /scram-sha256/, /plain/],
  ['a login without a password', kafka('    brokers: [a:1]\n    topics: [t]\n    sasl: {mechanism: plain, username: u} #!'), 'source.kafka.sasl', null, /no password/, /TIDEMARK_SOURCE_KAFKA_SASL_PASSWORD/],
  ['Kafka without tokens', shop({ source: 'source:\n  kafka: {brokers: [a:1], topics: [t]} #!' }), 'source.kafka', null, /no tokens/, /auth: none/],
  ['several tenants that no event names', more('auth: none\ntenants: {a: {}, b: {}} #!').replace('auth: none\n', ''), 'tenants', null, /2 tenants/, /event\.tenant/],
  ['tokens asked for and not given', more('auth: token #!'), 'auth', null, /no tenant has a token/, /tokenFile/],
  ['a Sentinel without a name', more('hot: {kind: redis, redis: {mode: sentinel}} #!'), 'hot.redis.mode', null, /sentinelName/, /primary/],
  ['a database in a Cluster', more('hot: {kind: redis, redis: {mode: cluster, db: 3}} #!'), 'hot.redis.db', null, /3/, /no other database/],
  ['TLS to a plain URL', more('cold: {kind: http, url: "http://ch:8123", tls: true} #!'), 'cold.url', 'https://ch:8123', /with tls/, /https/],
  ['caps beyond the memory', shop({ dimensions: 'dimensions: {country: {cap: 900000}}', more: 'hot:\n  maxMemory: 1GiB #!' }), 'hot.maxMemory', null, /estimate of .* GiB/, /at most 1 GiB/],
  ['the event missing', shop({ event: '' }).replace('name: shop', 'name: shop #!'), 'event', null, /nothing/, /a map/],
  ['the time missing', shop({ event: 'event: {id: id} #!' }), 'event.time', null, /nothing/, /path/],
  ['an unknown time format', shop({ event: 'event: {time: {path: ts, format: iso8610}} #!' }), 'event.time.format', 'iso8601', /iso8610/, /auto/],
  ['no measures', shop({ measures: 'measures: {} #!' }), 'measures', null, /no measures/, /kind: count/],
  ['a name with a space', shop({ name: 'name: web shop #!' }), 'name', null, /web shop/, /lower-case name/],
  ['a key twice', more('lateness: 1s\nlateness: 2s #!'), '', null, /unique/, /valid YAML/],
  ['a bracket left open', shop({ dimensions: 'dimensions: {country: {path: x}', measures: 'measures: #!', more: '' }), '', null, /./, /valid YAML/],
  ['an unknown alias', more('lateness: *later #!'), '', null, /alias/i, /./],
  ['two documents', `${shop()}--- #!\nname: b\n`, '', null, /2 YAML documents/, /one document/],
  ['a list instead of a map', '- name: shop #!\n', '', null, /a list of 1/, /a map/],
];

export const BAD_DEFINITIONS: readonly BadDefinition[] = ROWS.map(([mistake, text, path, nearest, found, expected]) => ({
  mistake,
  text,
  path,
  nearest,
  found,
  expected,
}));
