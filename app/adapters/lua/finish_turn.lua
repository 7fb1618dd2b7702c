-- History, acknowledgement, release and the next turn: all of it or nothing.
-- ARGV: conversation, token, turn, next turn, time as RQ writes it, ending, Unix time,
--       what else happens with it (JSON: see Closing), number of history entries, the entries, then key and document of each message answered.
-- Returns 'lost', 'done' or 'queued' (something new had come in).

local conversation, token, turn, next_turn, at, ending, seconds, closing, entries = unpack(ARGV, 1, 9)
if redis.call('GET', lease_key(conversation)) ~= token then return 'lost' end

local history = 'rv:history:' .. conversation
local first = 10 + tonumber(entries)
local key = conversation_key(conversation)
local later = redis.call('HGET', key, 'aside')
later = later and redis.call('RPOP', history, later) or {}
for i = 10, first - 1 do redis.call('RPUSH', history, ARGV[i]) end
for i = #later, 1, -1 do redis.call('RPUSH', history, later[i]) end
redis.call('LTRIM', history, -HISTORY_ENTRIES, -1)
redis.call('EXPIRE', history, TEXTS_SECONDS)

for i = first, #ARGV, 2 do
  redis.call('SET', 'rv:seen:' .. ARGV[i], turn, 'XX', 'KEEPTTL')
  redis.call('ZREM', inbox_key(conversation), ARGV[i + 1])
end
local record = turn_key(turn)
redis.call('HSET', record, 'ending', ending, 'ended_at', seconds)
redis.call('EXPIRE', record, TEXTS_SECONDS)
if ending == 'answered' then redis.call('DEL', 'rv:trouble:model') end
redis.call('DEL', lease_key(conversation))
redis.call('HDEL', key, 'turn', 'live_ms', 'popped_ms', 'open', 'aside')
closing = cjson.decode(closing)
if closing.owed == redis.call('HGET', key, 'owed') then redis.call('HDEL', key, 'owed') end
if closing.tokens > 0 then count_up('tokens', conversation, closing.tokens, DAY) end
if closing.told ~= '' then note_told(conversation, closing.told) end
if closing.pause ~= '' and set_pause(conversation, closing.pause, closing.ends) then
  queue_call(closing.call, conversation, closing.pause, closing.ends, at)
end
note_pending(conversation)
note_answered(conversation, seconds)
redis.call('PUBLISH', NEWS_CHANNEL, turn)

if redis.call('EXISTS', inbox_key(conversation)) == 0 then return 'done' end
local number_id = number_of(conversation)
local silent, whole_number = keeps_silent(conversation, number_id)
if silent then
  park(conversation, number_id, whole_number)
  if silent == 'stop' then record_inbox(conversation) end
  return 'done'
end
queue_turn(conversation, next_turn, at)
return 'queued'
