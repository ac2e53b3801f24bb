-- Puts a dead job back into its stream.
-- KEYS: stream, dead. ARGV: id. Returns 1; 0: there is no such entry; 2: it has no fields left that could be run;
-- 3: it has more of them than a script can pass on.
local found = redis.call('XRANGE', KEYS[2], ARGV[1], ARGV[1])
if #found == 0 then return 0 end
local own = {
    ['weir.id'] = '', ['weir.attempts'] = '', ['weir.group'] = '', ['weir.first_enqueued_ms'] = '', ['weir.reason'] = '',
    ['weir.error'] = '', ['weir.deliveries'] = '', ['weir.source_id'] = '', ['weir.traceparent'] = '',
}
local args = {}
local fields = found[1][2]
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
redis.call('XDEL', KEYS[2], ARGV[1])
return 1
