-- Shared by all scripts, behind turns.lua: what keeps the bot silent, and what becomes of what is said
-- meanwhile. A pause is written 'reason:since:until' in ms, until 0 without an end; it stands on for
-- PAUSE_GRACE_MS after its end, so that whoever comes first then knows what it was for.

local PAUSED_KEY, PAUSED_NUMBERS_KEY = 'rv:paused', 'rv:paused_numbers'

local function pause_key(conversation) return 'rv:pause:' .. conversation end
local function number_pause_key(number_id) return 'rv:pause:number:' .. number_id end
local function parked_key(number_id) return 'rv:paused:' .. number_id end

local function number_of(conversation)
  return redis.call('HGET', conversation_key(conversation), 'number_id') or ''
end

local function entry(role, text)
  return cjson.encode({ role = role, text = text, at = math.floor(now_ms() / 1000) })
end

local function entry_of(document) return entry('user', cjson.decode(document).text) end

-- One more entry of the history. A turn in hand puts its own in front of those that came meanwhile.
local function remember(conversation, entry)
  local history = 'rv:history:' .. conversation
  redis.call('RPUSH', history, entry)
  redis.call('LTRIM', history, -HISTORY_ENTRIES, -1)
  redis.call('EXPIRE', history, TEXTS_SECONDS)
  if redis.call('EXISTS', lease_key(conversation)) == 1 then
    redis.call('HINCRBY', conversation_key(conversation), 'aside', 1)
  end
end

-- An answer that a dead worker left in its middle ends where the person stopped reading.
local function close_open(conversation)
  local key = conversation_key(conversation)
  local turn = redis.call('HGET', key, 'open')
  if not turn then return end
  local record = turn_key(turn)
  local apology = redis.call('HGET', record, 'apology')
  local said, number = {}, 0
  local known = redis.call('HMGET', record, 'state:0', 'source:0')
  while known[1] do
    local seen = known[1] ~= 'planned' and known[1] ~= 'unsent'
    if seen and tostring(number) ~= apology then said[#said + 1] = known[2] end
    number = number + 1
    known = redis.call('HMGET', record, 'state:' .. number, 'source:' .. number)
  end
  if #said > 0 then
    remember(conversation, entry('assistant', table.concat(said, '\n\n')))
  end
  redis.call('HSET', record, 'ending', 'paused', 'ended_at', now_ms() / 1000)
  redis.call('EXPIRE', record, TEXTS_SECONDS)
  redis.call('HDEL', key, 'open')
end

-- Take what waits as answered, all but the newest few: it is in the history, and nobody answers it.
local function record_inbox(conversation, but)
  if redis.call('EXISTS', lease_key(conversation)) == 1 then return end
  local last = -(but or 0) - 1
  local documents = redis.call('ZRANGE', inbox_key(conversation), 0, last)
  if #documents == 0 then return end
  for _, document in ipairs(documents) do remember(conversation, entry_of(document)) end
  redis.call('ZREMRANGEBYRANK', inbox_key(conversation), 0, last)
  if not but then
    close_open(conversation)
    redis.call('ZREM', PENDING_KEY, conversation)
    redis.call('ZREM', GIVEN_UP_KEY, conversation)
  end
end

-- What a turn in hand has left when a colleague answered, or a STOP came, meanwhile: nobody answers it.
local function record_left(conversation)
  local key = conversation_key(conversation)
  local aside = redis.call('HGET', key, 'aside')
  if not aside then return end
  redis.call('HDEL', key, 'aside')
  local history = 'rv:history:' .. conversation
  local later = redis.call('RPOP', history, aside) or {}
  record_inbox(conversation)
  for i = #later, 1, -1 do redis.call('RPUSH', history, later[i]) end
  redis.call('EXPIRE', history, TEXTS_SECONDS)
end

local function is_over(ends) return ends ~= '0' and tonumber(ends) <= now_ms() end

-- What a person says after a colleague's answer is mostly thanks, and the colleague reads it.
local function end_pause(conversation, reason)
  redis.call('DEL', pause_key(conversation))
  redis.call('ZREM', PAUSED_KEY, conversation)
  if reason == 'colleague' then record_inbox(conversation) end
end

-- Why nobody may answer here now (nil: one may), and whether that is so for the whole number.
local function silent_for(conversation, number_id)
  local pauses = redis.call('MGET', pause_key(conversation), number_pause_key(number_id))
  for place, pause in ipairs(pauses) do
    if pause then
      local reason, ends = string.match(pause, '^(%a+):%d+:(%d+)$')
      if not is_over(ends) then return reason, place == 2 end
      if place == 1 then end_pause(conversation, reason) end
    end
  end
  return nil
end

-- The same for a turn, which may say the one sentence that is owed about a STOP (unless the whole number
-- is silent).
local function keeps_silent(conversation, number_id)
  local reason, whole_number = silent_for(conversation, number_id)
  if reason ~= 'stop' then return reason, whole_number end
  if redis.call('HEXISTS', conversation_key(conversation), 'owed') == 0 then return reason, false end
  local pause = redis.call('GET', number_pause_key(number_id))
  if pause and not is_over(string.match(pause, ':(%d+)$')) then return 'operator', true end
  return nil
end

-- What waits while nobody may answer is not unanswered: the pause's end finds it.
local function park(conversation, number_id, whole_number)
  redis.call('ZREM', PENDING_KEY, conversation)
  if whole_number then
    redis.call('ZADD', parked_key(number_id), 'NX', now_ms() / 1000, conversation)
    redis.call('EXPIRE', parked_key(number_id), KEPT_SECONDS)
  end
end

-- Have what waits answered, if something does and somebody may. Returns how many turns were queued.
local function wake(conversation, turn, at)
  local number_id = number_of(conversation)
  local reason, whole_number = keeps_silent(conversation, number_id)
  if redis.call('EXISTS', inbox_key(conversation)) == 0 then return 0 end
  if reason then
    park(conversation, number_id, whole_number)
    return 0
  end
  note_pending(conversation)
  if live(conversation) then return 0 end
  queue_turn(conversation, turn, at)
  return 1
end

-- The same for as many as there are ids of turns, of those whose number was silent.
local function wake_number(number_id, at, turns, first)
  local next = first
  local parked = redis.call('ZPOPMIN', parked_key(number_id), #turns - first + 1)
  for i = 1, #parked, 2 do next = next + wake(parked[i], turns[next], at) end
  if redis.call('EXISTS', parked_key(number_id)) == 0 then
    redis.call('ZREM', PAUSED_NUMBERS_KEY, number_id)
  end
  return next - first
end

local MINUTE, DAY = 60, 86400
local function usage_key(window, conversation) return 'rv:' .. window .. ':' .. conversation end

local function usage_keys(conversation)
  local keys = {}
  for i, window in ipairs({ 'minute', 'day', 'tokens', 'told' }) do
    keys[i] = usage_key(window, conversation)
  end
  return keys
end

local function count_up(window, conversation, amount, seconds)
  local key = usage_key(window, conversation)
  local count = redis.call('INCRBY', key, amount)
  if count == tonumber(amount) then redis.call('EXPIRE', key, seconds) end
  return count
end

-- One more turn of this person's, and what they have used up; into its record, so that a later run of the
-- same turn decides alike. 'told': they know already that a limit is reached.
local function note_usage(conversation, record)
  redis.call('HSET', record,
    'minute_turns', count_up('minute', conversation, 1, MINUTE),
    'day_turns', count_up('day', conversation, 1, DAY),
    'day_tokens', redis.call('GET', usage_key('tokens', conversation)) or 0,
    'told', redis.call('EXISTS', usage_key('told', conversation)))
end

-- Once in a window is enough.
local function note_told(conversation, window)
  local left = redis.call('PTTL', usage_key(window, conversation))
  if left > 0 then redis.call('SET', usage_key('told', conversation), '', 'PX', left) end
end

-- Have a worker tell whoever runs the business that the bot has fallen silent, where somebody is to be told.
local function queue_call(id, conversation, reason, ends, at)
  if #CALL_FIELDS == 0 then return end
  local arguments = string.format('"%s", "%s", %d, %d', conversation, reason, now_ms() / 1000, ends / 1000)
  redis.call('HSET', 'rq:job:' .. id, 'data', CALL_HEAD .. arguments .. CALL_TAIL, 'created_at', at,
    'enqueued_at', at, unpack(CALL_FIELDS))
  redis.call('RPUSH', QUEUE_KEY, id)
  redis.call('SADD', 'rq:queues', QUEUE_KEY)
end

-- Write a pause down; where it ends is in ms, 0 for never. Of two the later end counts, but a STOP
-- outlives all others, and an operator's word replaces any other. Returns whether it is a new silence.
local function set_pause(conversation, reason, ends)
  local now = now_ms()
  local since = now
  local known = redis.call('GET', pause_key(conversation))
  if known then
    local why, began, stood = string.match(known, '^(%a+):(%d+):(%d+)$')
    if not is_over(stood) then
      if why == 'stop' and reason ~= 'stop' then return false end
      local longer = stood == '0' or (ends > 0 and tonumber(stood) >= ends)
      if longer and reason ~= 'operator' and reason ~= 'stop' then return false end
      since = began
    end
  end
  local left = ends > 0 and ends - now + PAUSE_GRACE_MS or PAUSE_KEPT_MS
  redis.call('SET', pause_key(conversation), string.format('%s:%d:%d', reason, since, ends), 'PX', left)
  redis.call('ZADD', PAUSED_KEY, (ends > 0 and ends or now + left) / 1000, conversation)
  redis.call('ZREM', PENDING_KEY, conversation)
  redis.call('PUBLISH', NEWS_CHANNEL, conversation)
  return since == now
end
