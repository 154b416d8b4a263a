"""The cache that many servers share, on Redis. Knows two commands; that Redis may be away is the link's to know. No puzzles."""

from app.cache.link import PROBE, Link

PREFIX = PROBE


class RedisCache:
    """See `base.Cache`; the link is started and closed with it."""

    def __init__(self, link: Link) -> None:
        self.link = link

    async def start(self) -> None:
        """Make the first connection, before there are requests to wait for it."""
        await self.link.start()

    async def get(self, key: str) -> bytes | None:
        """The value stored last under `key`, if Redis has it and says so in time."""
        found = await self.link.ask(lambda: self.link.client.get(PREFIX + key))
        return found if isinstance(found, bytes) else None

    async def set(self, key: str, value: bytes, seconds: float) -> None:
        """Store `value` for so long, if Redis takes it."""
        await self.link.ask(lambda: self.link.client.set(PREFIX + key, value, px=max(1, round(seconds * 1000))))

    async def close(self) -> None:
        """Close the connections; what is in Redis stays there."""
        await self.link.close()
