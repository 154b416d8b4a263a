"""What the solver needs of a result cache. Knows bytes under keys; no puzzles, no answers."""

from typing import Protocol


class Cache(Protocol):
    """A bounded map that may forget anything at any time and never fails its caller."""

    async def start(self) -> None:
        """Get ready; returns though there is nothing to get ready with."""

    async def get(self, key: str) -> bytes | None:
        """The value stored last under `key`, if it is still here."""

    async def set(self, key: str, value: bytes, seconds: float) -> None:
        """Store `value` for so long at most, forgetting older ones when there is no room."""

    async def close(self) -> None:
        """Let go of what it holds."""
