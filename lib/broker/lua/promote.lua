-- Moves due jobs from the delayed set into the stream; or one job, due or not.
-- KEYS: stream, delayed, delayed jobs, dead. ARGV: limit; the only member to move, where it is not about what is due.
-- Returns {moved, ms until the next is due}: 0 where more are due, -1 where none is delayed.
-- A job that another writer spoiled goes to the dead stream with its raw bytes: it must not hold the others up.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function is_text(value)
    return type(value) == 'string' or type(value) == 'number'
end

-- The XADD arguments of a packed job, or nil and what is wrong with it.
local function arguments_of(member, packed)
    local ok, job = pcall(cmsgpack.unpack, packed)
    if not ok or type(job) ~= 'table' or type(job[1]) ~= 'number' or type(job[2]) ~= 'number' or not is_text(job[3]) then
        return nil, 'the delayed job is not [attempts, first_enqueued_ms, group, name, value, ...]'
    end
    local n = #job
    if n < 5 or n % 2 == 0 then return nil, 'the delayed job has no complete name/value pairs' end
    if n > 7900 then return nil, 'the delayed job has too many fields' end
    local args, has_id = {}, false
    for i = 4, n do
        if not is_text(job[i]) then return nil, 'a field of the delayed job is not text' end
        args[#args + 1] = job[i]
        if i % 2 == 0 and job[i] == 'weir.id' then has_id = true end
    end
    local function own(name, value)
        args[#args + 1] = name
        args[#args + 1] = value
    end
    if not has_id then own('weir.id', member) end
    if job[1] > 0 then own('weir.attempts', string.format('%.0f', job[1])) end
    if job[3] ~= '' then own('weir.group', job[3]) end
    own('weir.first_enqueued_ms', string.format('%.0f', job[2]))
    return args
end

local moved, refused = 0, nil
local due
if ARGV[2] then
    due = redis.call('ZSCORE', KEYS[2], ARGV[2]) and {ARGV[2]} or {}
    redis.call('HDEL', KEYS[3], '\0') -- whoever may not delete must not add first
    redis.call('ZREM', KEYS[2], '\0')
else
    due = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, ARGV[1])
end
for _, member in ipairs(due) do
    local packed = redis.call('HGET', KEYS[3], member)
    local added, spoiled
    if not packed then
        spoiled = true
        added = redis.pcall('XADD', KEYS[4], '*', 'weir.reason', 'payload lost', 'weir.error',
            'the delayed job had no data', 'weir.id', member)
    else
        local args, problem = arguments_of(member, packed)
        if args then
            added = redis.pcall('XADD', KEYS[1], '*', unpack(args))
        else
            spoiled = true
            added = redis.pcall('XADD', KEYS[4], '*', 'packed', packed, 'weir.reason', 'undecodable', 'weir.error',
                problem, 'weir.id', member)
        end
    end
    if type(added) == 'table' and added.err then
        refused = refused or added
        if not spoiled then break end -- one that can't be buried does not hold the others up
    else
        redis.call('HDEL', KEYS[3], member)
        redis.call('ZREM', KEYS[2], member)
        moved = moved + 1
    end
end
if refused and moved == 0 then return refused end

local first = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')
if #first == 0 then return {moved, -1} end
-- a score may be infinite, which is no integer: 2^52 ms are far enough
return {moved, math.min(math.max(0, math.ceil(tonumber(first[2]) - now)), 4503599627370496)}
