// What keeps results exactly once, as text that is taken out of the sources to see whether the fault harness notices. A program is
// changed while it is built for that test; nothing here can reach the one that is shipped.

/** @type {Record<string, { file: string, find: string, replace: string }[]>} */
const each = {
  // The script applies a flush whatever its markers say.
  'compare-and-set': [
    { file: 'hot/redis-scripts.ts', find: "if repeated then return {'repeated'} end", replace: '' },
    { file: 'hot/redis-scripts.ts', find: "if offsets[i] ~= a[b + 1] then return {'fenced', a[b], offsets[i] or ''} end", replace: '' },
    { file: 'hot/redis-scripts.ts', find: "return {'fenced', a[b], offsets[i]}", replace: 'coverage = coverages[i]' },
  ],
  // Each writing of a raw row is a row of its own: the sorting key gets the moment of writing.
  'raw-identity': [
    {
      file: 'cold/layout.ts',
      find: "orderBy: ['tenant', 'toStartOfMinute(time)', 'topic', 'partition', 'offset'],",
      replace: "orderBy: ['tenant', 'toStartOfMinute(time)', 'topic', 'partition', 'offset', 'written_ns'],",
    },
    {
      file: 'cold/layout.ts',
      find: "spec('offset', 'UInt64')",
      replace: "spec('offset', 'UInt64'), spec('written_ns', 'UInt64', 'rand64()')",
    },
  ],
  // Reading goes on from the highest position instead of the lowest.
  'lowest-seek': [{ file: 'flush/recovery.ts', find: '(b.offset < a.offset ? b : a)', replace: '(b.offset > a.offset ? b : a)' }],
  // Rows that were written twice are read twice until the engine merges them.
  final: [
    { file: 'cold/read-sql.ts', find: ' FINAL', replace: '' },
    { file: 'cold/compaction-sql.ts', find: ' FINAL', replace: '' },
    { file: 'cold/read-events.ts', find: ' FINAL', replace: '' },
    { file: 'cold/windows.ts', find: ' FINAL', replace: '' },
  ],
};

export const protections = { ...each, all: Object.values(each).flat() };
