-- Stop sending for a scope: until a time, or until a probe gets through.
-- ARGV: conversation, token, scope ('pair', 'number', 'account', 'app', 'token'), code, ms to wait,
--       growth (each further stop in a row waits so many times longer).
-- Returns the ms that it is held for now.

local conversation, token, scope, code, wait_ms, growth = unpack(ARGV)
local ids = redis.call('HMGET', conversation_key(conversation), 'number_id', 'account_id')
return hold(hold_key(scope, conversation, ids[1], ids[2]), token, code, wait_ms, growth)
