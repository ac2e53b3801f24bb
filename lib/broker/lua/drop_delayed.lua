-- Deletes a delayed job.
-- KEYS: delayed, delayed jobs. ARGV: member. Returns 1, or 0 where there is none.
redis.call('HDEL', KEYS[2], '\0') -- whoever may not do the one must not do the other
local removed = redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[2], ARGV[1])
return removed
