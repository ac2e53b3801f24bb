-- Delivers entries that are pending for the consumer to it again.
-- KEYS: stream. ARGV: group, consumer, lost ('1': their last delivery never arrived, so that this one is not counted),
-- id... Returns for each id {deliveries, entry}, the entry false where it was deleted; false where the id is pending no
-- longer. Both are found out in one step: an entry that was acked and trimmed in between was not lost.
local found = {}
for i = 4, #ARGV do
    local id = ARGV[i]
    local pending = redis.pcall('XPENDING', KEYS[1], ARGV[1], id, id, 1, ARGV[2])
    if pending.err then return pending end
    local result = false
    if #pending == 1 then
        local deliveries = math.max(pending[1][4], ARGV[3] == '1' and 1 or 0)
        local claimed
        if ARGV[3] == '1' then
            claimed = redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, id, 'RETRYCOUNT', deliveries)
        else
            claimed = redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, id)
            deliveries = deliveries + 1
        end
        result = {deliveries, claimed[1] or false}
    end
    found[#found + 1] = result
end
return found
