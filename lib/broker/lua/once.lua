-- Enqueues a job, unless its id was enqueued within the window.
-- KEYS: stream, once. ARGV: window in ms, token, name, value, ...
-- Returns the new entry's id; 1: an enqueue with this very token was here before; 0: another of this id was.
local token = redis.call('GET', KEYS[2])
if token then return token == ARGV[2] and 1 or 0 end
local opened = redis.pcall('SET', KEYS[2], ARGV[2], 'PX', ARGV[1])
if opened.err then return opened end
local added = redis.pcall('XADD', KEYS[1], '*', unpack(ARGV, 3))
-- The window is taken back by what needs no other permission: a time that has passed.
if type(added) == 'table' and added.err then redis.call('SET', KEYS[2], '', 'PXAT', 1) end
return added
