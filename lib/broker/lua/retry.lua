-- Moves a failed job into the delayed set, if the consumer still owns it.
-- KEYS: stream, delayed, delayed jobs. ARGV: group, consumer, entry, owned ('1': known to be nobody else's, because the
-- entry was deleted under the job), delay in ms, member, packed job.
-- Returns 1, or 0 where it is not owned. The writes that can be refused for want of memory come first.
if ARGV[4] == '0' then
    local pending = redis.pcall('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], 1, ARGV[2])
    if pending.err then return pending end
    if #pending == 0 then return 0 end
end
local member = ARGV[6]
while redis.call('HEXISTS', KEYS[3], member) == 1 do
    member = member .. '+'
end
local time = redis.call('TIME')
local due = time[1] * 1000 + math.floor(time[2] / 1000) + tonumber(ARGV[5])
local stored = redis.pcall('HSET', KEYS[3], member, ARGV[7])
if type(stored) == 'table' and stored.err then return stored end
local added = redis.pcall('ZADD', KEYS[2], string.format('%.0f', due), member)
if type(added) == 'table' and added.err then -- another type of key, say: or each attempt would leave one more
    redis.call('HDEL', KEYS[3], member)
    return added
end
redis.call('XACK', KEYS[1], ARGV[1], ARGV[3])
return 1
