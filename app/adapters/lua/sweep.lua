-- Queue a turn for conversations whose messages wait and whom nobody reads, however that came about.
-- ARGV: the time as RQ writes it, Unix seconds that the oldest message must be older than, ms until
--       somebody may sweep again, then an id for each turn that may be needed.
-- Looks at the oldest conversations only: a stranded one comes to be among them. Pauses that are over
-- end here too.
-- Returns how many turns were queued.

local at, before, pause_ms = unpack(ARGV, 1, 3)
if is_newer() then return 0 end
if not redis.call('SET', 'rv:swept', '', 'NX', 'PX', pause_ms) then return 0 end
local most, next = #ARGV - 3, 4
local waiting = redis.call('ZRANGEBYSCORE', PENDING_KEY, '-inf', before, 'LIMIT', 0, most)
for _, conversation in ipairs(waiting) do
  if redis.call('EXISTS', inbox_key(conversation)) == 0 then
    redis.call('ZREM', PENDING_KEY, conversation) -- its messages have expired
  else
    next = next + wake(conversation, ARGV[next], at)
  end
end

local now = now_ms() / 1000
redis.call('ZREMRANGEBYSCORE', GIVEN_UP_KEY, '-inf', now - TEXTS_SECONDS) -- theirs have expired too
local function due(key) return redis.call('ZRANGEBYSCORE', key, '-inf', now, 'LIMIT', 0, most) end
-- Its key tells whether a pause still stands: it may have been made longer.
local function stands_until(pause)
  local ends = pause and string.match(pause, ':(%d+)$')
  if not ends or is_over(ends) then return nil end
  return ends == '0' and now + PAUSE_KEPT_MS / 1000 or ends / 1000
end

for _, conversation in ipairs(due(PAUSED_KEY)) do
  local ends = stands_until(redis.call('GET', pause_key(conversation)))
  if ends then
    redis.call('ZADD', PAUSED_KEY, ends, conversation)
  elseif next <= #ARGV then
    next = next + wake(conversation, ARGV[next], at)
    redis.call('ZREM', PAUSED_KEY, conversation)
  end
end
for _, number_id in ipairs(due(PAUSED_NUMBERS_KEY)) do
  local ends = stands_until(redis.call('GET', number_pause_key(number_id)))
  if ends then
    redis.call('ZADD', PAUSED_NUMBERS_KEY, ends, number_id)
  elseif next <= #ARGV then
    next = next + wake_number(number_id, at, ARGV, next)
  end
end
return next - 4
