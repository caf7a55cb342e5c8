// The Lua scripts of the Redis hot tier. Each runs within one hash slot and declares every key it touches, so that a slot on
// the move answers TRYAGAIN instead of splitting a series over two nodes.
// Invariants: a script checks everything before its first write (Redis does not roll back); all are harmless when run twice.

import { createHash } from 'node:crypto';

export interface RedisScript {
  readonly name: string;
  readonly text: string;
  readonly sha1: string;
}

function script(name: string, text: string): RedisScript {
  return { name, text, sha1: createHash('sha1').update(text).digest('hex') };
}

/** Most sub-commands of one BITFIELD call: Lua's unpack takes fewer than 8,000 values. */
export const MAX_OPERATIONS_PER_KEY = 1_500;

/**
 * The end of a script that adds data: `a` is the argument, `p` where the data begins in it, `state` the shard's state, `report` the length
 * that makes a blob worth a report. The data, in the order of KEYS from the second on:
 *   n, n × (ttl s, n, n × (slot, increment), n, n × (slot, min), n, n × (slot, max)),
 *   n, n × (ttl s, frames),
 *   n, n × (ttl s, forget before, n, n × (score, series))
 * Answers {'applied', blob key number, length, …} | {'broken', why}. The first increment of a string is of component 0 in a bucket; if
 * it gives back just itself the string may be new and gets its time to live. An error among the data writes drops the state: the
 * shard starts anew under another epoch rather than being half a flush wrong.
 */
const WRITE_DATA = `local answer = {'applied'}
local done, problem = pcall(function()
  local k = 1
  local c = {'BITFIELD'}
  n = a[p]
  p = p + 1
  for _ = 1, n do
    k = k + 1
    c[2] = KEYS[k]
    local ttl, adds = a[p], a[p + 1]
    p = p + 2
    local first = adds > 0 and tonumber(a[p + 1]) or nil
    local j = 3
    for _ = 1, adds do
      c[j] = 'INCRBY' c[j + 1] = 'i64' c[j + 2] = a[p] c[j + 3] = a[p + 1]
      j = j + 4
      p = p + 2
    end
    local mins = a[p]
    local minAt = p + 1
    local maxs = a[minAt + mins * 2]
    local maxAt = minAt + mins * 2 + 1
    p = maxAt + maxs * 2
    for i = 0, mins - 1 do
      c[j] = 'GET' c[j + 1] = 'i64' c[j + 2] = a[minAt + i * 2]
      j = j + 3
    end
    for i = 0, maxs - 1 do
      c[j] = 'GET' c[j + 1] = 'i64' c[j + 2] = a[maxAt + i * 2]
      j = j + 3
    end
    local r = redis.call(unpack(c, 1, j - 1))
    j = 3
    for i = 0, mins - 1 do
      local now, new = r[adds + 1 + i], a[minAt + i * 2 + 1]
      if now == 0 or tonumber(new) < now then
        c[j] = 'SET' c[j + 1] = 'i64' c[j + 2] = a[minAt + i * 2] c[j + 3] = new
        j = j + 4
      end
    end
    for i = 0, maxs - 1 do
      local now, new = r[adds + mins + 1 + i], a[maxAt + i * 2 + 1]
      if now == 0 or tonumber(new) > now then
        c[j] = 'SET' c[j + 1] = 'i64' c[j + 2] = a[maxAt + i * 2] c[j + 3] = new
        j = j + 4
      end
    end
    if j > 3 then redis.call(unpack(c, 1, j - 1)) end
    if first == nil or r[1] == first then redis.call('EXPIRE', KEYS[k], ttl) end
  end
  n = a[p]
  p = p + 1
  for _ = 1, n do
    k = k + 1
    local ttl, frames = a[p], a[p + 1]
    p = p + 2
    local length = redis.call('APPEND', KEYS[k], frames)
    if length == #frames then redis.call('EXPIRE', KEYS[k], ttl) end
    if length > report then
      answer[#answer + 1] = k
      answer[#answer + 1] = length
    end
  end
  n = a[p]
  p = p + 1
  for _ = 1, n do
    k = k + 1
    local ttl, before, members = a[p], a[p + 1], a[p + 2]
    p = p + 3
    for _ = 1, members do
      redis.call('ZADD', KEYS[k], 'GT', a[p], a[p + 1])
      p = p + 2
    end
    redis.call('ZREMRANGEBYSCORE', KEYS[k], '-inf', before)
    redis.call('EXPIRE', KEYS[k], ttl)
  end
end)
if done then return answer end
redis.call('DEL', state)
return {'broken', type(problem) == 'table' and tostring(problem.err) or tostring(problem)}
`;

/**
 * Applies one shard's part of a flush. KEYS: state, then packed strings, sketch blobs, registries, in the order of the operations.
 * ARGV[1]: a flat msgpack list, written by redis-flush.ts:
 *   epoch believed in, epoch to create, expected partitions, length that makes a blob worth a report,
 *   n, n × (partition, from, to, coverage or '', state), ttl of the state s, data
 * Answers {'fenced', partition, its offset or ''} | {'epoch', the real one} | {'repeated'} | what WRITE_DATA answers.
 */
export const APPLY = script(
  'apply',
  `
local a = cmsgpack.unpack(ARGV[1])
local state = KEYS[1]
local believed, created, expected, report = a[1], a[2], a[3], a[4]
local n = a[5]
local p = 6
local fields = {}
for i = 1, n do fields[i] = 'm:' .. a[p + (i - 1) * 5] end
local stored = redis.call('HMGET', state, 'epoch', 'expected', unpack(fields))
local epoch = stored[1] or ''
local offsets, coverages, repeated = {}, {}, true
for i = 1, n do
  local marker = stored[i + 2]
  if marker then
    offsets[i], coverages[i] = string.match(marker, '^(%d+) (%-?%d+) ')
    if not offsets[i] then return redis.error_reply('TIDEMARK unreadable marker of ' .. fields[i]) end
  end
  if offsets[i] ~= a[p + (i - 1) * 5 + 2] then repeated = false end
end
if repeated then return {'repeated'} end
for i = 1, n do
  local b = p + (i - 1) * 5
  local coverage = a[b + 3]
  if coverage == '' then
    if offsets[i] ~= a[b + 1] then return {'fenced', a[b], offsets[i] or ''} end
    coverage = coverages[i]
  elseif offsets[i] then
    return {'fenced', a[b], offsets[i]}
  end
  coverages[i] = coverage
end
if epoch ~= believed then return {'epoch', epoch} end
local writes = {'HSET', state}
if epoch == '' then writes[3] = 'epoch' writes[4] = created end
if stored[2] ~= expected then writes[#writes + 1] = 'expected' writes[#writes + 1] = expected end
for i = 1, n do
  local b = p + (i - 1) * 5
  writes[#writes + 1] = fields[i]
  writes[#writes + 1] = a[b + 2] .. ' ' .. coverages[i] .. ' ' .. a[b + 4]
end
redis.call(unpack(writes))
for i = 1, n do
  local b = p + (i - 1) * 5
  if a[b + 3] ~= '' then redis.call('HSETNX', state, 'b:' .. a[b], a[b + 1]) end
end
p = p + n * 5
redis.call('EXPIRE', state, a[p])
p = p + 1
${WRITE_DATA}`,
);

/**
 * Adds data of before a shard's coverage, and moves the coverage back with it. KEYS: as in APPLY. ARGV[1]: a flat msgpack list:
 *   epoch, length that makes a blob worth a report, n, n × (partition, base offset, coverage now, coverage afterwards), data
 * Answers {'changed'}: it is not as the caller believes, and nothing was done | {'repeated'} | what WRITE_DATA answers.
 */
export const EXTEND = script(
  'extend',
  `
local a = cmsgpack.unpack(ARGV[1])
local state = KEYS[1]
local report, n = a[2], a[3]
local p = 4
local fields = {}
for i = 1, n do
  fields[i] = 'm:' .. a[p + (i - 1) * 4]
  fields[n + i] = 'b:' .. a[p + (i - 1) * 4]
end
local stored = redis.call('HMGET', state, 'epoch', unpack(fields))
if stored[1] ~= a[1] then return {'changed'} end
local writes = {'HSET', state}
local before, after = 0, 0
for i = 1, n do
  local b = p + (i - 1) * 4
  local offset, coverage, rest = string.match(stored[i + 1] or '', '^(%d+) (%-?%d+) (.*)$')
  if not offset or stored[n + i + 1] ~= a[b + 1] then return {'changed'} end
  if coverage == a[b + 2] then before = before + 1 end
  if coverage == a[b + 3] then after = after + 1 end
  writes[#writes + 1] = fields[i]
  writes[#writes + 1] = offset .. ' ' .. a[b + 3] .. ' ' .. rest
end
if after == n then return {'repeated'} end
if before < n then return {'changed'} end
redis.call(unpack(writes))
p = p + n * 4
${WRITE_DATA}`,
);

/**
 * Reads ranges of packed strings. KEYS: state, then strings, each group of ARGV[2] keys being one series' stretches in order.
 * ARGV: epoch, stretches per series, then per stretch: number of ranges, and start and end byte of each.
 * Answers {epoch} when it is another, else {epoch, {range, …}}.
 */
export const READ_RANGES = script(
  'read-ranges',
  `
local epoch = redis.call('HGET', KEYS[1], 'epoch') or ''
if epoch ~= ARGV[1] then return {epoch} end
local stretches = tonumber(ARGV[2])
local plan, p = {}, 3
for s = 1, stretches do
  local n = tonumber(ARGV[p])
  p = p + 1
  local ranges = {}
  for i = 1, n * 2 do ranges[i] = ARGV[p] p = p + 1 end
  plan[s] = ranges
end
local out, j, s = {}, 0, 0
for k = 2, #KEYS do
  s = s == stretches and 1 or s + 1
  local ranges = plan[s]
  for i = 1, #ranges, 2 do
    j = j + 1
    out[j] = redis.call('GETRANGE', KEYS[k], ranges[i], ranges[i + 1])
  end
end
return {epoch, out}
`,
);

/** Reads whole sketch blobs. KEYS: state, then blobs. ARGV: epoch. Answers like READ_RANGES. */
export const READ_BLOBS = script(
  'read-blobs',
  `
local epoch = redis.call('HGET', KEYS[1], 'epoch') or ''
if epoch ~= ARGV[1] then return {epoch} end
local out = {}
for k = 2, #KEYS do out[k - 1] = redis.call('GET', KEYS[k]) or '' end
return {epoch, out}
`,
);

/** Lists a registry. KEYS: state, registry. ARGV: epoch, lowest score, limit. Answers like READ_RANGES. */
export const LIST_SERIES = script(
  'list-series',
  `
local epoch = redis.call('HGET', KEYS[1], 'epoch') or ''
if epoch ~= ARGV[1] then return {epoch} end
return {epoch, redis.call('ZREVRANGEBYSCORE', KEYS[2], '+inf', ARGV[2], 'LIMIT', 0, ARGV[3])}
`,
);

/**
 * Replaces a blob by its compacted form if nobody has changed it since it was read.
 * KEYS: blob. ARGV: SHA-1 of what was read, the new blob.
 */
export const COMPACT = script(
  'compact',
  `
local now = redis.call('GET', KEYS[1])
if not now or redis.sha1hex(now) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'KEEPTTL')
return 1
`,
);

/**
 * Admits dimension values, first come, first served. KEYS: registry. ARGV: now ms, cap, ms unseen that make room, ms after which
 * a sighting is worth a write, s after which an unused registry goes away, values. Answers a string with 1 (admitted) or 0 per value.
 */
export const ADMIT = script(
  'admit',
  `
local now, cap, unseen, refresh = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local out = {}
local count = redis.call('ZCARD', KEYS[1])
for i = 6, #ARGV do
  local seen = redis.call('ZSCORE', KEYS[1], ARGV[i])
  if seen then
    if now - tonumber(seen) >= refresh then redis.call('ZADD', KEYS[1], 'GT', ARGV[1], ARGV[i]) end
    out[#out + 1] = '1'
  else
    if count >= cap then
      local old = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', '(' .. string.format('%.0f', now - unseen), 'LIMIT', 0, 1)
      if old[1] then
        redis.call('ZREM', KEYS[1], old[1])
        count = count - 1
      end
    end
    if count < cap then
      redis.call('ZADD', KEYS[1], ARGV[1], ARGV[i])
      count = count + 1
      out[#out + 1] = '1'
    else
      out[#out + 1] = '0'
    end
  end
end
redis.call('EXPIRE', KEYS[1], ARGV[5])
return table.concat(out)
`,
);

/** Takes or renews a lease. KEYS: lease. ARGV: owner, ttl ms. Answers 1 if held by owner now. */
export const LEASE = script(
  'lease',
  `
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
`,
);

/** Gives a lease back. KEYS: lease. ARGV: owner. */
export const RELEASE = script(
  'release',
  `
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
`,
);

/** Forgets a shard at once: what is left carries its old epoch. KEYS: state. Answers the epoch it had, or ''. */
export const FORGET = script(
  'forget',
  `
local epoch = redis.call('HGET', KEYS[1], 'epoch') or ''
redis.call('DEL', KEYS[1])
return epoch
`,
);

/** Does everything that the other scripts do, to a key of its own. KEYS: probe. Answers 'OK'. */
export const PROBE = script(
  'probe',
  `
local k = KEYS[1]
local function fresh() redis.call('DEL', k) end
fresh()
redis.call('HSET', k, 'epoch', cmsgpack.unpack(cmsgpack.pack('x')))
redis.call('HGET', k, 'epoch')
redis.call('HMGET', k, 'epoch')
redis.call('HDEL', k, 'other')
fresh()
redis.call('BITFIELD', k, 'INCRBY', 'i64', '#0', '1', 'GET', 'i64', '#0')
redis.call('EXPIRE', k, 60)
redis.call('APPEND', k, 'x')
redis.call('GETRANGE', k, 0, 1)
redis.sha1hex(redis.call('GET', k))
redis.call('SET', k, 'x', 'KEEPTTL')
fresh()
redis.call('ZADD', k, 'GT', 1, 'x')
redis.call('ZCARD', k)
redis.call('ZSCORE', k, 'x')
redis.call('ZRANGEBYSCORE', k, '-inf', '+inf', 'LIMIT', 0, 1)
redis.call('ZREVRANGEBYSCORE', k, '+inf', '-inf', 'LIMIT', 0, 1)
redis.call('ZREM', k, 'y')
redis.call('ZREMRANGEBYSCORE', k, '-inf', 0)
fresh()
return 'OK'
`,
);
