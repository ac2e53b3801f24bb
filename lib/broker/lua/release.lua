-- Hands entries back unstarted: claimable at once, and their delivery not counted.
-- KEYS: stream. ARGV: group, consumer, idle in ms, id... Returns for each id 1; 0: not owned; 2: the entry was deleted.
-- (Before 7.0 what was deleted is handed back as well; whoever claims it finds out.)
local released = {}
for i = 4, #ARGV do
    local id = ARGV[i]
    local pending = redis.pcall('XPENDING', KEYS[1], ARGV[1], id, id, 1, ARGV[2])
    if pending.err then return pending end
    released[#released + 1] = 0
    if #pending == 1 then
        local deliveries = math.max(pending[1][4] - 1, 0)
        local claimed =
            redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, id, 'IDLE', ARGV[3], 'RETRYCOUNT', deliveries, 'JUSTID')
        released[#released] = #claimed == 1 and 1 or 2
    end
end
return released
