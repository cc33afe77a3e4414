/**
 * The Lua of the Redis state store: one script a call, so each call is atomic and one round trip. Records have the layouts of
 * `state-records.ts` and `outbox-entry.ts`; numbers that add up are float64 inside `struct`, never text, so nothing is rounded on the way.
 * A learn of 14 symbols takes about 0.1 ms of the server, one of 1,000 symbols some 3 ms; during it nothing else runs there.
 * Not for Redis Cluster: a script touches a session, a kb and the shared outbox, which lie in different slots.
 *
 * Keys, behind the deployment's prefix:
 *   id                 format ":" random hex of this store         turn      kb served last by a flush
 *   k:<kb>             head                                        turns     zset (all 0): kbs with waiting entries
 *   kbs                set of kbs                                  waiting   outbox entries over all kbs
 *   s:<id>             session row                                 flush     hash: the flush in hand (token, owner, until, shares)
 *   sx                 zset: session ids by expiry                 batch     counter of flush tokens
 *   o:<kb>             list: outbox                                over      list: keys of generations that are over
 *   r                  hash: request id → results                  rl        list: request ids, oldest first
 *   g:<generation>:<kind>:<kb>   of one generation; kind as in `lmdb-keys.ts`: hashes i n c a p w e, lists v d
 *
 * ARGV[1] is the prefix and ARGV[2] the store's id: a store emptied or exchanged under a running process refuses every call, instead of
 * numbering from 1 again. Arguments go into calls in slices, because Lua's stack holds about 8,000 values.
 */
import { EDIT_A_PATTERN, EDIT_CALL } from "./redis-edit-script.ts";
import { FINISH, TAKE } from "./redis-flush-script.ts";
import { COMMIT, LEARN, REPLAY } from "./redis-learn-script.ts";

const PRELUDE = `
local P, call, pack, unpk, spread = ARGV[1], redis.call, struct.pack, struct.unpack, unpack
if call('GET', P .. 'id') ~= ARGV[2] then return redis.error_reply('ENGRAMGONE another store') end

local GEN, SEQ, PATTERNS, SYMBOLS, T1, T2, T3, VDIM, VCOUNT = 1, 2, 3, 4, 5, 6, 7, 8, 9
local FBELOW, FSEQ, F1, F2, F3, FSYMBOLS, PUSHED, TRIMMED, DELETED, GONE = 10, 11, 12, 13, 14, 15, 16, 17, 18, 19
local HEAD = '<' .. string.rep('d', 19)

local function K(g, kind, kb) return P .. 'g:' .. string.format('%.0f', g) .. ':' .. kind .. ':' .. kb end

local function readHead(kb)
  local s = call('GET', P .. 'k:' .. kb)
  if s then return {unpk(HEAD, s)} end
  return {1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, fresh = true}
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

local function nextGeneration(kb, h, g, seq)
  for _, kind in ipairs({'i', 'n', 'c', 'a', 'p', 'v', 'w', 'd', 'e'}) do call('RPUSH', P .. 'over', K(h[GEN], kind, kb)) end
  return {g, seq, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, h[PUSHED], h[TRIMMED], 0, 0, fresh = h.fresh}
end

local function finalize(h, seq)
  h[SEQ], h[FSEQ], h[FBELOW] = seq, seq, h[PATTERNS]
  h[F1], h[F2], h[F3], h[FSYMBOLS] = h[T1], h[T2], h[T3], h[SYMBOLS] - h[GONE]
end

-- Saves a session if the stored version is the one expected.
local function saveSession(id, row, expected, expires)
  local key = P .. 's:' .. id
  local now = call('GETRANGE', key, 0, 7)
  if #now < 8 or unpk('<d', now) ~= tonumber(expected) then return false end
  call('SET', key, row)
  call('ZADD', P .. 'sx', expires, id)
  return true
end
`;

const SCRIPT_BODIES = {
  /** ARGV: 3 id, 4 row, 5 expiry. */
  createSession: `
call('SET', P .. 's:' .. ARGV[3], ARGV[4])
call('ZADD', P .. 'sx', ARGV[5], ARGV[3])
return 1`,
  /** out: nil, or {session row, head, why it could not slide}: reads go on when writes are refused. ARGV: 3 id, 4 now, 5 slide? */
  readSession: `
local key = P .. 's:' .. ARGV[3]
local row = call('GET', key)
if not row then return false end
local now, _, expires, life = tonumber(ARGV[4]), unpk('<ddd', row)
if expires <= now then return false end
if ARGV[5] == '1' and now + life > expires then
  local slid = redis.pcall('SETRANGE', key, 8, pack('<d', now + life))
  if type(slid) == 'table' and slid.err then return {row, call('GET', P .. 'k:' .. text(row, 25)), slid.err} end
  call('ZADD', P .. 'sx', string.format('%.17g', now + life), ARGV[3])
  row = call('GET', key)
end
return {row, call('GET', P .. 'k:' .. text(row, 25))}`,
  /** ARGV: 3 id, 4 row, 5 expected version, 6 expiry. */
  saveSession: `
return saveSession(ARGV[3], ARGV[4], ARGV[5], ARGV[6]) and 1 or 0`,
  deleteSession: `
call('ZREM', P .. 'sx', ARGV[3])
return call('DEL', P .. 's:' .. ARGV[3])`,
  countSessions: `
return call('ZCOUNT', P .. 'sx', '(' .. ARGV[3], '+inf')`,
  /** ARGV: 3 now, 4 limit. */
  sweepSessions: `
local over = call('ZRANGEBYSCORE', P .. 'sx', '-inf', ARGV[3], 'LIMIT', 0, ARGV[4])
for _, id in ipairs(over) do
  call('DEL', P .. 's:' .. id)
  call('ZREM', P .. 'sx', id)
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
  raiseEpoch: `
local h = readHead(ARGV[3])
h[SEQ] = (math.floor(h[SEQ] / ${2 ** 40}) + 1) * ${2 ** 40}
return writeHead(ARGV[3], h)`,
  /** Keys are taken away whole (UNLINK frees them beside the server's main thread). ARGV: 3 limit. */
  sweepOver: `
local removed, limit = 0, tonumber(ARGV[3])
while removed < limit do
  local key = call('LPOP', P .. 'over')
  if not key then break end
  removed = removed + call('UNLINK', key)
end
return removed`,
  head: `
return call('GET', P .. 'k:' .. ARGV[3])`,
  kbs: `
return call('SMEMBERS', P .. 'kbs')`,
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
  /** ARGV: 3 kb, 4 generation, 5 number of names, then names and ids. */
  counters: `
local kb, g, names, symbols = ARGV[3], tonumber(ARGV[4]), {}, {}
local n = tonumber(ARGV[5])
for i = 1, n do names[i] = ARGV[5 + i] end
for i = 6 + n, #ARGV do symbols[i - 5 - n] = ARGV[i] end
return {call('GET', P .. 'k:' .. kb), fetch(K(g, 'p', kb), names), fetch(K(g, 'c', kb), symbols)}`,
  vectors: `
return call('LRANGE', K(tonumber(ARGV[4]), 'v', ARGV[3]), ARGV[5], -1)`,
  /** Ids of deleted patterns, as text. ARGV: 3 kb, 4 generation, 5 first position. */
  deleted: `
return call('LRANGE', K(tonumber(ARGV[4]), 'd', ARGV[3]), ARGV[5], -1)`,
  edit: LEARN + EDIT_A_PATTERN + EDIT_CALL,
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
