-- Looks a queue over, in one step and without going through anything.
-- KEYS: stream, delayed, dead, paused. ARGV: how many ms ago a consumer may have been seen to count as alive; among how
-- many of the first pending entries the one that was delivered most often is looked for.
-- Returns {now in ms, whether the stream exists, its length, how many entries were ever added to it or -1, delayed jobs,
-- when the first is due or '', dead letters, how many were ever added or -1, since when it is paused or '', groups}, each
-- group {name, how many wait or -1, how many were ever delivered or -1, pending, last delivered id, id of the first that
-- waits or '', id of the first that is pending or '', the most deliveries of one, its id or '', consumers alive, others}.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local stream = KEYS[1]

local function map(flat)
    local found = {}
    for i = 1, #flat, 2 do found[flat[i]] = flat[i + 1] end
    return found
end

-- The counts of added and delivered entries are missing before Redis 7.0, the latter after some deletions, too.
local function look_at(key)
    if redis.call('EXISTS', key) == 0 then return {length = 0, ['entries-added'] = 0} end
    return map(redis.call('XINFO', 'STREAM', key))
end

local function first_id(from)
    local entries = redis.call('XRANGE', stream, from, '+', 'COUNT', 1)
    return entries[1] and entries[1][1] or ''
end

local function look_at_group(group, length, oldest)
    local last = group['last-delivered-id']
    local next_id = first_id('(' .. last)
    local waiting = -1
    if next_id == '' then waiting = 0 -- what the server can't tell may follow from the rest
    elseif next_id == oldest then waiting = length
    elseif group['lag'] then waiting = math.max(1, math.min(group['lag'], length)) end

    local pending = redis.call('XPENDING', stream, group['name'], '-', '+', ARGV[2])
    local deliveries, which = 0, ''
    for _, entry in ipairs(pending) do
        if entry[4] > deliveries then deliveries, which = entry[4], entry[1] end
    end

    local alive, others = 0, 0
    for _, consumer in ipairs(redis.call('XINFO', 'CONSUMERS', stream, group['name'])) do
        if map(consumer)['idle'] < tonumber(ARGV[1]) then alive = alive + 1 else others = others + 1 end
    end
    return {group['name'], waiting, group['entries-read'] or -1, group['pending'], last, next_id,
        pending[1] and pending[1][1] or '', deliveries, which, alive, others}
end

local exists = redis.call('EXISTS', stream)
local info, groups = look_at(stream), {}
if exists == 1 then
    local oldest = info['first-entry'] and info['first-entry'][1] or ''
    for _, flat in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
        groups[#groups + 1] = look_at_group(map(flat), info['length'], oldest)
    end
end

local due = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')
local dead = look_at(KEYS[3])
return {now, exists, info['length'], info['entries-added'] or -1, redis.call('ZCARD', KEYS[2]), due[2] or '',
    dead['length'], dead['entries-added'] or -1, redis.call('GET', KEYS[4]) or '', groups}
