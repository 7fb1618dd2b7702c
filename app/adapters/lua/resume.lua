-- End a pause now, and have what waits answered.
-- ARGV: 'conversation' or 'number', its key or id, the time as RQ writes it, ids of turns that may be
--       needed. Returns whether there was a pause, and whether more of the number's people wait.

local scope, id, at = unpack(ARGV, 1, 3)
if scope == 'conversation' then
  local ended = redis.call('DEL', pause_key(id))
  redis.call('ZREM', PAUSED_KEY, id)
  -- Nobody is told that the bot will be silent when it speaks again.
  local key = conversation_key(id)
  if redis.call('HGET', key, 'owed') == 'stopped' then redis.call('HDEL', key, 'owed') end
  wake(id, ARGV[4], at)
  return { ended, 0 }
end
local ended = redis.call('DEL', number_pause_key(id))
-- Where this call is the last, the sweeper goes on.
redis.call('ZADD', PAUSED_NUMBERS_KEY, 'XX', now_ms() / 1000, id)
wake_number(id, at, ARGV, 4)
return { ended, redis.call('EXISTS', parked_key(id)) }
