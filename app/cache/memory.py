"""The in-process cache: least recently used goes first. Lost with the process, shared with nobody."""

import time

from cachetools import TLRUCache


class MemoryCache:
    """At most `entries` values; see `base.Cache`."""

    def __init__(self, entries: int) -> None:
        self.values: TLRUCache[str, tuple[bytes, float]] = TLRUCache(entries, ttu=lambda _, stored, now: now + stored[1], timer=time.monotonic)
        """By key, the value and the seconds that it may stay."""

    async def start(self) -> None:
        """There is nothing to get ready."""

    async def get(self, key: str) -> bytes | None:
        """The value stored last under `key`, if it is still here."""
        stored = self.values.get(key)
        return None if stored is None else stored[0]

    async def set(self, key: str, value: bytes, seconds: float) -> None:
        """Store `value` for so long at most, forgetting the least recently used when there is no room."""
        self.values[key] = (value, seconds)

    async def close(self) -> None:
        """Forget everything."""
        self.values.clear()
