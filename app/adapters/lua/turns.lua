-- Shared by all scripts, which the loader puts behind it: what a live turn is, how one is queued.
-- The loader also puts these constants in front: QUEUE, SEEN_SECONDS, KEPT_SECONDS, TEXTS_SECONDS (of
-- all that holds what somebody said), JOB_FIELDS,
-- JOB_HEAD and JOB_TAIL (an RQ job as rq_queue.py describes it).

local QUEUE_KEY = 'rq:queue:' .. QUEUE
local POPPED_KEY = QUEUE_KEY .. ':intermediate'
local SCHEDULED_KEY = 'rq:scheduled:' .. QUEUE
local PENDING_KEY = 'rv:pending'
local GIVEN_UP_KEY = 'rv:given_up'
local ANSWERED_KEY = 'rv:answered'
local NUMBERS_KEY = 'rv:numbers'
local ACCOUNTS_KEY = 'rv:accounts'
local NEWS_CHANNEL = 'rv:news'
local INTAKE_KEY = 'rv:intake'
local INTAKE_STALE_MS = 3000 -- a web process that has not beaten for so long takes nothing in

-- How long a positive answer of live() is trusted, and so much longer for each place in the queue:
-- searching a long one costs its length (2 ms of 100,000), and workers take time to come through it.
local TRUST_MS, TRUST_MS_PER_PLACE = 5000, 1

local TERMINAL = { finished = true, failed = true, stopped = true, canceled = true }

local SENT, FAILED, DELIVERED = 1, 2, 3 -- of how far a bubble has come; see Delivery
local DELIVERY_AT = { 'sent_at:', 'failed_at:', 'delivered_at:', 'read_at:' }

local MOST_TURNS = 200 -- whose records one conversation keeps
local MOST_ANSWERED = 10000
local MOST_NUMBERS = 1000
local MOST_TRAIL = 2000 -- characters

local function conversation_key(conversation) return 'rv:conversation:' .. conversation end
local function inbox_key(conversation) return 'rv:inbox:' .. conversation end
local function lease_key(conversation) return 'rv:lease:' .. conversation end
local function turn_key(turn) return 'rv:turn:' .. turn end
local function turns_key(conversation) return 'rv:turns:' .. conversation end
local function merged_key(conversation) return 'rv:merged:' .. conversation end

-- Whether a newer version of us has been here, whose data we must leave alone (see redis_layout.py). If
-- not, the data is ours from now on: a process may have started while Redis was away.
local function is_newer()
  local found = tonumber(redis.call('GET', LAYOUT_KEY) or 0)
  if found < LAYOUT then redis.call('SET', LAYOUT_KEY, LAYOUT) end
  return found > LAYOUT
end

local asked_ms
local function now_ms() -- stands still while a script runs
  if not asked_ms then
    local time = redis.call('TIME')
    asked_ms = time[1] * 1000 + math.floor(time[2] / 1000)
  end
  return asked_ms
end

-- For how many ms, in all, no webhook could come in; where no web process has ever beaten, 0.
local function intake_away_ms()
  local known = redis.call('HMGET', INTAKE_KEY, 'beat_ms', 'away_ms')
  if not known[1] then return 0 end
  local gap = now_ms() - tonumber(known[1])
  return tonumber(known[2]) + (gap > INTAKE_STALE_MS and gap or 0)
end

-- Whether RQ has not ended this job. Its status alone lies after a SIGKILL ("started") and for a job
-- that vanished ("queued").
local function job_stands(job)
  local status = redis.call('HGET', 'rq:job:' .. job, 'status')
  return status and not TERMINAL[status]
end

-- Whether somebody will read this conversation's inbox without being told: a lease that has not run
-- out, or a job that really stands where a worker will find it. Then also the turn that will answer,
-- or '', and whether a worker holds it.
local function live(conversation)
  local key = conversation_key(conversation)
  local known = redis.call('HMGET', key, 'turn', 'live_ms', 'popped_ms', 'open')
  local turn, answers = known[1], known[4] or known[1] or ''
  if redis.call('EXISTS', lease_key(conversation)) == 1 then return true, answers, true end
  if not turn then return false end
  if not job_stands(turn) then return false end
  local now = now_ms()
  if known[2] and now - tonumber(known[2]) < TRUST_MS then return true, answers end
  local place = redis.call('LPOS', QUEUE_KEY, turn)
  if place or redis.call('ZSCORE', SCHEDULED_KEY, turn) then
    redis.call('HSET', key, 'live_ms', now + (place or 0) * TRUST_MS_PER_PLACE)
    return true, answers
  end
  if redis.call('LPOS', POPPED_KEY, turn) then
    -- A worker has taken it and not begun. Young: it is about to. Old: it died in between.
    if not known[3] then
      redis.call('HSET', key, 'popped_ms', now)
      return true, answers
    end
    return now - tonumber(known[3]) < TRUST_MS, answers
  end
  return false
end

-- Make the RQ job of a turn; the caller has seen that the conversation has no live one.
local function queue_turn(conversation, turn, at)
  local key = conversation_key(conversation)
  local place = redis.call('RPUSH', QUEUE_KEY, turn)
  redis.call('HSET', key, 'turn', turn, 'live_ms', now_ms() + (place - 1) * TRUST_MS_PER_PLACE)
  redis.call('HDEL', key, 'popped_ms')
  redis.call('HSET', 'rq:job:' .. turn, 'data', JOB_HEAD .. conversation .. JOB_TAIL,
    'created_at', at, 'enqueued_at', at, unpack(JOB_FIELDS))
  redis.call('SADD', 'rq:queues', QUEUE_KEY)
end

-- The oldest unanswered message of all conversations is the best health figure there is.
local function note_pending(conversation)
  local oldest = redis.call('ZRANGE', inbox_key(conversation), 0, 0, 'WITHSCORES')
  if oldest[2] then
    redis.call('ZADD', PENDING_KEY, math.floor(oldest[2] / 1000000), conversation)
  else
    redis.call('ZREM', PENDING_KEY, conversation)
  end
end

-- Remember which of our numbers are written to: a person's keys are made of theirs and the person's.
local function note_number(number_id)
  redis.call('ZADD', NUMBERS_KEY, now_ms(), number_id)
  redis.call('ZREMRANGEBYRANK', NUMBERS_KEY, 0, -MOST_NUMBERS - 1)
  redis.call('EXPIRE', NUMBERS_KEY, KEPT_SECONDS)
end

-- Remember which account a number is of: some access tokens do not name theirs.
local function note_account(number_id, account_id)
  if account_id and redis.call('HLEN', ACCOUNTS_KEY) < MOST_NUMBERS then
    redis.call('HSET', ACCOUNTS_KEY, number_id, account_id)
    redis.call('EXPIRE', ACCOUNTS_KEY, KEPT_SECONDS)
  end
end

-- Remember for operators whom we answered last.
local function note_answered(conversation, seconds)
  redis.call('ZADD', ANSWERED_KEY, seconds, conversation)
  redis.call('ZREMRANGEBYRANK', ANSWERED_KEY, 0, -MOST_ANSWERED - 1)
  redis.call('EXPIRE', ANSWERED_KEY, KEPT_SECONDS)
end

-- How far a bubble has come, in its turn's record: never back. What an earlier attempt failed of says
-- nothing of a later one.
local function note_delivery(record, number, delivery, code, at, attempt)
  local known = redis.call('HMGET', record, 'delivery:' .. number, 'attempt:' .. number)
  if tonumber(known[1] or 0) >= delivery then return end
  local newest = tonumber(known[2] or 0)
  if delivery == FAILED and (attempt or newest) < newest then return end
  redis.call('HSET', record, 'delivery:' .. number, delivery, 'failed_code:' .. number, code,
    DELIVERY_AT[delivery] .. number, at)
end

-- What became of an attempt that the person did not get, for the operator's eyes.
local function note_failure(record, number, attempt, word, code, at)
  local trail = redis.call('HGET', record, 'trail:' .. number)
  local entry = table.concat({ attempt or 0, word, (string.gsub(code, '[%s:]', '_')), at }, ':')
  redis.call('HSET', record, 'trail:' .. number,
    string.sub((trail and trail .. ' ' or '') .. entry, -MOST_TRAIL))
end

-- What was said too long ago goes, also where the conversation lives on.
local function forget_old_texts(conversation)
  local history, limit = 'rv:history:' .. conversation, now_ms() / 1000 - TEXTS_SECONDS
  local oldest = redis.call('LINDEX', history, 0)
  while oldest and (cjson.decode(oldest).at or limit) < limit do
    redis.call('LPOP', history)
    oldest = redis.call('LINDEX', history, 0)
  end
end

-- Count a turn among its conversation's. The oldest one's record goes where there are too many.
local function list_turn(conversation, turn)
  local key = turns_key(conversation)
  redis.call('LPUSH', key, turn)
  for _, old in ipairs(redis.call('LRANGE', key, MOST_TURNS, -1)) do
    redis.call('DEL', turn_key(old))
  end
  redis.call('LTRIM', key, 0, MOST_TURNS - 1)
  redis.call('EXPIRE', key, KEPT_SECONDS)
end

-- Forget the bubbles of an answer of which nothing has left.
local function drop_plan(record)
  local number = 0
  while redis.call('HDEL', record, 'state:' .. number, 'source:' .. number, 'text:' .. number,
      'planned_at:' .. number) > 0 do
    number = number + 1
  end
  redis.call('HDEL', record, 'whole')
end

-- What keeps a conversation from being answered: a person throttled, a number, account or app
-- restricted, a token revoked. Tokens are known to us by their numbers; an account by its own id, or by
-- the number while no webhook has told it.
local function hold_key(scope, conversation, number_id, account_id)
  if scope == 'pair' then return 'rv:hold:pair:' .. conversation end
  if scope == 'number' or scope == 'token' then
    return 'rv:hold:' .. scope .. ':' .. (number_id or '')
  end
  if scope == 'account' then return 'rv:hold:account:' .. (account_id or number_id or '') end
  return 'rv:hold:' .. scope
end

local HOLD_SCOPES = { 'pair', 'number', 'account', 'app', 'token' }

local function hold_keys(conversation)
  local ids, keys = redis.call('HMGET', conversation_key(conversation), 'number_id', 'account_id'), {}
  for i, scope in ipairs(HOLD_SCOPES) do
    keys[i] = hold_key(scope, conversation, ids[1], ids[2])
  end
  return keys
end

-- Stop sending until a time, or until a probe gets through. Returns the ms that it is held for now.
local function hold(key, token, code, wait_ms, growth)
  local now = now_ms()
  local known = redis.call('HMGET', key, 'until_ms', 'probe', 'times')
  -- Several sends that fail in one breath are one stop; a probe that fails is the next one.
  if known[1] and tonumber(known[1]) > now and known[2] ~= token then
    return math.ceil(tonumber(known[1]) - now)
  end
  local times = tonumber(known[3] or 0) + 1
  local held_ms = math.ceil(math.min(wait_ms * growth ^ (times - 1), MOST_HOLD_MS))
  redis.call('HSET', key, 'until_ms', now + held_ms, 'held_ms', held_ms, 'code', code,
    'times', times, 'probe', '')
  redis.call('EXPIRE', key, KEPT_SECONDS)
  return held_ms
end

-- It works again: nobody need wait any longer. A send that had begun before a stop says nothing of it.
local function lift_holds(conversation, token)
  local now = now_ms()
  for i, key in ipairs(hold_keys(conversation)) do
    local known = redis.call('HMGET', key, 'until_ms', 'probe')
    if known[1] and (known[2] == token or tonumber(known[1]) <= now) then
      redis.call('DEL', key, 'rv:trouble:' .. HOLD_SCOPES[i])
    end
  end
end

-- How many ms a turn must wait, 0 for none, and for which scope. When a hold has run out, whoever asks
-- first goes ahead as its probe, and the others wait for what becomes of it.
local function held(conversation, token)
  local now = now_ms()
  local longest, scope, probes = 0, '', {}
  for i, key in ipairs(hold_keys(conversation)) do
    local hold = redis.call('HMGET', key, 'until_ms', 'probe', 'held_ms')
    if hold[1] and hold[2] ~= token then
      if tonumber(hold[1]) > now then
        if tonumber(hold[1]) - now > longest then
          longest, scope = tonumber(hold[1]) - now, HOLD_SCOPES[i]
        end
      else
        local probe_ms = math.max(LEAST_PROBE_MS, tonumber(hold[3] or MOST_PROBE_MS))
        probes[#probes + 1] = { key, math.min(probe_ms, MOST_PROBE_MS) }
      end
    end
  end
  if longest == 0 then
    for _, probe in ipairs(probes) do
      redis.call('HSET', probe[1], 'until_ms', now + probe[2], 'probe', token)
    end
  end
  return math.ceil(longest), scope
end
