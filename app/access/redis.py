"""The buckets that many servers share, on Redis. Knows one script; that Redis may be away is the link's to know.

It fails open to what this server knows of itself: each request passes the bucket here first, which sees a part of the client's requests only and so
never refuses what all servers together would let through. Redis' own clock fills the buckets, so the servers' clocks need not agree.
"""

from app.access.keys import Key
from app.access.limits import LocalLimits
from app.cache.link import Link

PREFIX = "trm:rate:"
TAKE = """
local time, rate, burst, cost = redis.call('TIME'), tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local now = time[1] + time[2] / 1e6
local kept = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens = math.min(burst, (tonumber(kept[1]) or burst) + math.max(0, now - (tonumber(kept[2]) or now)) * rate)
if ARGV[4] == 'take' and tokens < cost then
  return tostring((cost - tokens) / rate)
end
redis.call('HSET', KEYS[1], 'tokens', tokens - cost, 'at', now)
redis.call('PEXPIRE', KEYS[1], math.ceil((burst - tokens + cost) / rate * 1000))
return '0'
"""
"""Take tokens if there are enough, or whether or not; the seconds until there are. A full bucket need not be kept."""


class SharedLimits:
    """See `limits.Limits`."""

    def __init__(self, link: Link, local: LocalLimits | None = None) -> None:
        self.link, self.local = link, local or LocalLimits()
        self.script = link.client.register_script(TAKE)

    async def take(self, key: Key) -> float:
        """See `limits.Limits`."""
        wait = await self.local.take(key)
        if wait:
            return wait
        wait = await self._run(key, 1, "take")
        if wait:
            await self.local.charge(key, -1)
        return wait

    async def charge(self, key: Key, tokens: float) -> None:
        """See `limits.Limits`."""
        await self.local.charge(key, tokens)
        await self._run(key, tokens, "charge")

    async def _run(self, key: Key, tokens: float, how: str) -> float:
        assert key.rate
        arguments: list[str | float] = [key.rate, key.burst, tokens, how]
        answer = await self.link.ask(lambda: self.script([PREFIX + key.name], arguments))
        return float(answer) if isinstance(answer, bytes) else 0.0
