-- Take a conversation's lease and read what waits in it.
-- ARGV: conversation, turn, token, lease in ms, most messages, the time in Unix seconds.
-- Returns {'leased', token, ms left}, {'empty'}, {'held', ms} (stopped: come back then), or
-- {'taken', messages, history, record of the turn, last bubble of the reply before, the turn}: another
-- one where an earlier turn's answer has begun and not ended, under whichever job.

local conversation, turn, token, lease_ms, most, at = unpack(ARGV)
local key = conversation_key(conversation)

local holder = redis.call('GET', lease_key(conversation))
if holder then return { 'leased', holder, redis.call('PTTL', lease_key(conversation)) } end

local messages = redis.call('ZRANGE', inbox_key(conversation), 0, most - 1)
if #messages == 0 then
  -- A duplicate run, or a job whose messages another turn has answered.
  if redis.call('HGET', key, 'turn') == turn then redis.call('HDEL', key, 'turn', 'live_ms') end
  return { 'empty' }
end

local reply = redis.call('HGET', key, 'open') or turn
-- A job that runs once more after its turn has ended: what waits now is another turn's.
if redis.call('HEXISTS', turn_key(reply), 'ending') == 1 then return { 'empty' } end

local held_ms = held(conversation, redis.call('HGET', key, 'number_id'), token)
if held_ms > 0 then return { 'held', held_ms } end

redis.call('SET', lease_key(conversation), token, 'PX', lease_ms)
redis.call('HSET', key, 'turn', turn)
redis.call('HDEL', key, 'live_ms', 'popped_ms')
redis.call('ZREM', GIVEN_UP_KEY, conversation)
local record = turn_key(reply)
redis.call('HSET', record, 'conversation', conversation)
redis.call('HSETNX', record, 'started_at', at)
redis.call('HINCRBY', record, 'runs', 1)
redis.call('EXPIRE', record, KEPT_SECONDS)

if redis.call('HEXISTS', record, 'begun') == 0 then drop_plan(record) end
return {
  'taken',
  messages,
  redis.call('LRANGE', 'rv:history:' .. conversation, 0, -1),
  redis.call('HGETALL', record),
  redis.call('HGET', key, 'last') or '',
  reply,
}
