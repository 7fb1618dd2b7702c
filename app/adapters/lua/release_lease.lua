-- Give a lease back; the messages keep waiting. ARGV: conversation, token, turn. Twice is harmless.

local conversation, token, turn = unpack(ARGV)
local record = turn_key(turn)
if redis.call('HGET', record, 'holder') == token then redis.call('HDEL', record, 'holder') end
if redis.call('GET', lease_key(conversation)) ~= token then return end
redis.call('DEL', lease_key(conversation))
local number_id = number_of(conversation)
local silent, whole_number = keeps_silent(conversation, number_id)
if not silent then return end
park(conversation, number_id, whole_number)
record_left(conversation)
