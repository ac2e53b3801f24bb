-- Looks for halves of delayed jobs, a part of them at a time.
-- KEYS: delayed, delayed jobs, dead. ARGV: 'jobs' or 'members', cursor, about how many, repair ('1' or '0').
-- Returns {cursor ('0': done), strays, repaired}. 'jobs': those without a due time, which are moved to the dead letters
-- where asked. 'members': due times without a job.
local function is_text(value)
    return type(value) == 'string' or type(value) == 'number'
end

-- The arguments of XADD for a job that nobody would ever run; its bytes as they are where they are no job.
local function letter_of(member, packed)
    local args, has_id = {}, false
    local function add(name, value)
        args[#args + 1] = name
        args[#args + 1] = value
    end
    local ok, job = pcall(cmsgpack.unpack, packed)
    local good = ok and type(job) == 'table' and type(job[1]) == 'number' and type(job[2]) == 'number' and
        is_text(job[3]) and #job >= 5 and #job % 2 == 1 and #job <= 7900
    for i = 4, good and #job or 0 do
        if not is_text(job[i]) then good = false end
    end
    for i = 4, good and #job or 0, 2 do
        add(job[i], job[i + 1])
        if job[i] == 'weir.id' then has_id = true end
    end
    if not good then add('packed', packed) end
    add('weir.reason', 'orphaned')
    add('weir.error', 'the delayed job had lost its due time')
    if not has_id then add('weir.id', member) end
    if good then
        add('weir.attempts', string.format('%.0f', job[1]))
        if job[3] ~= '' then add('weir.group', job[3]) end
        add('weir.first_enqueued_ms', string.format('%.0f', job[2]))
    end
    return args
end

local strays, repaired = 0, 0
if ARGV[1] == 'members' then
    local page = redis.call('ZSCAN', KEYS[1], ARGV[2], 'COUNT', ARGV[3])
    for i = 1, #page[2], 2 do
        if redis.call('HEXISTS', KEYS[2], page[2][i]) == 0 then strays = strays + 1 end
    end
    return {page[1], strays, 0}
end
local page = redis.call('HSCAN', KEYS[2], ARGV[2], 'COUNT', ARGV[3])
for i = 1, #page[2], 2 do
    if not redis.call('ZSCORE', KEYS[1], page[2][i]) then
        strays = strays + 1
        if ARGV[4] == '1' then
            local added = redis.pcall('XADD', KEYS[3], '*', unpack(letter_of(page[2][i], page[2][i + 1])))
            if type(added) == 'table' and added.err then return added end
            redis.call('HDEL', KEYS[2], page[2][i])
            repaired = repaired + 1
        end
    end
end
return {page[1], strays, repaired}
