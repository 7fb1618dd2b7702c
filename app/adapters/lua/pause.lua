-- Silence the bot in a conversation, or in all of a number's.
-- ARGV: 'conversation' or 'number', its key or id, reason, until in ms (0: without an end).
-- Twice is harmless. Returns 1 when it was not silent before.

local scope, id, reason, ends = unpack(ARGV)
ends = tonumber(ends)
if scope == 'conversation' then
  local new = set_pause(id, reason, ends)
  if reason == 'stop' then record_inbox(id) end
  return new and 1 or 0
end
local now = now_ms()
local left = ends > 0 and ends - now + PAUSE_GRACE_MS or PAUSE_KEPT_MS
local known = redis.call('GET', number_pause_key(id))
redis.call('SET', number_pause_key(id), string.format('%s:%d:%d', reason, now, ends), 'PX', left)
redis.call('ZADD', PAUSED_NUMBERS_KEY, (ends > 0 and ends or now + left) / 1000, id)
return known and 0 or 1
