-- Write down that a bubble is about to leave, and read where it goes.
-- ARGV: conversation, token, turn, number, attempt, source, messages read (or '' for any), time.
-- Returns {'lost'}, {'grown'}, or {'go', phone_number_id, phone, user_id}.

local conversation, token, turn, number, attempt, source, read, at = unpack(ARGV)
if redis.call('GET', lease_key(conversation)) ~= token then return { 'lost' } end
if read ~= '' and redis.call('ZCARD', inbox_key(conversation)) > tonumber(read) then
  return { 'grown' }
end
redis.call('HSET', turn_key(turn), 'state:' .. number, 'sending', 'attempt:' .. number, attempt,
  'source:' .. number, source, 'sending_at:' .. number, at)
local address = redis.call('HMGET', conversation_key(conversation), 'number_id', 'phone', 'user_id')
return { 'go', address[1] or '', address[2] or '', address[3] or '' }
