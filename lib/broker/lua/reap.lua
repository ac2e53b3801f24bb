-- Deletes consumers that have nothing pending and have been idle for long: checked and done in one step, since deleting
-- a consumer deletes what is pending for it.
-- KEYS: stream. ARGV: group, idle in ms, a name to spare, the only name to consider ('': all). Returns how many.
local consumers = redis.pcall('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])
if consumers.err then return consumers end
local deleted = 0
for _, consumer in ipairs(consumers) do
    local info = {}
    for i = 1, #consumer, 2 do info[consumer[i]] = consumer[i + 1] end
    local concerned = ARGV[4] == '' and info['name'] ~= ARGV[3] or info['name'] == ARGV[4]
    if concerned and info['pending'] == 0 and info['idle'] >= tonumber(ARGV[2]) then
        redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], info['name'])
        deleted = deleted + 1
    end
end
return deleted
