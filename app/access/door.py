"""Who may come in: a key that is known, of a client that has not used up its rate. Knows no HTTP."""

import math

from app.access.keys import Key, Keys
from app.access.limits import Limits
from app.errors import Forbidden, RateLimited, Unauthorized
from app.metrics import Metrics


class Door:
    """Lets clients in, or refuses them."""

    def __init__(self, keys: Keys, limits: Limits, metrics: Metrics) -> None:
        self.keys, self.limits, self.metrics = keys, limits, metrics
        metrics.know_clients(key.name for key in keys.all)

    async def enter(self, presented: bytes) -> Key:
        """The client whose key was presented, charged for one puzzle. Raises `Unauthorized` without a key, `Forbidden` or `RateLimited`."""
        if not presented:
            raise Unauthorized("an API key is needed: send Authorization: Bearer KEY, or X-API-Key: KEY")
        key = self.keys.find(presented)
        if key is None:
            raise Forbidden("this API key is not known here")
        wait = await self.limits.take(key) if key.rate else 0.0
        self.metrics.client_requests.inc(key.name, "limited" if wait else "allowed")
        if wait:
            raise RateLimited(f"{key.name} may send {key.rate:g} puzzles a second", retry_after=math.ceil(wait))
        return key

    async def charge(self, key: Key, puzzles: int) -> None:
        """Charge for more puzzles of a request that has entered."""
        if key.rate and puzzles:
            await self.limits.charge(key, puzzles)
