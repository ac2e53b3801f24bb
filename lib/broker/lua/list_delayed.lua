-- One page of the delayed set, by due time and then by name.
-- KEYS: delayed, delayed jobs. ARGV: at most how many, and, but for the first page, due time and member of the last one
-- of the page before. That one may be gone by now: where it would stand is searched for.
-- Returns for each {member, due time, packed job or nil}, one after the other.
local function follows(a, b) -- as the server compares, byte by byte
    for i = 1, math.min(#a, #b) do
        local one, two = string.byte(a, i), string.byte(b, i)
        if one ~= two then return one > two end
    end
    return #a > #b
end

local from = 0
if ARGV[2] then
    local score, to = tonumber(ARGV[2]), redis.call('ZCARD', KEYS[1])
    while from < to do
        local middle = math.floor((from + to) / 2)
        local found = redis.call('ZRANGE', KEYS[1], middle, middle, 'WITHSCORES')
        local due = tonumber(found[2])
        if due > score or (due == score and follows(found[1], ARGV[3])) then to = middle else from = middle + 1 end
    end
end

local page = redis.call('ZRANGE', KEYS[1], from, from + ARGV[1] - 1, 'WITHSCORES')
local result = {}
for i = 1, #page, 2 do
    result[#result + 1] = page[i]
    result[#result + 1] = page[i + 1]
    result[#result + 1] = redis.call('HGET', KEYS[2], page[i])
end
return result
