-- Take a conversation's lease and read what waits in it.
-- ARGV: conversation, turn, token, lease in ms, most messages, the time in Unix seconds, another turn's id.
-- Returns {'newer'} (see is_newer), {'empty'} (nothing to do, or a pause stands), {'held', ms} (stopped:
-- come back then), {'leased', ms} (its holder may be dead: come back then), or
-- {'taken', messages, history, record of the turn, last bubble of the reply before, the turn, the sentence
-- that is owed ('stopped', 'started' or '')}: another
-- one where an earlier turn's answer has begun and not ended, under whichever job.

local conversation, turn, token, lease_ms, most, at, fresh = unpack(ARGV)
local key = conversation_key(conversation)

if is_newer() then return { 'newer' } end

-- A lease is held: by a living worker, or by one that has died since it was renewed.
local holder = redis.call('GET', lease_key(conversation))
if holder then
  -- Another job's worker: whatever becomes of it, that job comes again, not this one.
  local job = string.match(holder, '^[^:]*')
  if job ~= turn and job_stands(job) then return { 'empty' } end
  -- Without this job nobody might come, so it looks again when the lease should have run out. If that
  -- very lease still stands then, its holder lives: this run is one too many.
  local left_ms = redis.call('PTTL', lease_key(conversation))
  local doubted = redis.call('HMGET', key, 'doubted', 'doubted_until_ms')
  if doubted[1] ~= holder then
    redis.call('HSET', key, 'doubted', holder, 'doubted_until_ms', now_ms() + left_ms)
  elseif now_ms() > tonumber(doubted[2]) then
    return { 'empty' }
  end
  return { 'leased', left_ms }
end

local number_id = number_of(conversation)
local silent, whole_number = keeps_silent(conversation, number_id)
if silent then
  park(conversation, number_id, whole_number)
  if redis.call('HGET', key, 'turn') == turn then redis.call('HDEL', key, 'turn', 'live_ms') end
  return { 'empty' }
end

local messages = redis.call('ZRANGE', inbox_key(conversation), 0, most - 1)
if #messages == 0 then
  -- A duplicate run, or a job whose messages another turn has answered.
  if redis.call('HGET', key, 'turn') == turn then redis.call('HDEL', key, 'turn', 'live_ms') end
  return { 'empty' }
end

local owed = redis.call('HGET', key, 'owed')
local open = redis.call('HGET', key, 'open')
if owed and open and redis.call('HGET', turn_key(open), 'owed') ~= owed then
  -- A STOP, or a START after it: nobody wants the rest of that answer.
  close_open(conversation)
  turn, open = fresh, nil
end
local reply = open or turn
-- A job that runs once more after its turn has ended: what waits now is another turn's.
if redis.call('HEXISTS', turn_key(reply), 'ending') == 1 then return { 'empty' } end

local held_ms = held(conversation, token)
if held_ms > 0 then return { 'held', held_ms } end

redis.call('SET', lease_key(conversation), token, 'PX', lease_ms)
redis.call('HSET', key, 'turn', turn)
redis.call('HDEL', key, 'live_ms', 'popped_ms', 'doubted', 'doubted_until_ms', 'aside')
redis.call('ZREM', GIVEN_UP_KEY, conversation)
local record = turn_key(reply)
redis.call('HSET', record, 'conversation', conversation, 'owed', owed or '')
if redis.call('HSETNX', record, 'started_at', at) == 1 then
  local oldest = redis.call('ZRANGE', inbox_key(conversation), 0, 0, 'WITHSCORES')
  redis.call('HSET', record, 'said_at', math.floor(oldest[2] / 1000000), 'queued_at',
    redis.call('HGET', 'rq:job:' .. turn, 'created_at') or '')
  list_turn(conversation, reply)
  note_number(number_id)
  note_account(number_id, redis.call('HGET', key, 'account_id'))
  note_usage(conversation, record)
end
redis.call('HINCRBY', record, 'runs', 1)
-- Whoever leaves alive takes the name out.
if redis.call('HGET', record, 'holder') then redis.call('HINCRBY', record, 'deaths', 1) end
redis.call('HSET', record, 'holder', token)
redis.call('EXPIRE', record, TEXTS_SECONDS)
forget_old_texts(conversation)

-- A status of the first bubble tells that the answer has begun, even where a failover has forgotten it.
if redis.call('HEXISTS', record, 'begun') + redis.call('HEXISTS', record, 'delivery:0') == 0 then
  drop_plan(record)
end
return {
  'taken',
  messages,
  redis.call('LRANGE', 'rv:history:' .. conversation, 0, -1),
  redis.call('HGETALL', record),
  redis.call('HGET', key, 'last') or '',
  reply,
  owed or '',
}
