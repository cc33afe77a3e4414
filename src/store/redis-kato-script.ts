/**
 * Lua of the key layout `kato`: beside our own records, the keys that KATO keeps in Redis, under KATO's names and in KATO's forms, for
 * dashboards and tests that read them. They are written by the same scripts as the records, so they are never behind; nothing here reads
 * them. About 120 bytes a pattern more, which is why such a store refuses to grow past a number of patterns. Runs behind the prelude of
 * `redis-scripts.ts`.
 *
 *   <kb>:frequency:<sha1>      times learned                        <kb>:symbols:freq, :pmf    hashes: per symbol
 *   <kb>:emotives:<sha1>       JSON list, newest last               <kb>:affinity:<symbol>     hash: per emotive the sum
 *   <kb>:metadata:<sha1>       JSON object of sorted lists          <kb>:global:<total>        the three totals
 *   kato:session:<id>          JSON, with expiry                    kato:session:_active_index set of session ids
 *
 * Not written: `symbol_to_patterns`, entropies, term vectors, predictions and the event streams, which are ten times the rest.
 */
export const KATO_LUA = `
local KMAX, KP = string.match(ARGV[1], '^k(%d+) (.*)$')
local KATO = KMAX ~= nil
KMAX = tonumber(KMAX)

local function whole(n) return string.format('%.0f', n) end
-- The shortest text that reads back as the same number, with the point that tells a float.
local function float(n)
  local s
  for digits = 15, 17 do
    s = string.format('%.' .. digits .. 'g', n)
    if tonumber(s) == n then break end
  end
  if not string.find(s, '[%.eni]') then s = s .. '.0' end
  return s
end
-- By bytes: Lua's own order of texts is the server's locale's.
local function before(a, b)
  for i = 1, math.min(#a, #b) do
    local x, y = string.byte(a, i), string.byte(b, i)
    if x ~= y then return x < y end
  end
  return #a < #b
end

local function katoEmotives(window)
  local records, pos, record = {}, 1, nil
  while pos <= #window do
    record, pos = text(window, pos)
    local parts, at, name, value = {}, 1, nil, nil
    while at <= #record do
      name, at = text(record, at)
      value, at = unpk('<d', record, at)
      parts[#parts + 1] = cjson.encode(name) .. ': ' .. float(value)
    end
    records[#records + 1] = '{' .. table.concat(parts, ', ') .. '}'
  end
  return '[' .. table.concat(records, ', ') .. ']'
end

local function katoMetadata(s)
  local parts, pos = {}, 1
  while pos <= #s do
    local name, count, values = nil, 0, {}
    name, pos = text(s, pos)
    count, pos = unpk('<I4', s, pos)
    for i = 1, count do values[i], pos = text(s, pos) end
    table.sort(values, before)
    for i = 1, count do values[i] = cjson.encode(values[i]) end
    parts[#parts + 1] = cjson.encode(name) .. ': [' .. table.concat(values, ', ') .. ']'
  end
  return '{' .. table.concat(parts, ', ') .. '}'
end

-- Window and metadata where they are known; false leaves them as they are.
local function katoPattern(kb, name, frequency, window, metadata)
  local base = KP .. kb
  call('SET', base .. ':frequency:' .. name, whole(frequency))
  if window then
    if #window > 0 then call('SET', base .. ':emotives:' .. name, katoEmotives(window)) else call('DEL', base .. ':emotives:' .. name) end
    if #metadata > 0 then call('SET', base .. ':metadata:' .. name, katoMetadata(metadata)) else call('DEL', base .. ':metadata:' .. name) end
  end
end

-- 'rows' are {id, row, id, row …} in the order of 'symbols'.
local function katoSymbols(kb, symbols, rows)
  local freq, pmf = {}, {}
  for i, symbol in ipairs(symbols) do
    local f, m = unpk('<dd', rows[2 * i])
    freq[2 * i - 1], freq[2 * i] = symbol, whole(f)
    pmf[2 * i - 1], pmf[2 * i] = symbol, whole(m)
  end
  store(KP .. kb .. ':symbols:freq', freq)
  store(KP .. kb .. ':symbols:pmf', pmf)
end

-- Affinities of symbols as they are now; one that has none any more goes.
local function katoAffinities(kb, g, ids, symbols)
  for i, record in ipairs(fetch(K(g, 'a', kb), ids)) do
    local key, out, pos, name, value = KP .. kb .. ':affinity:' .. symbols[i], {}, 1, nil, nil
    call('DEL', key)
    while record and pos <= #record do
      name, pos = text(record, pos)
      value, pos = unpk('<d', record, pos)
      out[#out + 1], out[#out + 2] = name, float(value)
    end
    store(key, out)
  end
end

local TOTALS = {'total_symbols_in_patterns_frequencies', 'total_pattern_frequencies', 'total_unique_patterns'}
local function katoTotals(kb, h)
  for i, name in ipairs(TOTALS) do call('SET', KP .. kb .. ':global:' .. name, whole(h[T1 + i - 1])) end
end

-- What a kb shows as a whole goes at once; patterns and affinities are known by the records of the generation, and swept with them.
local function katoClear(kb, h)
  call('UNLINK', KP .. kb .. ':symbols:freq', KP .. kb .. ':symbols:pmf')
  for _, name in ipairs(TOTALS) do call('DEL', KP .. kb .. ':global:' .. name) end
  call('DECRBY', P .. 'patterns', h[T3])
end

local function hex(name) return (string.gsub(name, '.', function(c) return string.format('%02x', string.byte(c)) end)) end

-- A pattern of a generation that is over; the present one may have learned it again.
local function katoForgetPattern(kb, h, name)
  if patternRow(h[GEN], kb, h.laid, name) then return end
  local base, sha1 = KP .. kb, hex(name)
  call('UNLINK', base .. ':frequency:' .. sha1, base .. ':emotives:' .. sha1, base .. ':metadata:' .. sha1)
end
local function katoForgetAffinity(kb, h, symbol)
  local id = call('HGET', K(h[GEN], 'i', kb), symbol)
  if id and call('HEXISTS', K(h[GEN], 'a', kb), id) == 1 then return end
  call('UNLINK', KP .. kb .. ':affinity:' .. symbol)
end

local function katoSession(id, view, expires)
  local key = KP .. 'kato:session:' .. id
  call('SET', key, view, 'PXAT', string.format('%.0f', expires))
  call('SADD', KP .. 'kato:session:_active_index', id)
end
local function katoForgetSession(id)
  call('DEL', KP .. 'kato:session:' .. id)
  call('SREM', KP .. 'kato:session:_active_index', id)
end
`;
