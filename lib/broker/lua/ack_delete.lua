-- Acks entries and, where this is the stream's only group, deletes them in the same step.
-- KEYS: stream. ARGV: group, id... Returns how many were acked.
local acked = redis.call('XACK', KEYS[1], ARGV[1], unpack(ARGV, 2))
local groups = redis.pcall('XINFO', 'GROUPS', KEYS[1])
if not groups.err and #groups == 1 then
    redis.call('XDEL', KEYS[1], unpack(ARGV, 2))
end
return acked
