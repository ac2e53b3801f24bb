-- Writes a job into the dead stream and acks it, if the consumer still owns it.
-- KEYS: stream, dead. ARGV: group, consumer, entry, owned (as in retry.lua), name, value, ...
-- Returns 1, or 0 where it is not owned.
if ARGV[4] == '0' then
    local pending = redis.pcall('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], 1, ARGV[2])
    if pending.err then return pending end
    if #pending == 0 then return 0 end
end
local added = redis.pcall('XADD', KEYS[2], '*', unpack(ARGV, 5))
if type(added) == 'table' and added.err then return added end
redis.call('XACK', KEYS[1], ARGV[1], ARGV[3])
return 1
