-- Deletes dead letters of a range for good, some at a time.
-- KEYS: dead. ARGV: first id, last id, how many at most.
-- Returns {how many were deleted, how many were looked at, the last of these or ''}.
local from, deleted, seen, last = ARGV[1], 0, 0, ''
while seen < tonumber(ARGV[3]) do
    local count = math.min(10, ARGV[3] - seen)
    local page = redis.call('XRANGE', KEYS[1], from, ARGV[2], 'COUNT', count)
    for _, letter in ipairs(page) do
        deleted = deleted + redis.call('XDEL', KEYS[1], letter[1])
        seen, last = seen + 1, letter[1]
    end
    if #page < count then break end
    from = '(' .. last
end
return {deleted, seen, last}
