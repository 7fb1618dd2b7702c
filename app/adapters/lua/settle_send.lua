-- Write down what became of a send. That it was sent is true whoever holds the lease; that it was not
-- is only for the holder to say: a successor may have begun another attempt.
-- ARGV: conversation, token, turn, number, state ('sent', 'unsent' or 'uncertain'), key of the wamid or
--       '', code, time.
-- A status may have come first; then the bubble's record is there and keeps its delivery.

local conversation, token, turn, number, state, wamid_key, code, at = unpack(ARGV)
local record = turn_key(turn)
local ours = redis.call('GET', lease_key(conversation)) == token
if state ~= 'sent' and not ours then return end
redis.call('HSET', record, 'state:' .. number, state, 'code:' .. number, code, 'at:' .. number, at)
redis.call('EXPIRE', record, TEXTS_SECONDS)
if state ~= 'sent' then
  note_failure(record, number, redis.call('HGET', record, 'attempt:' .. number), state, code, at)
end
if state == 'uncertain' then
  redis.call('HSET', record, 'waits_from:' .. number, now_ms() - intake_away_ms())
end
if wamid_key ~= '' then
  redis.call('HDEL', record, 'deaths')
  local key = 'rv:bubble:' .. wamid_key
  redis.call('HSET', key, 'turn', turn, 'number', number)
  redis.call('EXPIRE', key, KEPT_SECONDS)
  local known = redis.call('HMGET', key, 'delivery', 'code', 'at')
  note_delivery(record, number, tonumber(known[1] or SENT), known[2] or '', known[3] or at)
  if not ours then redis.call('PUBLISH', NEWS_CHANNEL, turn) end
  lift_holds(conversation, token)
end
