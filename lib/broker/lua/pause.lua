-- Pauses the queue: writes down since when.
-- KEYS: paused. Returns 1, or 0 where it was paused already, which changes nothing.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local set = redis.pcall('SET', KEYS[1], string.format('%.0f', now), 'NX')
if not set then return 0 end
if set.err then return set end
return 1
