/**
 * Lua of the pattern rows: hash buckets that stay small, so that Redis keeps them as one compact block each (`hash-max-listpack-entries`, 128
 * by default): about 33 bytes a pattern instead of 120 for a field of one large hash. Runs behind the prelude of `redis-scripts.ts`.
 *
 *   p:<bucket>   field: 20 bytes of the name │ value: u40 pattern id, then the frequency in as few bytes as it takes
 *   m            field: 20 bytes of the name │ value: text window, metadata to the end       only of patterns that have either
 *
 * The buckets grow one by one (linear hashing): their number follows from the number of patterns alone, and a new bucket takes its part
 * out of one older one, some fifty rows. What was deleted is counted too, so its buckets are a little emptier. So no learn ever waits for a table to be laid out anew.
 */

/** Rows a bucket holds on average at most; twice that, and chance, stay below what Redis keeps compact. */
const BUCKET_LOAD = 48;

export const PATTERNS_LUA = `
local function bytesOf(name) return (string.gsub(name, '..', function(pair) return string.char(tonumber(pair, 16)) end)) end

local function bucketsOf(count) return math.max(1, math.ceil(count / ${BUCKET_LOAD})) end
local levelFor, level = 0, 1
local function levelOf(buckets)
  if buckets == levelFor then return level end
  levelFor, level = buckets, 1
  while level * 2 <= buckets do level = level * 2 end
  return level
end
local function bucketOf(name, buckets)
  local level, hash = levelOf(buckets), unpk('<I4', name)
  local bucket = hash % (level * 2)
  if bucket >= buckets then bucket = hash % level end
  return bucket
end

-- A script asks for thousands of buckets of one kb: the front of their keys is made once.
local frontG, frontKb, front
local function bucketKey(g, kb, bucket)
  if g ~= frontG or kb ~= frontKb then frontG, frontKb, front = g, kb, K(g, 'p', kb) .. ':' end
  return front .. bucket
end

-- Row of a pattern among 'laid' many; id and frequency, or nothing.
local function patternRow(g, kb, laid, name)
  if #name ~= 20 then return nil end
  return call('HGET', bucketKey(g, kb, bucketOf(name, bucketsOf(laid))), name) or nil
end
local function patternId(row) return (unpk('<I5', row)) end
local function patternFrequency(row) return (unpk('<I' .. (#row - 5), row, 6)) end

local function storePattern(g, kb, laid, name, id, frequency)
  local bytes, most = 1, 256
  while frequency >= most do bytes, most = bytes + 1, most * 256 end
  call('HSET', bucketKey(g, kb, bucketOf(name, bucketsOf(laid))), name, pack('<I5I' .. bytes, id, frequency))
end

local function forgetPattern(g, kb, laid, name) call('HDEL', bucketKey(g, kb, bucketOf(name, bucketsOf(laid))), name) end

-- Room for one pattern more than 'laid': where that takes a bucket more, it gets its rows.
local function growPatterns(g, kb, laid)
  local bucket = bucketsOf(laid)
  if laid == 0 or bucketsOf(laid + 1) == bucket then return end
  local level = levelOf(bucket)
  local from, into, moved = bucketKey(g, kb, bucket - level), {}, {}
  local rows = call('HGETALL', from)
  for i = 1, #rows, 2 do
    if unpk('<I4', rows[i]) % (level * 2) == bucket then
      into[#into + 1], into[#into + 2] = rows[i], rows[i + 1]
      moved[#moved + 1] = rows[i]
    end
  end
  if #moved == 0 then return end
  call('HDEL', from, spread(moved))
  call('HSET', bucketKey(g, kb, bucket), spread(into))
end
`;
