/**
 * The Lua of the Redis state store: one script a call, so each call is atomic and one round trip. Records have the layouts of
 * `state-records.ts` and `outbox-entry.ts`; numbers that add up are float64 inside `struct`, never text, so nothing is rounded on the way.
 * A learn of 14 symbols takes about 0.1 ms of the server, one of 1,000 symbols some 3 ms; during it nothing else runs there.
 *
 * Keys, behind the place that a call names (on one server the deployment's prefix for all; in a cluster, a hash tag for each kb and each
 * group of sessions, so that a script stays in one slot):
 *   id                 format and layout ":" random hex            turn      kb served last by a flush
 *   k:<kb>             head                                        turns     zset (all 0): kbs with waiting entries
 *   kbs                set of kbs                                  waiting   outbox entries over all kbs
 *   s:<id>             session row                                 flush     hash: the flush in hand (token, owner, until, shares)
 *   sx                 zset: session ids by expiry                 batch     counter of flush tokens
 *   i:<id>             intent of a learn (cluster only)            x, xt     learns done by intent: results by session, session ids by time
 *   o:<kb>             list: outbox                                over      list: what is left of generations that are over
 *   r                  hash: request id → results                  rl        list: request ids, oldest first
 *   patterns           patterns of all kbs (layout kato only)      l:<id>, f:<id>   lock of a session; its last future potentials
 *   g:<generation>:<kind>:<kb>   of one generation: hashes i n c a w e as in `lmdb-keys.ts`, lists v d, patterns as in `redis-pattern-script.ts`
 *
 * KEYS[1] is the place. ARGV[1] is empty, or `k<most patterns> <prefix>` in the layout kato (`redis-kato-script.ts`). ARGV[2] is the store's id: a
 * store emptied or exchanged under a running process refuses every call, instead of numbering from 1 again; empty in a cluster, where the
 * id lies elsewhere. Arguments go into calls in slices, because Lua's stack holds about 8,000 values.
 */
import { SET_AFFINITIES, SET_AFFINITIES_CALL } from "./redis-affinity-script.ts";
import { EDIT_A_PATTERN, EDIT_CALL } from "./redis-edit-script.ts";
import { FINISH, TAKE } from "./redis-flush-script.ts";
import { KATO_LUA } from "./redis-kato-script.ts";
import { COMMIT, LEARN, REPLAY } from "./redis-learn-script.ts";
import { PATTERNS_LUA } from "./redis-pattern-script.ts";
import { EPOCH_FACTOR } from "./state-store.ts";

const PRELUDE = `
local P, call, pack, unpk, spread = KEYS[1], redis.call, struct.pack, struct.unpack, unpack
if ARGV[2] ~= '' and call('GET', P .. 'id') ~= ARGV[2] then return redis.error_reply('ENGRAMGONE another store') end

local GEN, SEQ, PATTERNS, SYMBOLS, T1, T2, T3, VDIM, VCOUNT = 1, 2, 3, 4, 5, 6, 7, 8, 9
local FBELOW, FSEQ, F1, F2, F3, FSYMBOLS, PUSHED, TRIMMED, DELETED, GONE = 10, 11, 12, 13, 14, 15, 16, 17, 18, 19
local HEAD = '<' .. string.rep('d', 19)

local function K(g, kind, kb) return P .. 'g:' .. string.format('%.0f', g) .. ':' .. kind .. ':' .. kb end

-- 'laid': for how many patterns the buckets are laid out.
local function readHead(kb)
  local s = call('GET', P .. 'k:' .. kb)
  local h
  if s then h = {unpk(HEAD, s)} else h = {1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, fresh = true} end
  h.laid = h[PATTERNS]
  return h
end

local function writeHead(kb, h)
  if h.fresh then call('SADD', P .. 'kbs', kb) end
  local s = pack(HEAD, spread(h, 1, 19))
  call('SET', P .. 'k:' .. kb, s)
  return s
end

local function text(s, pos) return unpk('<I4c0', s, pos) end
local function asText(s) return pack('<I4c0', #s, s) end

local function fetch(key, fields)
  local out, n = {}, #fields
  for from = 1, n, 1000 do
    local part = call('HMGET', key, spread(fields, from, math.min(from + 999, n)))
    for i = 1, #part do out[from + i - 1] = part[i] end
  end
  return out
end

local function store(key, list)
  for from = 1, #list, 2000 do call('HSET', key, spread(list, from, math.min(from + 1999, #list))) end
end

local function ids(list)
  local out = {}
  for i = 1, #list do out[i] = pack('<I4', list[i]) end
  return table.concat(out)
end

local function append(kb, h, entry)
  call('RPUSH', P .. 'o:' .. kb, entry)
  h[PUSHED] = h[PUSHED] + 1
end
local function waits(kb, n)
  call('ZADD', P .. 'turns', 0, kb)
  call('INCRBY', P .. 'waiting', n)
end

${PATTERNS_LUA}
${KATO_LUA}

local function nextGeneration(kb, h, g, seq)
  local old, base = h[GEN], asText(kb)
  if h.laid > 0 then call('RPUSH', P .. 'over', 'p' .. base .. pack('<dd', old, bucketsOf(h.laid))) end
  if KATO and h[SYMBOLS] > 0 then call('RPUSH', P .. 'over', 'a' .. base .. pack('<dd', old, h[SYMBOLS])) end
  for _, kind in ipairs({'i', 'n', 'c', 'a', 'm', 'v', 'w', 'd', 'e'}) do call('RPUSH', P .. 'over', 'k' .. K(old, kind, kb)) end
  if KATO then katoClear(kb, h) end
  return {g, seq, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, h[PUSHED], h[TRIMMED], 0, 0, fresh = h.fresh, laid = 0}
end

local function finalize(h, seq)
  h[SEQ], h[FSEQ], h[FBELOW] = seq, seq, h[PATTERNS]
  h[F1], h[F2], h[F3], h[FSYMBOLS] = h[T1], h[T2], h[T3], h[SYMBOLS] - h[GONE]
end

-- Saves a session if the stored version is the one expected, nobody else holds its lock, and no learn of it is under way between two slots.
local function saveSession(id, row, expected, expires, view, owner)
  local key = P .. 's:' .. id
  local now = call('GETRANGE', key, 0, 7)
  if #now < 8 or unpk('<d', now) ~= tonumber(expected) then return false end
  if call('EXISTS', P .. 'i:' .. id) == 1 then return false end
  local holder = call('GET', P .. 'l:' .. id)
  if holder and owner and holder ~= owner then return false end
  call('SET', key, row)
  call('ZADD', P .. 'sx', expires, id)
  if KATO then katoSession(id, view, expires) end
  return true
end
`;

const SCRIPT_BODIES = {
  /** ARGV: 3 id, 4 row, 5 expiry, 6 view. */
  createSession: `
call('SET', P .. 's:' .. ARGV[3], ARGV[4])
call('ZADD', P .. 'sx', ARGV[5], ARGV[3])
if KATO then katoSession(ARGV[3], ARGV[6], ARGV[5]) end
return 1`,
  /**
   * out: nil, or {session row, head, why it could not slide}: reads go on when writes are refused; {intent} where a learn between two slots
   * is under way. ARGV: 3 id, 4 now, 5 slide?
   */
  readSession: `
local key = P .. 's:' .. ARGV[3]
local row = call('GET', key)
if not row then return false end
local intent = call('GET', P .. 'i:' .. ARGV[3])
if intent then return {intent} end
local now, _, expires, life = tonumber(ARGV[4]), unpk('<ddd', row)
if expires <= now then return false end
if ARGV[5] == '1' and now + life > expires then
  local slid = redis.pcall('SETRANGE', key, 8, pack('<d', now + life))
  if type(slid) == 'table' and slid.err then return {row, call('GET', P .. 'k:' .. text(row, 25)), slid.err} end
  call('ZADD', P .. 'sx', string.format('%.17g', now + life), ARGV[3])
  if KATO then call('PEXPIREAT', KP .. 'kato:session:' .. ARGV[3], string.format('%.0f', now + life)) end
  row = call('GET', key)
end
return {row, call('GET', P .. 'k:' .. text(row, 25))}`,
  /** ARGV: 3 id, 4 row, 5 expected version, 6 expiry, 7 view, 8 owner of the lock. */
  saveSession: `
return saveSession(ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8]) and 1 or 0`,
  /** out: 1 when the lock is the owner's. ARGV: 3 id, 4 owner, 5 lease in ms. */
  lockSession: `
local key = P .. 'l:' .. ARGV[3]
if call('SET', key, ARGV[4], 'NX', 'PX', ARGV[5]) then return 1 end
if call('GET', key) ~= ARGV[4] then return 0 end
call('PEXPIRE', key, ARGV[5])
return 1`,
  unlockSession: `
local key = P .. 'l:' .. ARGV[3]
if call('GET', key) == ARGV[4] then return call('DEL', key) end
return 0`,
  /** A note that ends by itself, or ends now where it is empty. ARGV: 3 name, 4 text, 5 life in ms. */
  putNote: `
if ARGV[4] == '' then return call('DEL', P .. 'f:' .. ARGV[3]) end
call('SET', P .. 'f:' .. ARGV[3], ARGV[4], 'PX', ARGV[5])
return 1`,
  note: `
return call('GET', P .. 'f:' .. ARGV[3])`,
  deleteSession: `
call('ZREM', P .. 'sx', ARGV[3])
call('DEL', P .. 'i:' .. ARGV[3], P .. 'l:' .. ARGV[3], P .. 'f:' .. ARGV[3])
if KATO then katoForgetSession(ARGV[3]) end
return call('DEL', P .. 's:' .. ARGV[3])`,
  /** First part of a learn between two slots; out: 1, or 0 for a conflict. ARGV: 3 id, 4 expected version, 5 intent, 6 owner of the lock. */
  intend: `
local key = P .. 'i:' .. ARGV[3]
local now = call('GETRANGE', P .. 's:' .. ARGV[3], 0, 7)
if #now < 8 or unpk('<d', now) ~= tonumber(ARGV[4]) or call('EXISTS', key) == 1 then return 0 end
local holder = call('GET', P .. 'l:' .. ARGV[3])
if holder and holder ~= ARGV[6] then return 0 end
call('SET', key, ARGV[5])
return 1`,
  /** Last part: the session as the intent says, or as it was where the row is empty. ARGV: 3 id, 4 row, 5 expected version, 6 expiry. */
  endIntent: `
if call('GETRANGE', P .. 's:' .. ARGV[3], 0, 7) ~= pack('<d', tonumber(ARGV[5])) then return 0 end
if call('DEL', P .. 'i:' .. ARGV[3]) == 0 then return 0 end
if ARGV[4] == '' then return 1 end
return saveSession(ARGV[3], ARGV[4], ARGV[5], ARGV[6]) and 1 or 0`,
  countSessions: `
return call('ZCOUNT', P .. 'sx', '(' .. ARGV[3], '+inf')`,
  /**
   * out: id, expiry and row of each. Ids of one expiry stand in the order of their bytes, so those up to the last one given are skipped by place.
   * ARGV: 3 now, 4 limit, 5 expiry and 6 id of the last one given, or two empty texts.
   */
  listSessions: `
local limit, found, offset = tonumber(ARGV[4]), {}, 0
local from = '(' .. ARGV[3]
if ARGV[5] ~= '' and tonumber(ARGV[5]) > tonumber(ARGV[3]) then from = ARGV[5] end
local skips = ARGV[5] ~= '' and call('ZSCORE', P .. 'sx', ARGV[6])
skips = skips and tonumber(skips) == tonumber(ARGV[5])
while #found < 3 * limit do
  local part = call('ZRANGEBYSCORE', P .. 'sx', from, '+inf', 'WITHSCORES', 'LIMIT', offset, limit)
  for i = 1, #part, 2 do
    if skips and tonumber(part[i + 1]) == tonumber(ARGV[5]) then
      if part[i] == ARGV[6] then skips = false end
    elseif #found < 3 * limit then
      local row = call('GET', P .. 's:' .. part[i])
      if row then
        found[#found + 1] = part[i]
        found[#found + 1] = part[i + 1]
        found[#found + 1] = row
      end
    end
  end
  if #part < 2 * limit then break end
  offset = offset + limit
end
return found`,
  /** ARGV: 3 now, 4 limit. */
  sweepSessions: `
local over = call('ZRANGEBYSCORE', P .. 'sx', '-inf', ARGV[3], 'LIMIT', 0, ARGV[4])
for _, id in ipairs(over) do
  call('DEL', P .. 's:' .. id, P .. 'i:' .. id)
  call('ZREM', P .. 'sx', id)
  if KATO then katoForgetSession(id) end
end
return #over`,
  commit: COMMIT,
  replay: REPLAY,
  /** out: the new head. ARGV: 3 kb, 4 at. */
  clear: `
local kb, h = ARGV[3], readHead(ARGV[3])
h = nextGeneration(kb, h, h[GEN] + 1, h[SEQ] + 1)
append(kb, h, pack('<Bdd', 2, h[GEN], h[SEQ]) .. ARGV[4])
waits(kb, 1)
return writeHead(kb, h)`,
  finalize: `
local kb, h = ARGV[3], readHead(ARGV[3])
finalize(h, h[SEQ] + 1)
append(kb, h, pack('<Bdd', 3, h[GEN], h[SEQ]) .. ARGV[4] .. pack('<d', h[FBELOW]))
waits(kb, 1)
return writeHead(kb, h)`,
  /** out: 0 while entries wait. ARGV: 3 kb. */
  forget: `
local kb, h = ARGV[3], readHead(ARGV[3])
if h[PUSHED] ~= h[TRIMMED] then return 0 end
writeHead(kb, nextGeneration(kb, h, 1, 0))
return 1`,
  raiseEpoch: `
local h = readHead(ARGV[3])
h[SEQ] = (math.floor(h[SEQ] / ${EPOCH_FACTOR}) + 1) * ${EPOCH_FACTOR}
return writeHead(ARGV[3], h)`,
  /** Keys are taken away whole (UNLINK frees them beside the server's main thread), buckets and what KATO's names show in slices. ARGV: 3 limit. */
  sweepOver: `
local removed, limit = 0, tonumber(ARGV[3])
while removed < limit do
  local item = call('LPOP', P .. 'over')
  if not item then break end
  local what = string.sub(item, 1, 1)
  if what == 'k' then
    removed = removed + call('UNLINK', string.sub(item, 2))
  else
    local kb, pos = text(item, 2)
    local g, left = unpk('<dd', item, pos)
    local h = KATO and readHead(kb)
    while left > 0 and removed < limit do
      if what == 'p' then
        left = left - 1
        local key = bucketKey(g, kb, left)
        if KATO then
          local names = call('HKEYS', key)
          for _, name in ipairs(names) do katoForgetPattern(kb, h, name) end
          removed = removed + math.max(0, #names - 1)
        end
        call('UNLINK', key)
        removed = removed + 1
      else
        local fields = {}
        for i = 1, math.min(left, limit - removed) do fields[i] = left - i end
        for _, symbol in ipairs(fetch(K(g, 'n', kb), fields)) do
          if symbol then katoForgetAffinity(kb, h, symbol) end
        end
        left, removed = left - #fields, removed + #fields
      end
    end
    if left > 0 then call('LPUSH', P .. 'over', what .. asText(kb) .. pack('<dd', g, left)) end
  end
end
return removed`,
  head: `
return call('GET', P .. 'k:' .. ARGV[3])`,
  kbs: `
return call('SMEMBERS', P .. 'kbs')`,
  /** Notes a kb before its first change, where the set of kbs lies apart from the kb. ARGV: 3 kb. */
  noteKb: `
return call('SADD', P .. 'kbs', ARGV[3])`,
  /** Rows of one kind of a generation's hashes. ARGV: 3 kind, 4 kb, 5 generation, then fields. */
  rows: `
local fields = {}
for i = 6, #ARGV do fields[i - 5] = ARGV[i] end
return fetch(K(tonumber(ARGV[5]), ARGV[3], ARGV[4]), fields)`,
  /** Symbols and their rows. ARGV: 3 kb, 4 generation, 5 from, 6 to. */
  symbols: `
local g, fields = tonumber(ARGV[4]), {}
for id = tonumber(ARGV[5]), tonumber(ARGV[6]) - 1 do fields[#fields + 1] = id end
return {fetch(K(g, 'n', ARGV[3]), fields), fetch(K(g, 'c', ARGV[3]), fields)}`,
  /** out: {head, pattern rows, their windows and metadata, symbol rows}. ARGV: 3 kb, 4 generation, 5 number of names, then names and ids. */
  counters: `
local kb, g, h, names, rows, symbols = ARGV[3], tonumber(ARGV[4]), readHead(ARGV[3]), {}, {}, {}
local n = tonumber(ARGV[5])
for i = 1, n do
  names[i] = ARGV[5 + i]
  rows[i] = g == h[GEN] and patternRow(g, kb, h.laid, names[i]) or false
end
for i = 6 + n, #ARGV do symbols[i - 5 - n] = ARGV[i] end
return {call('GET', P .. 'k:' .. kb), rows, fetch(K(g, 'm', kb), names), fetch(K(g, 'c', kb), symbols)}`,
  vectors: `
return call('LRANGE', K(tonumber(ARGV[4]), 'v', ARGV[3]), ARGV[5], -1)`,
  /** Ids of deleted patterns, as text. ARGV: 3 kb, 4 generation, 5 first position. */
  deleted: `
return call('LRANGE', K(tonumber(ARGV[4]), 'd', ARGV[3]), ARGV[5], -1)`,
  edit: LEARN + EDIT_A_PATTERN + EDIT_CALL,
  affinities: SET_AFFINITIES + SET_AFFINITIES_CALL,
  /** out: {trimmed, position of the first entry given, entries}. ARGV: 3 kb, 4 first position wanted. */
  tail: `
local h = readHead(ARGV[3])
local from = math.max(tonumber(ARGV[4]), h[TRIMMED])
if from >= h[PUSHED] then return {h[TRIMMED], h[PUSHED], {}} end
return {h[TRIMMED], from, call('LRANGE', P .. 'o:' .. ARGV[3], from - h[TRIMMED], -1)}`,
  waiting: `
return tonumber(call('GET', P .. 'waiting') or '0')`,
  take: TAKE,
  finish: FINISH,
} as const;

export type ScriptName = keyof typeof SCRIPT_BODIES;

export const SCRIPTS = Object.fromEntries(Object.entries(SCRIPT_BODIES).map(([name, body]) => [name, PRELUDE + body])) as Record<
  ScriptName,
  string
>;
