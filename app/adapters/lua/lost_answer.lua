-- Has a send whose answer nobody saw happened?
-- ARGV: turn, number, ms that its status may take, ms after which it is waited for no more.
-- Returns whether a status of that bubble has come (0 or 1), and the ms for which to wait for one yet.
-- That time begins where the send's own ends, and stands still while no webhook can come in.

local turn, number, within_ms, most_ms = unpack(ARGV)
local known = redis.call('HMGET', turn_key(turn), 'delivery:' .. number, 'waits_from:' .. number,
  'deadline_ms:' .. number)
if known[1] then return { 1, 0 } end
local away_ms = intake_away_ms()
local from = tonumber(known[2]) or tonumber(known[3] or 0) - away_ms -- what only testify.lua knows of
local left_ms = from + within_ms - (now_ms() - away_ms)
local most_left_ms = tonumber(known[3] or 0) + most_ms - now_ms()
return { 0, math.ceil(math.max(0, math.min(left_ms, most_left_ms))) }
