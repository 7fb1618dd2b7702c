-- Write down what became of a send. No lease is asked: what has happened has happened.
-- ARGV: conversation, turn, number, state ('sent', 'unsent' or 'uncertain'), key of the wamid or '',
--       code, time.
-- A status may have come first; then the bubble's record is there and keeps its delivery.

local conversation, turn, number, state, wamid_key, code, at = unpack(ARGV)
local record = turn_key(turn)
redis.call('HSET', record, 'state:' .. number, state, 'code:' .. number, code, 'at:' .. number, at)
redis.call('EXPIRE', record, KEPT_SECONDS)
if wamid_key ~= '' then
  local key = 'rv:bubble:' .. wamid_key
  redis.call('HSET', key, 'turn', turn, 'number', number)
  redis.call('EXPIRE', key, KEPT_SECONDS)
  local delivery = redis.call('HGET', key, 'delivery')
  if delivery then redis.call('HSET', record, 'delivery:' .. number, delivery) end
  -- It works again: nobody need wait any longer.
  redis.call('DEL', unpack(hold_keys(conversation, redis.call('HGET', conversation_key(conversation),
    'number_id'))))
end
