-- Enqueues a delayed job.
-- KEYS: delayed, delayed jobs, and once where it is idempotent. ARGV: 'in' or 'at', ms, member, packed job, where in it
-- the first-enqueued time (a single byte 0) stands; and window in ms, token. Returns 1, also where an enqueue with this
-- very token was here before; 0: a delayed job of this name exists; 2: the name was enqueued within the window.
-- A job of that name is one that is in the set: what is in the hash alone would never run, and is replaced.
if KEYS[3] then
    local token = redis.call('GET', KEYS[3])
    if token then return token == ARGV[7] and 1 or 2 end
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local due = tonumber(ARGV[2])
if ARGV[1] == 'in' then due = due + now end
local at = tonumber(ARGV[5])
local job = string.sub(ARGV[4], 1, at) .. cmsgpack.pack(now) .. string.sub(ARGV[4], at + 2)

if KEYS[3] then
    local opened = redis.pcall('SET', KEYS[3], ARGV[7], 'PX', ARGV[6])
    if opened.err then return opened end
end
local done = redis.pcall('ZADD', KEYS[1], 'NX', string.format('%.0f', due), ARGV[3])
local added = done == 1
if added then
    done = redis.pcall('HSET', KEYS[2], ARGV[3], job)
    if type(done) == 'number' then return 1 end
end
-- The window is taken back by what needs no other permission: a time that has passed.
if KEYS[3] then redis.call('SET', KEYS[3], '', 'PXAT', 1) end
if added then redis.call('ZREM', KEYS[1], ARGV[3]) end
return done
