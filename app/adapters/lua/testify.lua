-- Write down again what this worker knows of a reply's sends: a failover may have forgotten the last of
-- it. What is written already, or has come further, stays.
-- ARGV: conversation, turn, keys of the messages answered, then for each bubble its number, attempt,
--       state, source, text, deadline in ms and key of its wamid or ''.

local conversation, turn, answers = unpack(ARGV, 1, 3)
local record = turn_key(turn)
if redis.call('HEXISTS', record, 'ending') == 1 then return end
for i = 4, #ARGV, 7 do
  local number, attempt, state, source, text, deadline_ms, wamid_key = unpack(ARGV, i, i + 6)
  local known = redis.call('HMGET', record, 'state:' .. number, 'attempt:' .. number)
  local behind = not known[1] or known[1] == 'planned' or tonumber(known[2] or 0) < tonumber(attempt)
  if behind or (known[1] == 'sending' and tonumber(known[2]) == tonumber(attempt)) then
    redis.call('HSET', record, 'state:' .. number, state, 'attempt:' .. number, attempt,
      'source:' .. number, source, 'text:' .. number, text, 'deadline_ms:' .. number, deadline_ms)
    if wamid_key ~= '' then
      redis.call('HSET', 'rv:bubble:' .. wamid_key, 'turn', turn, 'number', number)
      redis.call('EXPIRE', 'rv:bubble:' .. wamid_key, KEPT_SECONDS)
    end
  end
end
redis.call('HSETNX', record, 'begun', answers)
if redis.call('HSETNX', record, 'conversation', conversation) == 1 then
  list_turn(conversation, turn)
end
redis.call('EXPIRE', record, TEXTS_SECONDS)
if redis.call('EXISTS', conversation_key(conversation)) == 1 then
  redis.call('HSETNX', conversation_key(conversation), 'open', turn)
end
