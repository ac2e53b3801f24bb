-- Puts dead jobs back into their stream: one of them, or some of a range.
-- KEYS: stream, dead. ARGV: id; or first id, last id, how many at most.
-- Returns, for one, 1; 0: there is no such entry; 2: it has no fields left that could be run; 3: it has more of them
-- than a script can pass on. For a range {how many were put back, how many were looked at, the last of these or '',
-- and for each that could not be put back its id, and 2 or 3}.
local function put_back(id, fields)
    local own = {
        ['weir.id'] = '', ['weir.attempts'] = '', ['weir.group'] = '', ['weir.first_enqueued_ms'] = '',
        ['weir.reason'] = '', ['weir.error'] = '', ['weir.deliveries'] = '', ['weir.source_id'] = '',
        ['weir.traceparent'] = '',
    }
    local args = {}
    for i = 1, #fields, 2 do
        if own[fields[i]] then
            own[fields[i]] = fields[i + 1]
        else
            args[#args + 1] = fields[i]
            args[#args + 1] = fields[i + 1]
        end
    end
    if #args == 0 then return 2 end
    if own['weir.id'] == '' then own['weir.id'] = own['weir.source_id'] end
    for _, name in ipairs({'weir.id', 'weir.group', 'weir.first_enqueued_ms', 'weir.traceparent'}) do
        if own[name] ~= '' then
            args[#args + 1] = name
            args[#args + 1] = own[name]
        end
    end
    if #args > 7900 then return 3 end
    redis.call('XDEL', KEYS[2], '0-0') -- whoever may not delete must not add first
    local added = redis.pcall('XADD', KEYS[1], '*', unpack(args))
    if type(added) == 'table' and added.err then return added end
    redis.call('XDEL', KEYS[2], id)
    return 1
end

if not ARGV[2] then
    local found = redis.call('XRANGE', KEYS[2], ARGV[1], ARGV[1])
    if #found == 0 then return 0 end
    return put_back(ARGV[1], found[1][2])
end

-- A few at a time: letters can be large.
local from, moved, seen, last, stay = ARGV[1], 0, 0, '', {}
local function result()
    return {moved, seen, last, unpack(stay)}
end
while seen < tonumber(ARGV[3]) do
    local count = math.min(10, ARGV[3] - seen)
    local page = redis.call('XRANGE', KEYS[2], from, ARGV[2], 'COUNT', count)
    for _, letter in ipairs(page) do
        local done = put_back(letter[1], letter[2])
        if type(done) == 'table' then
            if moved == 0 then return done end
            return result()
        end
        if done == 1 then
            moved = moved + 1
        else
            stay[#stay + 1] = letter[1]
            stay[#stay + 1] = done
        end
        seen, last = seen + 1, letter[1]
    end
    if #page < count then break end
    from = '(' .. last
end
return result()
