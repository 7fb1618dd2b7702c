-- Store a slice of what Meta told us; for each its outcome and the keys it belongs to, between spaces
-- (see told). Twice is safe: the second time is "duplicate".
-- ARGV: the time as RQ writes it, then for each update two arguments: its kind and that kind's fields
-- as a JSON array (see take_*), and a message's document as it is to be kept.
-- Many updates in one call are one atomic step; Python keeps the slices small.

local at = ARGV[1]

local MOST_FORMER = 2000 -- characters

-- Outcome, conversation and turn; of a status also the bubble's number, the attempt, the first message
-- that its turn answers and when the bubble's last send began. Any but the first may be empty.
local function told(...) return table.concat({ ... }, ' ') end

-- Who asked for silence is not heard under another id either.
local function move_pause(from, to)
  local pause = redis.call('GET', pause_key(from))
  if not pause then return end
  local reason, ends = string.match(pause, '^(%a+):%d+:(%d+)$')
  if not is_over(ends) then set_pause(to, reason, tonumber(ends)) end
end

-- What was said under another key of the same person is found by way of this conversation.
local function merge(from, to)
  move_pause(from, to)
  redis.call('SADD', merged_key(to), from)
  redis.call('EXPIRE', merged_key(to), KEPT_SECONDS)
end

-- Where a conversation without a user id was known by this key, it was the same person's.
local function keep_alias(key, conversation)
  if key == '' then return end
  local before = redis.call('SET', 'rv:alias:' .. key, conversation, 'EX', KEPT_SECONDS, 'GET')
  if not before or before == conversation then return end
  if redis.call('HEXISTS', conversation_key(before), 'user_id') == 0 then merge(before, conversation) end
end

-- To be asked for keeps an alias alive.
local function known_as(key)
  return key ~= '' and redis.call('GETEX', 'rv:alias:' .. key, 'EX', KEPT_SECONDS) or nil
end

-- Which conversation this person's words belong to: by user id; by phone only where no user id is
-- known. A conversation that began by phone alone takes on the user id when it first shows.
local function resolve(user_key, phone_key)
  local by_user, by_phone = known_as(user_key), known_as(phone_key)
  local conversation
  if user_key == '' then
    conversation = by_phone or phone_key
  elseif by_user then
    conversation = by_user
  elseif by_phone and redis.call('HEXISTS', conversation_key(by_phone), 'user_id') == 0 then
    conversation = by_phone
  else
    conversation = user_key
  end
  if by_phone and by_phone ~= conversation then
    -- A recycled number: whoever had it before is reached by user id from now on.
    if redis.call('HEXISTS', conversation_key(by_phone), 'user_id') == 1 then
      redis.call('HDEL', conversation_key(by_phone), 'phone')
    end
  end
  if by_user ~= conversation then keep_alias(user_key, conversation) end
  if by_phone ~= conversation then keep_alias(phone_key, conversation) end
  return conversation
end

-- A pause without an end lasts as long after the person's last words, and so do the ways to it.
local function keep_silence(conversation, ...)
  local pause = redis.call('GET', pause_key(conversation))
  if not pause or string.sub(pause, -2) ~= ':0' then return end
  redis.call('PEXPIRE', pause_key(conversation), PAUSE_KEPT_MS)
  redis.call('ZADD', PAUSED_KEY, (now_ms() + PAUSE_KEPT_MS) / 1000, conversation)
  for _, key in ipairs({ ... }) do
    if key ~= '' then redis.call('PEXPIRE', 'rv:alias:' .. key, PAUSE_KEPT_MS) end
  end
end

-- STOP silences the bot at once, also in the middle of an answer, and START ends that; the turn that the
-- word becomes says so, once. A second STOP, and a START to a bot that speaks, are words like others;
-- so is a START that was said before the newest STOP and comes after it.
local function flip(conversation, switch, silent, seconds)
  local key = conversation_key(conversation)
  local stopped_at = tonumber(redis.call('HGET', key, 'stopped_at') or 0)
  if switch == 'stop' then
    redis.call('HSET', key, 'stopped_at', math.max(stopped_at, seconds))
    if silent == 'stop' then return end
    set_pause(conversation, 'stop', 0)
    redis.call('HSET', key, 'owed', 'stopped')
  elseif silent == 'stop' and seconds >= stopped_at then
    redis.call('DEL', pause_key(conversation))
    redis.call('ZREM', PAUSED_KEY, conversation)
    redis.call('HSET', key, 'owed', 'started')
  end
end

local function note_address(conversation, number_id, account_id, user_id, phone, name)
  local key = conversation_key(conversation)
  local fields = { 'number_id', number_id }
  local known = { account_id = account_id, user_id = user_id, phone = phone, name = name }
  for field, value in pairs(known) do
    if value ~= '' then
      fields[#fields + 1] = field
      fields[#fields + 1] = value
    end
  end
  redis.call('HSET', key, unpack(fields))
  redis.call('EXPIRE', key, KEPT_SECONDS)
end

local function take_message(document, message_key, user_key, phone_key, user_id, phone, number_id,
                            account_id, name, seconds, turn, switch)
  if not redis.call('SET', 'rv:seen:' .. message_key, '', 'NX', 'EX', SEEN_SECONDS) then
    return 'duplicate'
  end
  local conversation = resolve(user_key, phone_key)
  local key = conversation_key(conversation)
  note_address(conversation, number_id, account_id, user_id, phone, name)
  -- By Meta's second, then by arrival: three quick messages often share a second.
  local arrival = redis.call('HINCRBY', key, 'messages', 1) % 1000000
  local silent, whole_number = silent_for(conversation, number_id)
  if switch ~= '' then
    flip(conversation, switch, silent, seconds)
    keep_silence(conversation, user_key, phone_key)
    silent, whole_number = keeps_silent(conversation, number_id)
  end
  -- Of all others, the turn's beginning does it: that costs no webhook anything.
  if silent or arrival == 1 then note_number(number_id) end
  if silent == 'stop' then
    remember(conversation, entry_of(document))
    forget_old_texts(conversation) -- no turn comes that would
    keep_silence(conversation, user_key, phone_key)
    return told('paused', conversation)
  end
  redis.call('ZADD', inbox_key(conversation), seconds * 1000000 + arrival, document)
  redis.call('EXPIRE', inbox_key(conversation), TEXTS_SECONDS)
  if silent then
    park(conversation, number_id, whole_number)
    record_inbox(conversation, MOST_PARKED)
    forget_old_texts(conversation)
    keep_silence(conversation, user_key, phone_key)
    return told('paused', conversation)
  end
  redis.call('ZADD', PENDING_KEY, 'LT', seconds, conversation)
  local lives, answers, held = live(conversation)
  if lives then
    -- Who has yet to take it up reads the inbox anyway.
    if held then redis.call('PUBLISH', NEWS_CHANNEL, conversation) end
    return told('joined', conversation, answers)
  end
  queue_turn(conversation, turn, at)
  return told('queued', conversation, turn)
end

-- A colleague has answered from the Business app: what waits is answered by that, and the bot is silent.
-- One so late that it silences nobody answers nothing when the person has written since.
-- The bubbles that we send ourselves are no colleague's, should Meta ever echo them.
local function take_echo(entry, message_key, user_key, phone_key, user_id, phone, number_id, account_id,
                         seconds, ends, call)
  if redis.call('EXISTS', 'rv:bubble:' .. message_key) == 1 then return 'ignored' end
  if not redis.call('SET', 'rv:seen:' .. message_key, '', 'NX', 'EX', SEEN_SECONDS) then
    return 'duplicate'
  end
  local conversation = resolve(user_key, phone_key)
  note_address(conversation, number_id, account_id, user_id, phone, '')
  keep_silence(conversation, user_key, phone_key)
  local is_late = ends <= now_ms()
  local since = redis.call('ZCOUNT', inbox_key(conversation), (seconds + 1) * 1000000, '+inf')
  if not is_late or since == 0 then record_inbox(conversation) end
  remember(conversation, entry)
  note_number(number_id)
  if is_late or not set_pause(conversation, 'colleague', ends) then
    return told('news', conversation)
  end
  queue_call(call, conversation, 'colleague', ends, at)
  return told('paused', conversation)
end

-- Remember something that is not to be answered, so that its redelivery is counted once; what has no
-- id cannot be known again.
local function take_note(_, message_key)
  if message_key == '' then return 'ignored' end
  if not redis.call('SET', 'rv:seen:' .. message_key, '', 'NX', 'EX', SEEN_SECONDS) then
    return 'duplicate'
  end
  return 'ignored'
end

-- A status is news only when it is further than the last one, and "landed" when it is the first to say
-- that the person has the bubble (Meta may leave out "delivered" before "read"). It may come before the answer of its
-- own send: then the bubble's record begins here, and the answer adds to it.
local function take_status(_, wamid_key, delivery, seconds, code, turn, number, attempt)
  local key = 'rv:bubble:' .. wamid_key
  if turn ~= '' then redis.call('HSET', key, 'turn', turn, 'number', number) end
  local known = redis.call('HMGET', key, 'delivery', 'turn', 'number')
  local before = tonumber(known[1] or 0)
  if before >= delivery then return 'stale' end
  redis.call('HSET', key, 'delivery', delivery, 'at', seconds, 'code', code)
  redis.call('EXPIRE', key, KEPT_SECONDS)
  local word = before < DELIVERED and delivery >= DELIVERED and 'landed' or 'news'
  if not known[2] then return word end
  local record = turn_key(known[2])
  note_delivery(record, known[3], delivery, code, seconds, tonumber(attempt))
  -- A status does not make the texts in it live longer.
  if redis.call('TTL', record) < 0 then redis.call('EXPIRE', record, TEXTS_SECONDS) end
  redis.call('PUBLISH', NEWS_CHANNEL, known[2])
  local of = redis.call('HMGET', record, 'conversation', 'attempt:' .. known[3], 'begun',
    'sending_at:' .. known[3])
  if attempt == '' then attempt = of[2] or '' end
  return told(word, of[1] or '', known[2], known[3], attempt, string.match(of[3] or '', '^%x*'),
    of[4] or '')
end

local function prepend_history(from, to)
  local older = redis.call('LRANGE', 'rv:history:' .. from, 0, -1)
  for i = #older, 1, -1 do redis.call('LPUSH', 'rv:history:' .. to, older[i]) end
  if #older > 0 then redis.call('EXPIRE', 'rv:history:' .. to, TEXTS_SECONDS) end
  redis.call('DEL', 'rv:history:' .. from)
end

-- Earlier ids of the person, a line each: other numbers of ours may know them by these alone.
local function keep_former(key, user_id)
  if user_id == '' then return end
  local former = redis.call('HGET', key, 'former')
  if former and string.find(former .. '\n', user_id .. '\n', 1, true) then return end
  redis.call('HSET', key, 'former', string.sub((former and former .. '\n' or '') .. user_id, -MOST_FORMER))
end

-- A person has a new number or user id. Where the new one has already written, the old history goes
-- in front of the new conversation; else the conversation keeps its key and changes its address.
local function take_move(_, old_user_key, old_phone_key, new_user_key, new_phone_key, user_id, phone,
                         old_user_id)
  local conversation = known_as(old_user_key) or known_as(old_phone_key)
  if not conversation then return 'ignored' end
  local key = conversation_key(conversation)
  local other = known_as(new_user_key)
  local by_phone = known_as(new_phone_key)
  if not other and by_phone then
    -- The same person only if nothing says that it is another one.
    local holder = redis.call('HGET', conversation_key(by_phone), 'user_id')
    if not holder or holder == user_id then
      other = by_phone
    elseif by_phone ~= conversation then
      redis.call('HDEL', conversation_key(by_phone), 'phone')
    end
  end
  if user_id ~= '' then redis.call('HSET', key, 'user_id', user_id) end
  if phone ~= '' then redis.call('HSET', key, 'phone', phone) end
  keep_former(key, old_user_id)
  redis.call('EXPIRE', key, KEPT_SECONDS)
  local target = conversation
  if other and other ~= conversation then
    prepend_history(conversation, other)
    merge(conversation, other)
    target = other
  end
  keep_alias(old_user_key, target) -- late webhooks still carry the old id
  if new_phone_key ~= '' and old_phone_key ~= '' and old_phone_key ~= new_phone_key then
    keep_alias(old_phone_key, target)
    redis.call('DEL', 'rv:alias:' .. old_phone_key)
  end
  keep_alias(new_user_key, target)
  keep_alias(new_phone_key, target)
  keep_silence(target, old_user_key, new_user_key, new_phone_key)
  return told('moved', target)
end

-- Meta tells of an account or a number. What has a time may come late: then only the newest counts.
local function take_notice(_, effect, scope, code, account_id, number_id, seconds, wait_ms, growth)
  local dated = seconds ~= ''
  if effect == 'tell' then return 'news' end
  if dated then
    local newest = 'rv:account:' .. account_id
    if tonumber(redis.call('GET', newest) or 0) > seconds then return 'stale' end
    redis.call('SET', newest, seconds, 'EX', KEPT_SECONDS)
  end
  local key, trouble = hold_key(scope, '', number_id, account_id), 'rv:trouble:' .. scope
  if effect == 'resume' then
    redis.call('DEL', key, trouble)
    return 'news'
  end
  hold(key, 'no probe', code, wait_ms, growth)
  -- An error passes if it does not come again; an account stays stopped until Meta says so.
  redis.call('SET', trouble, code, 'EX', dated and KEPT_SECONDS or TROUBLE_SECONDS)
  return 'news'
end

local takers = {
  message = take_message,
  note = take_note,
  status = take_status,
  move = take_move,
  notice = take_notice,
  echo = take_echo,
}

if is_newer() then return redis.error_reply('NEWER data is here than this version of us knows') end

local outcomes = {}
for i = 2, #ARGV, 2 do
  local update = cjson.decode(ARGV[i])
  outcomes[#outcomes + 1] = takers[update[1]](ARGV[i + 1], unpack(update, 2))
end
return outcomes
