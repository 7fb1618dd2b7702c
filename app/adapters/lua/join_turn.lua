-- Read the inbox of a turn once more. ARGV: conversation, token, most messages.
-- Returns the messages, or nothing when the lease is not ours.

local conversation, token, most = unpack(ARGV)
if redis.call('GET', lease_key(conversation)) ~= token then return false end
return redis.call('ZRANGE', inbox_key(conversation), 0, most - 1)
