/**
 * Lua of an edit of a pattern: the arithmetic of `lmdb-edit.ts`. Runs behind the prelude of `redis-scripts.ts` and the functions of a learn
 * (`redis-learn-script.ts`).
 */

/** An edit: read apart (the body of `edit-entry.ts`), and written. */
export const EDIT_A_PATTERN = `
local function parseEdit(body, averages)
  local E, pos, bytes = {body = body, averages = averages, ids = {}, occurrences = {}}, 1, 0
  E.pattern, pos = unpk('<d', body, pos)
  E.name, pos = text(body, pos)
  bytes, pos = unpk('<I4', body, pos)
  E.length = bytes / 4
  local seen = {}
  for _ = 1, E.length do
    local id
    id, pos = unpk('<I4', body, pos)
    if not seen[id] then
      E.ids[#E.ids + 1] = id
      seen[id] = #E.ids
    end
    E.occurrences[seen[id]] = (E.occurrences[seen[id]] or 0) + 1
  end
  bytes, pos = unpk('<I4', body, pos)
  pos = pos + bytes
  E.which, E.keep, E.frequency, pos = unpk('<BI4d', body, pos)
  E.window, pos = text(body, pos)
  E.metadata = text(body, pos)
  return E
end

local function names(which, bit) return which % (2 * bit) >= bit end

-- Takes sums back. A name that comes to exactly 0 goes; false: nothing is left.
local function lowered(row, given)
  local order, values = sums(row or '')
  local named, taken = sums(given)
  for _, name in ipairs(named) do
    if values[name] == nil then
      order[#order + 1] = name
      values[name] = 0
    end
    values[name] = values[name] - taken[name]
  end
  local gone, parts = {}, {}
  for _, name in ipairs(named) do gone[name] = values[name] == 0 end
  for _, name in ipairs(order) do
    if not gone[name] then parts[#parts + 1] = asText(name) .. pack('<d', values[name]) end
  end
  return #parts > 0 and table.concat(parts)
end

local function edit(kb, h, E, seq, row)
  local g, delete = h[GEN], E.which == 0
  local name, frequency, window, metadata = bytesOf(E.name), patternFrequency(row), '', ''
  local mkey = K(g, 'm', kb)
  local more = call('HGET', mkey, name)
  if more then
    local pos
    window, pos = text(more, 1)
    metadata = string.sub(more, pos)
  end
  local nextFrequency = frequency
  if delete then nextFrequency = 0 elseif names(E.which, 1) then nextFrequency = E.frequency end
  local akey, ckey, ekey = K(g, 'a', kb), K(g, 'c', kb), K(g, 'e', kb)
  local regives = delete or names(E.which, 2)
  local given = regives and call('HGET', ekey, E.pattern) or false

  local rows, out, stay = fetch(ckey, E.ids), {}, {}
  for i = 1, #E.ids do
    local next = counted(h, rows[i], E.occurrences[i] * (nextFrequency - frequency), delete and -1 or 0)
    out[2 * i - 1], out[2 * i] = E.ids[i], next
    local _, members = unpk('<dd', next)
    if delete and members == 0 then
      h[GONE] = h[GONE] + 1
      call('HDEL', akey, E.ids[i])
    else
      stay[#stay + 1] = E.ids[i]
    end
  end
  store(ckey, out)
  if given then
    local affinities = fetch(akey, stay)
    for i = 1, #stay do
      if affinities[i] then
        local left = lowered(affinities[i], given)
        if left then call('HSET', akey, stay[i], left) else call('HDEL', akey, stay[i]) end
      end
    end
  end
  if #E.averages > 0 then raiseAffinities(akey, stay, E.averages) end

  h[SEQ] = seq
  h[T1] = h[T1] + E.length * (nextFrequency - frequency)
  if given then call('HDEL', ekey, E.pattern) end
  if #E.averages > 0 then raiseAffinities(ekey, {E.pattern}, E.averages) end
  if delete then
    h[T2], h[T3], h[DELETED] = h[T2] - 1, h[T3] - 1, h[DELETED] + 1
    forgetPattern(g, kb, h.laid, name)
    call('HDEL', mkey, name)
    call('RPUSH', K(g, 'd', kb), string.format('%.0f', E.pattern))
  else
    if names(E.which, 2) then window = E.window end
    if names(E.which, 4) then metadata = E.metadata end
    storePattern(g, kb, h.laid, name, E.pattern, nextFrequency)
    if #window + #metadata > 0 then call('HSET', mkey, name, asText(window) .. metadata) else call('HDEL', mkey, name) end
  end
  if KATO then
    local symbols = fetch(K(g, 'n', kb), E.ids)
    katoSymbols(kb, symbols, out)
    katoAffinities(kb, g, E.ids, symbols)
    if delete then
      katoForgetPattern(kb, h, name)
      call('DECR', P .. 'patterns')
    else
      katoPattern(kb, E.name, nextFrequency, window, metadata)
    end
  end
end
`;

/** out: 1 outbox full, or a string with a byte an edit (1 done, 0 unknown). ARGV: 3 outboxMax, 4 request?, 5 id, 6 kb, 7 generation, 8 at, then {body, averages}. */
export const EDIT_CALL = String.raw`
if ARGV[4] == '1' then
  local before = call('HGET', P .. 'r', ARGV[5])
  if before then return before end
end
local n = (#ARGV - 8) / 2
if tonumber(call('GET', P .. 'waiting') or '0') + n > tonumber(ARGV[3]) then return 1 end
local kb = ARGV[6]
local h, outcomes, done = readHead(kb), {}, 0
for i = 1, n do
  local E = parseEdit(ARGV[7 + 2 * i], ARGV[8 + 2 * i])
  local row = h[GEN] == tonumber(ARGV[7]) and patternRow(h[GEN], kb, h.laid, bytesOf(E.name))
  if row and patternId(row) == E.pattern then
    edit(kb, h, E, h[SEQ] + 1, row)
    append(kb, h, pack('<Bdd', 4, h[GEN], h[SEQ]) .. ARGV[8] .. E.body)
    done, outcomes[i] = done + 1, '\1'
  else
    outcomes[i] = '\0'
  end
end
if done > 0 then
  writeHead(kb, h)
  if KATO then katoTotals(kb, h) end
  waits(kb, done)
end
local answer = table.concat(outcomes)
if ARGV[4] == '1' then remember(ARGV[5], answer) end
return answer
`;
