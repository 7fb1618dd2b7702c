-- Write down that a bubble is about to leave, and read where it goes.
-- ARGV: conversation, token, turn, number, attempt, source, text, messages read (or '' for any),
--       ms that the send may take, time in Unix seconds, keys of the messages answered,
--       PAIR_BURST, NUMBER_RATE, '1' for a sentence that is owed about a STOP.
-- Returns {'lost'}, {'paused'}, {'grown'}, {'held', ms, scope}: not now, ask again then; {'sent'}: a status
-- says that the bubble has been sent, whoever knows of it; or
-- {'go', phone_number_id, phone, user_id, ms to wait for its turn, bubbles left of the pair's burst}.
-- Nothing of this attempt leaves after its deadline; a successor's clock starts there.

local conversation, token, turn, number, attempt, source, text, read, send_ms, at, answers, burst,
  rate, owed = unpack(ARGV)
if redis.call('GET', lease_key(conversation)) ~= token then return { 'lost' } end
local key = conversation_key(conversation)
local address = redis.call('HMGET', key, 'number_id', 'phone', 'user_id')
local silent = owed == '1' and keeps_silent or silent_for
if silent(conversation, address[1] or '') then return { 'paused' } end
local record = turn_key(turn)
local told = tonumber(redis.call('HGET', record, 'delivery:' .. number) or FAILED)
if told ~= FAILED then
  redis.call('HSETNX', record, 'begun', answers)
  redis.call('HSETNX', record, 'source:' .. number, source)
  redis.call('HSETNX', record, 'text:' .. number, text)
  redis.call('HSET', record, 'state:' .. number, 'sent')
  redis.call('HSET', key, 'open', turn)
  return { 'sent' }
end
if read ~= '' and redis.call('ZCARD', inbox_key(conversation)) > tonumber(read) then
  return { 'grown' }
end
local held_ms, scope = held(conversation, token)
if held_ms > 0 then return { 'held', held_ms, scope } end

-- The pair's tokens come at Meta's sustained rate, one per 6 s, and at most PAIR_BURST are saved up.
local now = now_ms()
local pair_ms, burst_ms = 6000, burst * 6000
local pair_key = 'rv:pair:' .. conversation
local full_at = math.max(tonumber(redis.call('GET', pair_key) or 0), now) + pair_ms
if full_at - now > burst_ms then return { 'held', full_at - now - burst_ms, 'pair' } end
redis.call('SET', pair_key, full_at, 'PX', full_at - now)

-- The number's sends go one behind the other, in the order in which they asked; a second's worth of
-- them may go at once.
local number_key = 'rv:number:' .. address[1]
local free_at = math.max(tonumber(redis.call('GET', number_key) or 0), now) + 1000 / rate
redis.call('SET', number_key, free_at, 'PX', math.ceil(free_at - now) + 1000)
local wait_ms = math.max(0, math.ceil(free_at - now - 1000))

redis.call('HSETNX', record, 'begun', answers)
if redis.call('HGET', record, 'delivery:' .. number) == tostring(FAILED) then
  local failed = redis.call('HMGET', record, 'attempt:' .. number, 'failed_code:' .. number,
    'failed_at:' .. number)
  note_failure(record, number, failed[1], 'failed', failed[2] or '', failed[3] or at)
  redis.call('HDEL', record, 'delivery:' .. number, 'failed_code:' .. number, 'failed_at:' .. number)
end
redis.call('HSET', record, 'state:' .. number, 'sending', 'attempt:' .. number, attempt,
  'source:' .. number, source, 'text:' .. number, text, 'sending_at:' .. number, at,
  'deadline_ms:' .. number, now + wait_ms + send_ms,
  'waits_from:' .. number, now + wait_ms + send_ms - intake_away_ms())
redis.call('HSET', key, 'open', turn, 'last', turn .. ':' .. number .. ':' .. at)
return { 'go', address[1] or '', address[2] or '', address[3] or '', wait_ms,
  math.floor((burst_ms - (full_at - now)) / pair_ms) }
