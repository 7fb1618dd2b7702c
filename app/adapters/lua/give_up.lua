-- Stop trying to answer: the messages stay in the inbox, for a requeue or the person's next words.
-- ARGV: conversation, token, turn, Unix seconds. Returns 1, or 0 when the lease is not ours.

local conversation, token, turn, seconds = unpack(ARGV)
if redis.call('GET', lease_key(conversation)) ~= token then return 0 end
redis.call('ZREM', PENDING_KEY, conversation)
redis.call('ZADD', GIVEN_UP_KEY, seconds, conversation)
redis.call('HSET', turn_key(turn), 'given_up_at', seconds)
redis.call('HDEL', turn_key(turn), 'holder', 'deaths')
redis.call('DEL', lease_key(conversation))
redis.call('HDEL', conversation_key(conversation), 'turn', 'live_ms', 'popped_ms')
return 1
