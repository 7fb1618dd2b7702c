-- Read the inbox of a turn once more, of whose answer nothing has left yet: its plan is dropped.
-- ARGV: conversation, token, turn, most messages.
-- Returns the messages, or nothing when the lease is not ours.

local conversation, token, turn, most = unpack(ARGV)
if redis.call('GET', lease_key(conversation)) ~= token then return false end
drop_plan(turn_key(turn))
redis.call('HINCRBY', turn_key(turn), 'joins', 1)
return redis.call('ZRANGE', inbox_key(conversation), 0, most - 1)
