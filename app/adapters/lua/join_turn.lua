-- Read the inbox of a turn once more, of whose answer nothing has left yet: its plan is dropped.
-- ARGV: conversation, token, turn, most messages.
-- Returns what is owed (see begin_turn) and the messages; nothing when the lease is not ours, or 'paused'.

local conversation, token, turn, most = unpack(ARGV)
if redis.call('GET', lease_key(conversation)) ~= token then return false end
if keeps_silent(conversation, number_of(conversation)) then return 'paused' end
drop_plan(turn_key(turn))
redis.call('HINCRBY', turn_key(turn), 'joins', 1)
local owed = redis.call('HGET', conversation_key(conversation), 'owed') or ''
redis.call('HSET', turn_key(turn), 'owed', owed)
return {
  owed,
  redis.call('ZRANGE', inbox_key(conversation), 0, most - 1),
}
