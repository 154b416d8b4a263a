"""The in-process cache: least recently used goes first. Lost with the process, shared with nobody."""

from cachetools import LRUCache


class MemoryCache:
    """At most `entries` values; see `base.Cache`."""

    def __init__(self, entries: int) -> None:
        self.values: LRUCache[str, bytes] = LRUCache(entries)

    async def get(self, key: str) -> bytes | None:
        """The value stored last under `key`, if it is still here."""
        return self.values.get(key)

    async def set(self, key: str, value: bytes) -> None:
        """Store `value`, forgetting the least recently used when there is no room."""
        self.values[key] = value

    async def close(self) -> None:
        """Forget everything."""
        self.values.clear()
