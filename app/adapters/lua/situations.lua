-- How conversations stand, for an operator. ARGV: conversations.
-- Returns for each a JSON document with the fields of Situation, or '' where nothing is known of it.

local function longest_hold(conversation)
  local scope, code, until_ms
  for i, key in ipairs(hold_keys(conversation)) do
    local hold = redis.call('HMGET', key, 'until_ms', 'code')
    local ends = tonumber(hold[1] or 0)
    if ends > now_ms() and ends > (until_ms or 0) then
      scope, code, until_ms = HOLD_SCOPES[i], hold[2], ends
    end
  end
  return scope, code, until_ms and until_ms / 1000
end

-- Why the bot is silent here, until when (nothing: without an end), and whether for the whole number.
-- Unlike silent_for it ends no pause that is over: who only looks wakes nobody.
local function silence(conversation, number_id)
  local pauses = redis.call('MGET', pause_key(conversation), number_pause_key(number_id))
  for place, pause in ipairs(pauses) do
    local reason, ends = string.match(pause or '', '^(%a+):%d+:(%d+)$')
    if reason and not is_over(ends) then
      return reason, ends ~= '0' and ends / 1000 or nil, place == 2
    end
  end
end

local function situation(conversation)
  local known = redis.call('HMGET', conversation_key(conversation), 'number_id', 'turn')
  local number_id, turn = known[1], known[2]
  if not number_id then return '' end
  local seen = {
    conversation = conversation,
    number = number_id,
    waiting = redis.call('ZCARD', inbox_key(conversation)),
    turn = redis.call('LINDEX', turns_key(conversation), 0) or nil,
    given_up_at = tonumber(redis.call('ZSCORE', GIVEN_UP_KEY, conversation) or nil),
    answered_at = tonumber(redis.call('ZSCORE', ANSWERED_KEY, conversation) or nil),
  }
  seen.paused_for, seen.paused_until, seen.is_number_paused = silence(conversation, number_id)
  local holder = redis.call('GET', lease_key(conversation))
  seen.answering = holder and string.match(holder, '^[^:]+') or nil
  if seen.waiting > 0 then
    local oldest = redis.call('ZRANGE', inbox_key(conversation), 0, 0, 'WITHSCORES')
    seen.waiting_since = math.floor(oldest[2] / 1000000)
    seen.is_live = live(conversation)
    seen.next_try_at = turn and tonumber(redis.call('ZSCORE', SCHEDULED_KEY, turn) or nil) or nil
    seen.held_for, seen.held_code, seen.held_until = longest_hold(conversation)
  end
  return cjson.encode(seen)
end

local seen = {}
for i, conversation in ipairs(ARGV) do seen[i] = situation(conversation) end
return seen
