-- Write down that a bubble is about to leave, and read where it goes.
-- ARGV: conversation, token, turn, number, attempt, source, text, messages read (or '' for any),
--       ms that the send may take, time in Unix seconds, keys of the messages answered.
-- Returns {'lost'}, {'grown'}, or {'go', phone_number_id, phone, user_id}.
-- Nothing of this attempt leaves after its deadline; a successor's clock starts there.

local conversation, token, turn, number, attempt, source, text, read, send_ms, at, answers =
  unpack(ARGV)
if redis.call('GET', lease_key(conversation)) ~= token then return { 'lost' } end
if read ~= '' and redis.call('ZCARD', inbox_key(conversation)) > tonumber(read) then
  return { 'grown' }
end
local record = turn_key(turn)
redis.call('HSETNX', record, 'begun', answers)
redis.call('HSET', record, 'state:' .. number, 'sending', 'attempt:' .. number, attempt,
  'source:' .. number, source, 'text:' .. number, text, 'sending_at:' .. number, at,
  'deadline_ms:' .. number, now_ms() + send_ms)
redis.call('HSET', conversation_key(conversation), 'last', turn .. ':' .. number .. ':' .. at)
local address = redis.call('HMGET', conversation_key(conversation), 'number_id', 'phone', 'user_id')
return { 'go', address[1] or '', address[2] or '', address[3] or '' }
