/**
 * Lua of a learn, alone, in bulk and replayed: the arithmetic of reference semantics §4.2 and §4.3, as `lmdb-learn.ts` does it. Runs behind
 * the prelude of `redis-scripts.ts`, which says what stands where.
 */
import { SET_AFFINITIES } from "./redis-affinity-script.ts";
import { EDIT_A_PATTERN } from "./redis-edit-script.ts";
import { EPOCH_FACTOR } from "./state-store.ts";

/** Request ids remembered, as in LMDB. */
const REQUESTS_KEPT = 256;
/** Sessions whose newest learn between two slots is remembered: whoever still carries it out is seconds late, not so many learns. */
const INTENTS_KEPT = 65_536;

/** A learn: read apart, planned (ids, and the head raised), written. `stage` holds what planned learns would have written, for a check ahead. */
export const LEARN = String.raw`
local function remember(request, answer)
  call('HSET', P .. 'r', request, answer)
  if call('RPUSH', P .. 'rl', request) > ${REQUESTS_KEPT} then call('HDEL', P .. 'r', call('LPOP', P .. 'rl')) end
end

local function parse(body, hints)
  local L, pos, n = {symbols = {}, occurrences = {}, vectors = {}, body = body}, 1, 0
  L.name, pos = text(body, pos)
  L.keep, n, pos = unpk('<I4I4', body, pos)
  for i = 1, n do L.symbols[i], pos = text(body, pos) end
  local bytes
  bytes, pos = unpk('<I4', body, pos)
  L.length, pos = bytes / 4, pos + bytes
  bytes, pos = unpk('<I4', body, pos)
  pos = pos + bytes
  L.window, pos = text(body, pos)
  L.metadata, pos = text(body, pos)
  local vectors
  vectors, pos = unpk('<I4', body, pos)
  for i = 1, vectors do L.vectors[i], pos = text(body, pos) end
  pos = 1
  for i = 1, n do L.occurrences[i], pos = unpk('<I4', hints, pos) end
  L.averages = string.sub(hints, pos)
  return L
end

local function lookup(key, fields, stage)
  local out = fetch(key, fields)
  if stage then
    for i = 1, #fields do
      local staged = stage[key .. '\0' .. fields[i]]
      if staged ~= nil then out[i] = staged end
    end
  end
  return out
end

-- What is planned comes before what is stored: false there is a pattern deleted.
local function stagedRow(g, kb, h, name, stage)
  local planned = stage and stage[K(g, 'p', kb) .. '/' .. name]
  if planned ~= nil then return planned end
  return patternRow(g, kb, h.laid, name)
end

local function plan(kb, h, L, seq, at, stage)
  local g = h[GEN]
  local F = {seq = seq, first = h[SYMBOLS], ids = {}, new = {}, indexed = {}, name = bytesOf(L.name)}
  local ikey, wkey = K(g, 'i', kb), K(g, 'w', kb)
  local pkey = stage and K(g, 'p', kb) .. '/' .. F.name
  local found = lookup(ikey, L.symbols, stage)
  for i = 1, #L.symbols do
    local id = tonumber(found[i])
    if not id then
      id = h[SYMBOLS]
      h[SYMBOLS] = id + 1
      F.new[#F.new + 1] = i
      if stage then stage[ikey .. '\0' .. L.symbols[i]] = id end
    end
    F.ids[i] = id
  end
  F.row = stagedRow(g, kb, h, F.name, stage)
  F.isNew = not F.row
  if F.row then
    F.pattern = patternId(F.row)
  else
    F.pattern = h[PATTERNS]
    h[PATTERNS], h[T2], h[T3] = h[PATTERNS] + 1, h[T2] + 1, h[T3] + 1
    if stage then
      stage[pkey] = pack('<I5I1', F.pattern, 1)
      stage.added = (stage.added or 0) + 1
    end
  end
  h[T1] = h[T1] + L.length
  for i = 1, #L.vectors do
    local symbol, pos = text(L.vectors[i], 1)
    local length = (#L.vectors[i] - pos + 1) / 8
    if length > 0 and (h[VDIM] == 0 or h[VDIM] == length) then
      local known = F.vector and F.vector[symbol] or lookup(wkey, {symbol}, stage)[1]
      if not known then
        F.vector = F.vector or {}
        F.vector[symbol] = h[VCOUNT]
        if stage then stage[wkey .. '\0' .. symbol] = h[VCOUNT] end
        h[VCOUNT], h[VDIM] = h[VCOUNT] + 1, length
        F.indexed[#F.indexed + 1] = i - 1
      end
    end
  end
  h[SEQ] = seq
  F.packed = ids(F.ids)
  F.header = pack('<Bdd', 1, g, seq) .. at .. pack('<dBI4I4', F.pattern, F.isNew and 1 or 0, F.first, #F.ids) .. F.packed
    .. pack('<I4', #F.indexed) .. ids(F.indexed)
  return F
end

local function list(s)
  local out, pos = {}, 1
  while pos <= #s do out[#out + 1], pos = text(s, pos) end
  return out
end

local function appendWindow(old, added, keep)
  local records, out = list(old), {}
  for _, record in ipairs(list(added)) do records[#records + 1] = record end
  for i = math.max(1, #records - keep + 1), #records do out[#out + 1] = asText(records[i]) end
  return table.concat(out)
end

local function unionMetadata(...)
  local names, sets = {}, {}
  for _, s in ipairs({...}) do
    local pos = 1
    while pos <= #s do
      local name, count, value
      name, pos = text(s, pos)
      count, pos = unpk('<I4', s, pos)
      local set = sets[name]
      if not set then
        set = {values = {}, has = {}}
        sets[name] = set
        names[#names + 1] = name
      end
      for _ = 1, count do
        value, pos = text(s, pos)
        if not set.has[value] then
          set.has[value] = true
          set.values[#set.values + 1] = asText(value)
        end
      end
    end
  end
  local out = {}
  for i, name in ipairs(names) do
    out[i] = asText(name) .. pack('<I4', #sets[name].values) .. table.concat(sets[name].values)
  end
  return table.concat(out)
end

local function sums(s)
  local order, values, pos, name = {}, {}, 1, nil
  while pos <= #s do
    name, pos = text(s, pos)
    order[#order + 1] = name
    values[name], pos = unpk('<d', s, pos)
  end
  return order, values
end

local function raiseAffinities(key, fields, averages)
  local names, added = sums(averages)
  local rows, out = fetch(key, fields), {}
  for i = 1, #fields do
    local order, values = sums(rows[i] or '')
    for _, name in ipairs(names) do
      if values[name] == nil then
        order[#order + 1] = name
        values[name] = 0
      end
      values[name] = values[name] + added[name]
    end
    local parts = {}
    for k, name in ipairs(order) do parts[k] = asText(name) .. pack('<d', values[name]) end
    out[2 * i - 1], out[2 * i] = fields[i], table.concat(parts)
  end
  store(key, out)
end

-- A symbol's row after a change of its counters, and 1 when it was in no pattern and is in one now. The pmf that finalize-training saw is
-- kept aside when it changes for the first time.
local function counted(h, row, occurrences, members)
  local f, m, tail = 0, 0, ''
  if row then
    f, m = unpk('<dd', row)
    tail = string.sub(row, 17)
  end
  if members ~= 0 and h[FSEQ] ~= 0 and (tail == '' or unpk('<d', tail, 9) ~= h[FSEQ]) then tail = pack('<dd', m, h[FSEQ]) end
  return pack('<dd', f + occurrences, m + members) .. tail, (row and m == 0 and members > 0) and 1 or 0
end

local function apply(kb, h, L, F)
  local g = h[GEN]
  local byName, byId = {}, {}
  for k, i in ipairs(F.new) do
    byName[2 * k - 1], byName[2 * k] = L.symbols[i], F.ids[i]
    byId[2 * k - 1], byId[2 * k] = F.ids[i], L.symbols[i]
  end
  store(K(g, 'i', kb), byName)
  store(K(g, 'n', kb), byId)

  local frequency, window, metadata = 1, '', ''
  if F.row then frequency = patternFrequency(F.row) + 1 end
  if #L.window > 0 or #L.metadata > 0 then
    local mkey = K(g, 'm', kb)
    local more = F.row and call('HGET', mkey, F.name)
    if more then
      local pos
      window, pos = text(more, 1)
      metadata = string.sub(more, pos)
    end
    if #L.window > 0 then window = appendWindow(window, L.window, L.keep) end
    if #L.metadata > 0 then metadata = unionMetadata(metadata, L.metadata) end
    call('HSET', mkey, F.name, asText(window) .. metadata)
  end
  if F.isNew then
    growPatterns(g, kb, h.laid)
    h.laid = h.laid + 1
    if KATO then call('INCR', P .. 'patterns') end
  end
  storePattern(g, kb, h.laid, F.name, F.pattern, frequency)
  if KATO then
    local known = F.isNew or #L.window > 0 or #L.metadata > 0
    katoPattern(kb, L.name, frequency, known and window, metadata)
  end

  local ckey, member, out = K(g, 'c', kb), F.isNew and 1 or 0, {}
  local rows = fetch(ckey, F.ids)
  for i = 1, #F.ids do
    local row, gone = counted(h, rows[i], L.occurrences[i], member)
    h[GONE] = h[GONE] - gone
    out[2 * i - 1], out[2 * i] = F.ids[i], row
  end
  store(ckey, out)
  if KATO then katoSymbols(kb, L.symbols, out) end
  if #L.averages > 0 then
    raiseAffinities(K(g, 'a', kb), F.ids, L.averages)
    raiseAffinities(K(g, 'e', kb), {F.pattern}, L.averages)
    if KATO then katoAffinities(kb, g, F.ids, L.symbols) end
  end

  for _, position in ipairs(F.indexed) do
    local vector = L.vectors[position + 1]
    local symbol = text(vector, 1)
    call('HSET', K(g, 'w', kb), symbol, F.vector[symbol])
    call('RPUSH', K(g, 'v', kb), vector)
  end
  return pack('<dddBdI4', F.seq, g, F.pattern, F.isNew and 1 or 0, frequency, #F.ids) .. F.packed
end
`;

/**
 * out: 0 conflict, 1 outbox full, 2 and the results, 3 more patterns than the layout holds, 4 done, but its results are no longer known.
 * ARGV: 3 outboxMax, 4 session?, 5 id, 6 row, 7 expected, 8 expiry, 9 view, 10 owner of the lock, 11 request (0 none, 1 of the newest,
 * 2 intent), 12 request id or session id, 13 version of the intent, then {kb, body, hints, at}.
 */
export const COMMIT = `${LEARN}
if ARGV[11] == '1' then
  local before = call('HGET', P .. 'r', ARGV[12])
  if before then return {2, before} end
elseif ARGV[11] == '2' then
  local before = call('HGET', P .. 'x', ARGV[12])
  if before then
    local version = unpk('<d', before)
    if version == tonumber(ARGV[13]) then return {2, string.sub(before, 9)} end
    if version > tonumber(ARGV[13]) then return {4} end
  end
end
local n = (#ARGV - 13) / 4
local full = tonumber(call('GET', P .. 'waiting') or '0') + n > tonumber(ARGV[3])
if full and ARGV[4] == '0' then return {1} end
local learns, heads = {}, {}
for i = 1, n do
  local at = 10 + 4 * i
  local kb = ARGV[at]
  heads[kb] = heads[kb] or readHead(kb)
  learns[i] = {kb = kb, h = heads[kb], L = parse(ARGV[at + 1], ARGV[at + 2]), at = ARGV[at + 3]}
end
local crowded = false
if KATO and not full then
  local held = tonumber(call('GET', P .. 'patterns') or '0')
  if held + n > KMAX then
    local added = {}
    for _, learn in ipairs(learns) do
      local name, h = bytesOf(learn.L.name), learn.h
      local key = learn.kb .. '/' .. name
      if not added[key] and not patternRow(h[GEN], learn.kb, h.laid, name) then added[key], held = true, held + 1 end
    end
    crowded = held > KMAX
  end
end
if ARGV[4] == '1' then
  if full or crowded then
    local now = call('GETRANGE', P .. 's:' .. ARGV[5], 0, 7)
    if #now < 8 or unpk('<d', now) ~= tonumber(ARGV[7]) then return {0} end
    return {full and 1 or 3}
  end
  if not saveSession(ARGV[5], ARGV[6], ARGV[7], ARGV[8], ARGV[9], ARGV[10]) then return {0} end
end
if crowded then return {3} end
local added, results = {}, {}
for i, learn in ipairs(learns) do
  local kb, h = learn.kb, learn.h
  local F = plan(kb, h, learn.L, h[SEQ] + 1, learn.at)
  results[i] = apply(kb, h, learn.L, F)
  append(kb, h, F.header .. learn.L.body)
  added[kb] = (added[kb] or 0) + 1
end
for kb, h in pairs(heads) do
  writeHead(kb, h)
  if KATO then katoTotals(kb, h) end
  waits(kb, added[kb])
end
local answer = table.concat(results)
if ARGV[11] == '1' then
  remember(ARGV[12], answer)
elseif ARGV[11] == '2' then
  call('HSET', P .. 'x', ARGV[12], pack('<d', tonumber(ARGV[13])) .. answer)
  call('ZADD', P .. 'xt', call('TIME')[1], ARGV[12])
  if call('ZCARD', P .. 'xt') > ${INTENTS_KEPT} then call('HDEL', P .. 'x', call('ZPOPMIN', P .. 'xt')[1]) end
end
return {2, answer}
`;

/** out: false, or why it cannot be. ARGV from 3: {kind, kb, generation, seq, below, body, hints, at, expected header}. All is checked before anything is written. */
export const REPLAY = `${LEARN}${EDIT_A_PATTERN}${SET_AFFINITIES}
local EPOCH = ${EPOCH_FACTOR}
local function follows(h, kind, g, seq, below)
  if kind == 'clear' then
    if seq > h[SEQ] and (g > h[GEN] or h[SEQ] == 0) then return end
    return 'it clears a generation that is over'
  end
  if seq ~= h[SEQ] + 1 and not (seq > h[SEQ] and seq % EPOCH == 1) then
    return 'the change before it is missing (the last is ' .. string.format('%.0f', h[SEQ]) .. ')'
  end
  if g ~= h[GEN] then return 'the kb is at another generation' end
  if kind == 'finalize' and below ~= h[PATTERNS] then return 'it finalized another number of patterns' end
end
local function run(stage)
  local heads = {}
  for at = 3, #ARGV, 9 do
    local kind, kb, g, seq, below = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4])
    local h = heads[kb] or readHead(kb)
    heads[kb] = h
    local why = follows(h, kind, g, seq, below)
    if why then return {ARGV[at + 3], kb, why} end
    if kind == 'clear' then
      if stage then
        heads[kb] = {g, seq, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, laid = 0}
      else
        heads[kb] = nextGeneration(kb, h, g, seq)
      end
    elseif kind == 'finalize' then
      finalize(h, seq)
    elseif kind == 'edit' then
      local E = parseEdit(ARGV[at + 5], ARGV[at + 6])
      local name = bytesOf(E.name)
      local row = stagedRow(g, kb, h, name, stage)
      if not row or patternId(row) ~= E.pattern then return {ARGV[at + 3], kb, 'it edits pattern ' .. E.name .. ', which is not there'} end
      if stage then
        h[SEQ] = seq
        if E.which == 0 then stage[K(g, 'p', kb) .. '/' .. name] = false end
      else
        edit(kb, h, E, seq, row)
      end
    elseif kind == 'affinity' then
      if setAffinities(kb, h, seq, ARGV[at + 5], stage) then return {ARGV[at + 3], kb, 'it names a symbol that was never learned'} end
    else
      local L = parse(ARGV[at + 5], ARGV[at + 6])
      local F = plan(kb, h, L, seq, ARGV[at + 7], stage)
      if F.header ~= ARGV[at + 8] then return {ARGV[at + 3], kb, 'the ids that come out are not those recorded'} end
      if not stage then apply(kb, h, L, F) end
    end
  end
  if stage then
    if KATO and tonumber(call('GET', P .. 'patterns') or '0') + (stage.added or 0) > KMAX then
      return {ARGV[6], ARGV[4], 'the key layout kato holds ' .. KMAX .. ' patterns at most'}
    end
  else
    for kb, h in pairs(heads) do
      writeHead(kb, h)
      if KATO then katoTotals(kb, h) end
    end
  end
  return false
end
return run({}) or run()
`;
