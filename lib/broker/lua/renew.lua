-- Renews leases: idle back to 0, delivery count unchanged, for what the consumer still owns.
-- KEYS: stream. ARGV: group, consumer, id... Returns for each id 1; 0: not owned; 2: the entry was deleted.
local old = not redis.REDIS_VERSION_NUM
local renewed = {}
for i = 3, #ARGV do
    local id = ARGV[i]
    local pending = redis.pcall('XPENDING', KEYS[1], ARGV[1], id, id, 1, ARGV[2])
    if pending.err then return pending end
    local result = 0
    if #pending == 1 then
        local claimed = redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, id, 'JUSTID')
        result = #claimed == 1 and 1 or 2
        -- Before 7.0 it doesn't look whether there is such an entry, and leaves what was deleted pending.
        if result == 1 and old and #redis.call('XRANGE', KEYS[1], id, id) == 0 then
            redis.call('XACK', KEYS[1], ARGV[1], id)
            result = 2
        end
    end
    renewed[#renewed + 1] = result
end
return renewed
