"""What happens to jobs in Redis, each a Lua script and so one transaction. Knows keys and streams; nothing of what the lines mean.

    trm:job:<id>            hash: status, client, terms, counts, times, cursor of XAUTOCLAIM
    trm:job:<id>:items      stream of the puzzles without a result, with one consumer group
    trm:job:<id>:results    list of result lines
    trm:job:<id>:reasons    hash: why deliveries of an item (by index) had no result
    trm:jobs:active         list of jobs with items, the one whose turn it is first
    trm:jobs:bell           stream of one entry, added to whenever there is something to take
    trm:jobs:client:<name>  set of the client's open jobs
    trm:jobs:key:<...>      hash: job and fingerprint of an idempotency key

Items whose lease ran out, or that were released, are held by a consumer of the name `orphans`: there they wait for the next real one, and their number of
deliveries with them. What ends or hands on items may run when Redis is full: results take the place of their items, and a job that was accepted ends.
"""

from app.jobs.base import MOST_DELIVERIES, SUSPECT

HEAD = """
local ACTIVE, BELL, GROUP = 'trm:jobs:active', 'trm:jobs:bell', 'trm'
local function ring() redis.call('XADD', BELL, 'MAXLEN', '1', '*', 'r', '') end
local function pending(job)
  local n = redis.call('HMGET', job, 'total', 'solved', 'unsolved', 'failed')
  return n[1] and n[1] - n[2] - n[3] - n[4]
end
local function keep_until(job, at)
  redis.call('HSET', job, 'expires', at)
  for _, part in ipairs({'', ':items', ':results', ':reasons'}) do redis.call('PEXPIREAT', job .. part, math.ceil(at * 1000)) end
end
local function finish(job, id, status, now, keep)
  redis.call('HSET', job, 'status', status, 'ended', now)
  redis.call('DEL', job .. ':items', job .. ':reasons')
  redis.call('LREM', ACTIVE, 0, id)
  redis.call('SREM', 'trm:jobs:client:' .. redis.call('HGET', job, 'client'), id)
  keep_until(job, now + keep)
end
local function holder(items, entry)
  local found = redis.pcall('XPENDING', items, GROUP, entry, entry, 1)
  if found.err or not found[1] then return nil, 0 end
  return found[1][2], found[1][4]
end
"""
WRITES, ENDS, READS = (f"#!lua{flags}\n{HEAD}" for flags in ("", " flags=allow-oom", " flags=no-writes"))

APPEND = (
    WRITES
    + """
-- KEYS job; ARGV seconds to keep it, puzzles, index and line of each, then lines of results
local job, at = KEYS[1], 3
if redis.call('HGET', job, 'status') ~= 'uploading' then return 0 end
for _ = 1, tonumber(ARGV[2]) do
  redis.call('XADD', job .. ':items', '*', 'i', ARGV[at], 'p', ARGV[at + 1])
  at = at + 2
end
local refused = #ARGV - at + 1
for each = at, #ARGV do redis.call('RPUSH', job .. ':results', ARGV[each]) end
redis.call('HINCRBY', job, 'total', tonumber(ARGV[2]) + refused)
redis.call('HINCRBY', job, 'failed', refused)
for _, part in ipairs({'', ':items', ':results'}) do redis.call('EXPIRE', job .. part, ARGV[1]) end
return 1
"""
)

SUBMIT = (
    WRITES
    + """
-- KEYS job, client's jobs, idempotency key; ARGV id, 1 if there is a key, fingerprint, now, seconds to keep, most jobs, most puzzles
local job, id, now = KEYS[1], ARGV[1], tonumber(ARGV[4])
local function forget() redis.call('DEL', job, job .. ':items', job .. ':results') end
if ARGV[2] == '1' then
  local known = redis.call('HMGET', KEYS[3], 'job', 'fingerprint')
  if known[1] and redis.call('EXISTS', 'trm:job:' .. known[1]) == 1 then
    forget()
    return {known[2] == ARGV[3] and 'known' or 'reused', known[1]}
  end
end
if redis.call('HGET', job, 'status') ~= 'uploading' then return {'gone', ''} end
local jobs, puzzles, mine = 0, 0, pending(job)
for _, other in ipairs(redis.call('SMEMBERS', KEYS[2])) do
  local open = pending('trm:job:' .. other)
  if open then jobs, puzzles = jobs + 1, puzzles + open else redis.call('SREM', KEYS[2], other) end
end
if jobs >= tonumber(ARGV[6]) or puzzles + mine > tonumber(ARGV[7]) then
  forget()
  return {'quota', string.format('%d jobs with %d puzzles are', jobs, puzzles)}
end
redis.call('HSET', job, 'created', now)
if mine == 0 then
  redis.call('HSET', job, 'status', 'failed', 'ended', now)
else
  redis.call('HSET', job, 'status', 'queued')
  redis.call('XGROUP', 'CREATE', job .. ':items', GROUP, '0')
  redis.call('RPUSH', ACTIVE, id)
  redis.call('SADD', KEYS[2], id)
  ring()
end
keep_until(job, now + ARGV[5])
if ARGV[2] == '1' then
  redis.call('HSET', KEYS[3], 'job', id, 'fingerprint', ARGV[3])
  redis.call('PEXPIREAT', KEYS[3], math.ceil((now + ARGV[5]) * 1000))
end
return {'new', id}
"""
)

CANCEL = (
    ENDS
    + """
-- KEYS job; ARGV id, client, now, seconds to keep
local job = KEYS[1]
local found = redis.call('HMGET', job, 'client', 'status')
if found[1] ~= ARGV[2] or (found[2] ~= 'queued' and found[2] ~= 'running') then return 0 end
finish(job, ARGV[1], 'cancelled', tonumber(ARGV[3]), tonumber(ARGV[4]))
return 1
"""
)

TAKE = (
    ENDS
    + f"local SUSPECT, MOST = {SUSPECT}, {MOST_DELIVERIES}"
    + """
-- ARGV consumer, most items, 1 if it holds nothing, lease in ms. {suspects, {id, terms, {entry, index, line, deliveries, reason}...}...}
local me, left, alone, suspects, out = ARGV[1], tonumber(ARGV[2]), ARGV[3] == '1', 0, {}
local function take_from(id, job, terms)
  local items, mine = job .. ':items', {id, terms}
  local function add(entry, deliveries)
    local index = entry[2][2]
    table.insert(mine, {entry[1], index, entry[2][4], deliveries, redis.call('HGET', job .. ':reasons', index) or ''})
    left = left - 1
  end
  local cursor = redis.call('HGET', job, 'cursor') or '0-0'
  local after = redis.call('XAUTOCLAIM', items, GROUP, 'orphans', ARGV[4], cursor, 'COUNT', 50, 'JUSTID')[1]
  if after ~= cursor then redis.call('HSET', job, 'cursor', after) end
  for _, orphan in ipairs(redis.call('XPENDING', items, GROUP, '-', '+', left, 'orphans')) do
    local suspect = orphan[4] >= SUSPECT and orphan[4] < MOST
    if suspect then -- unless a consumer lived to note a reason
      local index = redis.call('XRANGE', items, orphan[1], orphan[1])[1][2][2]
      suspect = redis.call('HEXISTS', job .. ':reasons', index) == 0
    end
    if suspect and not (alone and #out == 0 and #mine == 2) then
      suspects, left = 1, 0
      break
    end
    add(redis.call('XCLAIM', items, GROUP, me, 0, orphan[1])[1], orphan[4] + 1)
    if suspect then
      left = 0
      break
    end
  end
  if left > 0 then
    local new = redis.call('XREADGROUP', 'GROUP', GROUP, me, 'COUNT', left, 'STREAMS', items, '>')
    for _, entry in ipairs(new and new[1][2] or {}) do add(entry, 1) end
  end
  if #mine > 2 then
    table.insert(out, mine)
    redis.call('LREM', ACTIVE, 1, id)
    redis.call('RPUSH', ACTIVE, id)
  end
end
for _, id in ipairs(redis.call('LRANGE', ACTIVE, 0, -1)) do
  if left <= 0 then break end
  local job = 'trm:job:' .. id
  local found = redis.call('HMGET', job, 'status', 'terms')
  if not found[1] or redis.call('EXISTS', job .. ':items') == 0 then
    redis.call('LREM', ACTIVE, 0, id)
  else
    take_from(id, job, found[2])
    if found[1] == 'queued' and #out > 0 and out[#out][1] == id then redis.call('HSET', job, 'status', 'running') end
  end
end
table.insert(out, 1, suspects)
return out
"""
)

RENEW = (
    ENDS
    + """
-- ARGV consumer, then job and entry of each item. The places, from 0, of those that are its no longer
local lost = {}
for at = 2, #ARGV, 2 do
  local items = 'trm:job:' .. ARGV[at] .. ':items'
  if holder(items, ARGV[at + 1]) == ARGV[1] then
    redis.call('XCLAIM', items, GROUP, ARGV[1], 0, ARGV[at + 1], 'JUSTID')
  else
    table.insert(lost, at / 2 - 1)
  end
end
return lost
"""
)

FINISH = (
    ENDS
    + """
-- ARGV now, seconds to keep, then job, entry, kind and line of each result. {kinds of those that were taken, statuses of jobs that have ended}
local taken, ended, now, keep = {}, {}, tonumber(ARGV[1]), tonumber(ARGV[2])
for at = 3, #ARGV, 4 do
  local id, entry, kind = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  local job = 'trm:job:' .. id
  if redis.call('EXISTS', job) == 1 and redis.call('XACK', job .. ':items', GROUP, entry) == 1 then
    redis.call('XDEL', job .. ':items', entry)
    if redis.call('RPUSH', job .. ':results', ARGV[at + 3]) == 1 then keep_until(job, tonumber(redis.call('HGET', job, 'expires'))) end
    redis.call('HINCRBY', job, kind, 1)
    table.insert(taken, kind)
    if pending(job) == 0 then
      local status = redis.call('HGET', job, 'failed') == redis.call('HGET', job, 'total') and 'failed' or 'completed'
      finish(job, id, status, now, keep)
      table.insert(ended, status)
    end
  end
end
return {taken, ended}
"""
)

RELEASE = (
    ENDS
    + """
-- ARGV consumer, then job and entry of each item
for at = 2, #ARGV, 2 do
  local items = 'trm:job:' .. ARGV[at] .. ':items'
  local name, deliveries = holder(items, ARGV[at + 1])
  if name == ARGV[1] then redis.call('XCLAIM', items, GROUP, 'orphans', 0, ARGV[at + 1], 'RETRYCOUNT', deliveries - 1, 'JUSTID') end
end
ring()
"""
)

NOTE = (
    ENDS
    + """
-- KEYS job; ARGV index, reason
if redis.call('EXISTS', KEYS[1] .. ':items') == 1 then
  redis.call('HSET', KEYS[1] .. ':reasons', ARGV[1], ARGV[2])
  keep_until(KEYS[1], tonumber(redis.call('HGET', KEYS[1], 'expires')))
end
"""
)

BACKLOG = (
    READS
    + """
-- {puzzles without a result, when the oldest open job was created, or ''}
local left, oldest = 0, nil
for _, id in ipairs(redis.call('LRANGE', ACTIVE, 0, -1)) do
  local open, created = pending('trm:job:' .. id), tonumber(redis.call('HGET', 'trm:job:' .. id, 'created') or nil)
  if open then left, oldest = left + open, math.min(created, oldest or created) end
end
return {left, oldest and tostring(oldest) or ''}
"""
)

ALL = (APPEND, SUBMIT, CANCEL, TAKE, RENEW, FINISH, RELEASE, NOTE, BACKLOG)
