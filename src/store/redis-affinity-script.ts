/** Lua of affinities set as a whole: the arithmetic of `lmdb-affinity.ts`. Runs behind the prelude of `redis-scripts.ts`. */
export const SET_AFFINITIES = `
-- Nothing is written where an id was never given out: answers that id then.
local function setAffinities(kb, h, seq, body, stage)
  local g, ids, records, pos, n = h[GEN], {}, {}, 1, 0
  n, pos = unpk('<I4', body)
  for i = 1, n do
    ids[i], pos = unpk('<I4', body, pos)
    records[i], pos = text(body, pos)
    if ids[i] >= h[SYMBOLS] then return ids[i] end
  end
  h[SEQ] = seq
  if stage then return end
  local akey = K(g, 'a', kb)
  for i = 1, n do
    if #records[i] > 0 then call('HSET', akey, ids[i], records[i]) else call('HDEL', akey, ids[i]) end
  end
  if KATO then katoAffinities(kb, g, ids, fetch(K(g, 'n', kb), ids)) end
end
`;

/** out: 0 over, 1 outbox full, 2 done, {id} for an id never given out. ARGV: 3 outboxMax, 4 kb, 5 generation, 6 at, 7 body. */
export const SET_AFFINITIES_CALL = `
if tonumber(call('GET', P .. 'waiting') or '0') + 1 > tonumber(ARGV[3]) then return 1 end
local kb = ARGV[4]
local h = readHead(kb)
if h[GEN] ~= tonumber(ARGV[5]) then return 0 end
local unknown = setAffinities(kb, h, h[SEQ] + 1, ARGV[7])
if unknown then return {unknown} end
append(kb, h, pack('<Bdd', 5, h[GEN], h[SEQ]) .. ARGV[6] .. ARGV[7])
writeHead(kb, h)
waits(kb, 1)
return 2
`;
