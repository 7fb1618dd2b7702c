-- Forget conversations: words, names, ids, and who answers them. Which messages were taken in stays
-- known by their keys, and so does a STOP, by all the keys that the person's next words may have.
-- ARGV: Unix seconds, then for each conversation a JSON array: itself, and the person's keys that lead
--       to it.
-- Returns how many conversations, waiting messages, history entries and turns are no more.

local at = ARGV[1]

local function erase_turns(conversation)
  local turns = redis.call('LRANGE', turns_key(conversation), 0, -1)
  for _, turn in ipairs(turns) do
    -- A turn that has ended is not begun again, and no worker that still has its words in mind
    -- writes them back.
    redis.call('DEL', turn_key(turn))
    redis.call('HSET', turn_key(turn), 'ending', 'erased', 'ended_at', at)
    redis.call('EXPIRE', turn_key(turn), KEPT_SECONDS)
  end
  return #turns
end

local function erase_pause(conversation, ways)
  local pause = redis.call('GET', pause_key(conversation))
  local reason, ends = string.match(pause or '', '^(%a+):%d+:(%d+)$')
  redis.call('ZREM', parked_key(number_of(conversation)), conversation)
  if reason == 'stop' and not is_over(ends) then
    for _, way in ipairs(ways) do set_pause(way, reason, tonumber(ends)) end
  else
    redis.call('DEL', pause_key(conversation))
    redis.call('ZREM', PAUSED_KEY, conversation)
  end
end

local erased = { 0, 0, 0, 0 }
for i = 2, #ARGV do
  local ways = cjson.decode(ARGV[i])
  local conversation = table.remove(ways, 1)
  local history = 'rv:history:' .. conversation
  erased[2] = erased[2] + redis.call('ZCARD', inbox_key(conversation))
  erased[3] = erased[3] + redis.call('LLEN', history)
  erased[4] = erased[4] + erase_turns(conversation)
  erase_pause(conversation, ways)
  erased[1] = erased[1] + redis.call('DEL', conversation_key(conversation))
  redis.call('DEL', lease_key(conversation), inbox_key(conversation), history,
    turns_key(conversation), merged_key(conversation), hold_key('pair', conversation),
    unpack(usage_keys(conversation)))
  for _, list in ipairs({ PENDING_KEY, GIVEN_UP_KEY, ANSWERED_KEY }) do
    redis.call('ZREM', list, conversation)
  end
  for _, way in ipairs(ways) do redis.call('DEL', 'rv:alias:' .. way) end
  redis.call('PUBLISH', NEWS_CHANNEL, conversation)
end
return erased
