-- Enqueues a delayed job.
-- KEYS: delayed, delayed jobs. ARGV: 'in' or 'at', ms, member, packed job, where in it the first-enqueued time (a single
-- byte 0) stands. Returns 1, or 0 where a delayed job of this name exists.
if redis.call('HEXISTS', KEYS[2], ARGV[3]) == 1 then return 0 end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local due = tonumber(ARGV[2])
if ARGV[1] == 'in' then due = due + now end
local at = tonumber(ARGV[5])
local job = string.sub(ARGV[4], 1, at) .. cmsgpack.pack(now) .. string.sub(ARGV[4], at + 2)
local stored = redis.pcall('HSET', KEYS[2], ARGV[3], job)
if type(stored) == 'table' and stored.err then return stored end
redis.call('ZADD', KEYS[1], string.format('%.0f', due), ARGV[3])
return 1
