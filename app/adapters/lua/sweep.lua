-- Queue a turn for conversations whose messages wait and whom nobody reads, however that came about.
-- ARGV: the time as RQ writes it, Unix seconds that the oldest message must be older than, ms until
--       somebody may sweep again, then an id for each turn that may be needed.
-- Looks at the oldest conversations only: a stranded one comes to be among them.
-- Returns how many turns were queued.

local at, before, pause_ms = unpack(ARGV, 1, 3)
if not redis.call('SET', 'rv:swept', '', 'NX', 'PX', pause_ms) then return 0 end
local waiting = redis.call('ZRANGEBYSCORE', PENDING_KEY, '-inf', before, 'LIMIT', 0, #ARGV - 3)
local queued = 0
for i, conversation in ipairs(waiting) do
  if redis.call('EXISTS', inbox_key(conversation)) == 0 then
    redis.call('ZREM', PENDING_KEY, conversation) -- its messages have expired
  elseif not live(conversation) then
    queue_turn(conversation, ARGV[3 + i], at)
    queued = queued + 1
  end
end
return queued
