-- Stop sending for a scope: until a time, or until a probe gets through.
-- ARGV: conversation, token, scope ('pair', 'number', 'account', 'app', 'token'), code, ms to wait,
--       growth (each further stop in a row waits so many times longer).
-- Returns the ms that it is held for now.

local conversation, token, scope, code, wait_ms, growth = unpack(ARGV)
local number_id = redis.call('HGET', conversation_key(conversation), 'number_id')
local key = hold_key(scope, conversation, number_id)
local now = now_ms()
local hold = redis.call('HMGET', key, 'until_ms', 'probe', 'times')
-- Several sends that fail in one breath are one stop; a probe that fails is the next one.
if hold[1] and tonumber(hold[1]) > now and hold[2] ~= token then
  return math.ceil(tonumber(hold[1]) - now)
end
local times = tonumber(hold[3] or 0) + 1
local held_ms = math.ceil(math.min(wait_ms * growth ^ (times - 1), MOST_HOLD_MS))
redis.call('HSET', key, 'until_ms', now + held_ms, 'code', code, 'times', times, 'probe', '')
redis.call('PEXPIRE', key, held_ms + KEPT_SECONDS * 1000)
return held_ms
