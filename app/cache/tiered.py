"""Two caches: one near, that holds what was stored here, and one far, that holds what was stored anywhere. Knows neither of them closely.

What was stored here is found without going to the far one, and while that is away. What only the far one has is not copied: for how much
longer it may stay is not known here.
"""

from app.cache.base import Cache


class TieredCache:
    """See `base.Cache`."""

    def __init__(self, near: Cache, far: Cache) -> None:
        self.near, self.far = near, far

    async def start(self) -> None:
        """Get both ready."""
        await self.near.start()
        await self.far.start()

    async def get(self, key: str) -> bytes | None:
        """What is near, else what is far."""
        value = await self.near.get(key)
        return await self.far.get(key) if value is None else value

    async def set(self, key: str, value: bytes, seconds: float) -> None:
        """Store in both, for as long."""
        await self.near.set(key, value, seconds)
        await self.far.set(key, value, seconds)

    async def close(self) -> None:
        """Let go of both."""
        await self.near.close()
        await self.far.close()
