/**
 * Lua of the flush: which entries go together (the shares of `flush-plan.ts`), kept until the batch is finished. Runs behind the prelude of
 * `redis-scripts.ts`.
 */

/** out: nil, or {token, kb, {entries}, …}. ARGV: 3 owner, 4 limit, 5 lease in ms, 6 most bytes, 7 stem of a new token. */
export const TAKE = `
local clock = call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
local limit, key = tonumber(ARGV[4]), P .. 'flush'
local flush = call('HMGET', key, 'token', 'owner', 'until', 'shares')
local token, shares = flush[1], flush[4]
if token and flush[2] ~= ARGV[3] and tonumber(flush[3]) > now then return false end
if not token then
  local turn = call('GET', P .. 'turn')
  local kbs
  if turn then
    kbs = call('ZRANGEBYLEX', P .. 'turns', '(' .. turn, '+', 'LIMIT', 0, limit)
    for _, kb in ipairs(call('ZRANGEBYLEX', P .. 'turns', '-', '[' .. turn, 'LIMIT', 0, limit)) do
      if #kbs < limit then kbs[#kbs + 1] = kb end
    end
  else
    kbs = call('ZRANGEBYLEX', P .. 'turns', '-', '+', 'LIMIT', 0, limit)
  end
  local counts, taken, left = {}, {}, limit
  for i, kb in ipairs(kbs) do
    counts[i] = call('LLEN', P .. 'o:' .. kb)
    taken[i] = math.min(counts[i], math.ceil(left / (#kbs - i + 1)))
    left = left - taken[i]
  end
  local bytes, total, parts = 0, 0, {}
  for i, kb in ipairs(kbs) do
    local more = math.min(left, counts[i] - taken[i])
    left, taken[i] = left - more, taken[i] + more
  end
  for i, kb in ipairs(kbs) do
    local n = 0
    for _, entry in ipairs(call('LRANGE', P .. 'o:' .. kb, 0, taken[i] - 1)) do
      bytes = bytes + #entry
      if bytes > tonumber(ARGV[6]) and total > 0 then break end
      n, total = n + 1, total + 1
    end
    if n > 0 then
      parts[#parts + 1] = asText(kb) .. pack('<d', n)
      turn = kb
    end
    if n < taken[i] then break end
  end
  if total == 0 then return false end
  call('SET', P .. 'turn', turn)
  shares = table.concat(parts)
  token = ARGV[7] .. '-' .. string.format('%.0f', call('INCR', P .. 'batch'))
end
call('HSET', key, 'token', token, 'owner', ARGV[3], 'until', string.format('%.0f', now + tonumber(ARGV[5])), 'shares', shares)
local out, pos = {token}, 1
while pos <= #shares do
  local kb, n
  kb, pos = text(shares, pos)
  n, pos = unpk('<d', shares, pos)
  out[#out + 1] = kb
  out[#out + 1] = call('LRANGE', P .. 'o:' .. kb, 0, n - 1)
end
return out
`;

/** out: 1 when trimmed. ARGV: 3 owner, 4 token. */
export const FINISH = `
local flush = call('HMGET', P .. 'flush', 'token', 'owner', 'shares')
if flush[1] ~= ARGV[4] or flush[2] ~= ARGV[3] then return 0 end
local shares, pos, removed = flush[3], 1, 0
while pos <= #shares do
  local kb, n
  kb, pos = text(shares, pos)
  n, pos = unpk('<d', shares, pos)
  call('LTRIM', P .. 'o:' .. kb, n, -1)
  local h = readHead(kb)
  h[TRIMMED] = h[TRIMMED] + n
  writeHead(kb, h)
  removed = removed + n
  if h[TRIMMED] == h[PUSHED] then call('ZREM', P .. 'turns', kb) end
end
call('DECRBY', P .. 'waiting', removed)
call('DEL', P .. 'flush')
return 1
`;
