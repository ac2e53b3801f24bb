-- Removes entries that every group has finished with.
-- KEYS: stream. ARGV: how many entries to leave at least (0: none), about how many to remove at most.
-- The low-water mark is the least, over all groups, of the first pending id, else the id after the last delivered one:
-- everything below it was acked by every group. Returns how many were removed.
local groups = redis.pcall('XINFO', 'GROUPS', KEYS[1])
if groups.err or #groups == 0 then return 0 end

-- Ids are compared as text, since their numbers can exceed what a double holds.
local function less_number(a, b)
    if #a ~= #b then return #a < #b end
    return a < b
end
local function less(a, b)
    local a_ms, a_seq = string.match(a, '(%d+)-(%d+)')
    local b_ms, b_seq = string.match(b, '(%d+)-(%d+)')
    if a_ms ~= b_ms then return less_number(a_ms, b_ms) end
    return less_number(a_seq, b_seq)
end
local function after(id)
    local ms, seq = string.match(id, '(%d+)-(%d+)')
    if #seq > 15 then return id end
    return ms .. '-' .. string.format('%.0f', seq + 1)
end

local low
for _, group in ipairs(groups) do
    local info = {}
    for i = 1, #group, 2 do info[group[i]] = group[i + 1] end
    local mark
    if info['pending'] > 0 then
        mark = redis.call('XPENDING', KEYS[1], info['name'])[2]
    else
        mark = after(info['last-delivered-id'])
    end
    if not low or less(mark, low) then low = mark end
end
if low == '0-0' or low == '0-1' then return 0 end

local keep, limit = tonumber(ARGV[1]), tonumber(ARGV[2])
if keep > 0 then
    local excess = redis.call('XLEN', KEYS[1]) - keep
    if excess <= 0 then return 0 end
    return redis.call('XTRIM', KEYS[1], 'MINID', '~', low, 'LIMIT', math.min(excess, limit))
end
local removed = redis.call('XTRIM', KEYS[1], 'MINID', '~', low, 'LIMIT', limit)
-- What is left below the mark then is part of one node: little.
if removed < limit / 2 then removed = removed + redis.call('XTRIM', KEYS[1], 'MINID', low) end
return removed
