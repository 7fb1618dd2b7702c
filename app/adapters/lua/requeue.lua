-- Queue a turn for what waits in a conversation, at an operator's wish.
-- ARGV: conversation, the time as RQ writes it, the id of a turn that may be needed.
-- Returns 'queued', 'live' (somebody will read it anyway), 'paused', 'nothing' (none waits) or 'unknown'.

local conversation, at, turn = unpack(ARGV)
if redis.call('EXISTS', conversation_key(conversation)) == 0 then return 'unknown' end
if silent_for(conversation, number_of(conversation)) then return 'paused' end
if redis.call('EXISTS', inbox_key(conversation)) == 0 then return 'nothing' end
if live(conversation) then return 'live' end
local failed_key = 'rq:failed:' .. QUEUE
local last = redis.call('LINDEX', turns_key(conversation), 0)
if last and redis.call('ZREM', failed_key, last) == 1 then
  redis.call('DEL', 'rq:job:' .. last) -- so that nothing of its failure is left in the new one
  turn = last
end
queue_turn(conversation, turn, at)
redis.call('ZREM', GIVEN_UP_KEY, conversation)
note_pending(conversation)
return 'queued'
