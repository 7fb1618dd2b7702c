-- Say that webhooks can come in now. Called by every web process, about once a second.

local now, known = now_ms(), redis.call('HMGET', INTAKE_KEY, 'beat_ms', 'away_ms')
local gap = now - tonumber(known[1] or now)
local away = tonumber(known[2] or 0) + (gap > INTAKE_STALE_MS and gap or 0)
redis.call('HSET', INTAKE_KEY, 'beat_ms', now, 'away_ms', away)
redis.call('EXPIRE', INTAKE_KEY, KEPT_SECONDS)
