-- Write down bubbles as they are cut, so that a worker's death loses none of them.
-- ARGV: conversation, token, turn, joins (a plan made before a join is void), '1' when the answer
--       is whole, then number, source and text of each bubble.
-- Returns 1, or 0 when the lease or the plan is not ours any more. A bubble that has begun stays.

local conversation, token, turn, joins, whole = unpack(ARGV, 1, 5)
local record = turn_key(turn)
if redis.call('GET', lease_key(conversation)) ~= token then return 0 end
if (redis.call('HGET', record, 'joins') or '0') ~= joins then return 0 end
for i = 6, #ARGV, 3 do
  local number = ARGV[i]
  if redis.call('HSETNX', record, 'state:' .. number, 'planned') == 1 then
    redis.call('HSET', record, 'source:' .. number, ARGV[i + 1], 'text:' .. number, ARGV[i + 2],
      'planned_at:' .. number, now_ms() / 1000)
  end
end
if whole == '1' then redis.call('HSET', record, 'whole', '1') end
return 1
