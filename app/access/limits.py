"""How much each client has left, as token buckets: filled at its rate up to its burst, emptied by its puzzles. Knows no HTTP.

A client whose bucket holds a whole token may go on, whatever its request then costs: a batch is charged when its size is known and may leave
the bucket in debt, which is waited out. So the rate holds in the mean for single puzzles and batches alike.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from app.access.keys import Key


class Limits(Protocol):
    """The buckets of all clients that have a rate."""

    async def take(self, key: Key) -> float:
        """Take one token; 0.0 if there was one, else the seconds until there will be, with nothing taken."""

    async def charge(self, key: Key, tokens: float) -> None:
        """Take so many more, though there be less."""


@dataclass(slots=True)
class Bucket:
    """Tokens, as they were `at` a time in seconds."""

    tokens: float
    at: float


class LocalLimits:
    """See `Limits`; lost with the process, shared with nobody."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock, self.buckets = clock, dict[str, Bucket]()

    async def take(self, key: Key) -> float:
        """See `Limits`."""
        assert key.rate
        bucket = self._filled(key, key.rate)
        if bucket.tokens < 1:
            return (1 - bucket.tokens) / key.rate
        bucket.tokens -= 1
        return 0.0

    async def charge(self, key: Key, tokens: float) -> None:
        """See `Limits`."""
        assert key.rate
        self._filled(key, key.rate).tokens -= tokens

    def _filled(self, key: Key, rate: float) -> Bucket:
        now = self.clock()
        bucket = self.buckets.get(key.name)
        if bucket is None:
            bucket = self.buckets[key.name] = Bucket(key.burst, now)
        bucket.tokens, bucket.at = min(key.burst, bucket.tokens + (now - bucket.at) * rate), now
        return bucket
