"""Single puzzles refused before they are read, where far more come than can be solved. Knows one address, and HTTP as bytes; no puzzles, no connections.

Reading a request only to refuse it takes more than half as long as answering it, and at some multiple of what the workers can do it would leave them no time.
What is refused here might have been in the cache, or have had no key; so while the queue is full some of those that come are read, and a lesser overload hardly
comes to this. Such refusals are counted like all others, though not by client, there is no trace of them, and the log has one line a second for all.
"""

import asyncio
import math
import time
from contextvars import Context

from app.api.errors import from_error
from app.api.express import PATH, TARGET, Headers, head
from app.api.visits import SECURITY, identity_of
from app.errors import QueueFull
from app.logs import ACCESS
from app.metrics import Metrics
from app.pool.base import Pool

READ, SECONDS = 20, 0.1
"""So many are read in so many seconds while the queue is full: three hundredths of a core. A refusal is used again as it is for as long."""
LOG_SECONDS = 1.0
"""How often the log tells of them."""


class Turnstile:
    """Where requests are turned away, or not."""

    def __init__(self, pool: Pool, metrics: Metrics) -> None:
        self.pool, self.metrics = pool, metrics
        self.head, self.body, self.made = b"", b"", -math.inf
        self.room: int | None = None
        """How many more may come in this turn of the loop; None until it is asked for."""
        self.read, self.since, self.unread = 0, -math.inf, 0

    def turns_away(self, method: bytes, target: bytes, headers: Headers) -> bool:
        """Whether a request is to be refused now. A page of another origin could not read such a refusal, so it gets one of the usual way."""
        if target != TARGET or method != b"POST":
            return False
        if self.room is None:
            self.room = self.pool.room()
            asyncio.get_running_loop().call_soon(self._all_came)
        if self.room > 0:
            self.room -= 1
            return False
        return not self._reads_one() and not any(name == b"origin" for name, _ in headers)

    def _all_came(self) -> None:
        """Most of those let in during the last turn of the loop are in the pool's queue by now.

        Where bodies come later, or answers are looked for on Redis, more are let in than there is room for, and are refused once they have been read.
        """
        self.room = None

    def _reads_one(self) -> bool:
        now = time.monotonic()
        if now - self.since > SECONDS:
            self.read, self.since = 0, now
        self.read += 1
        return self.read <= READ

    def refusal(self, asked: Headers, ours: Headers, seconds: float) -> bytes:
        """The whole response to a request with the headers `asked`, which took so long to come; `ours` are those that the server puts on all of them."""
        now = time.monotonic()
        if now - self.made > SECONDS:
            self._make(ours)
            self.made = now
        self.metrics.rejected.inc(QueueFull.type)
        self.metrics.http_requests.inc(PATH, "POST", str(QueueFull.status))
        self.metrics.http_duration.observe(seconds, PATH)
        if not self.unread:
            asyncio.get_running_loop().call_later(LOG_SECONDS, self._tell, context=Context())  # which is no request's
        self.unread += 1
        return b"%bx-request-id: %b\r\n\r\n%b" % (self.head, identity_of(dict(asked)).encode(), self.body)

    def _make(self, ours: Headers) -> None:
        response = from_error(QueueFull("far more puzzles come than can be solved", retry_after=self.pool.retry_after()))
        self.head, self.body = head(response.status_code, (*ours, *response.raw_headers, *SECURITY)), bytes(response.body)

    def _tell(self) -> None:
        ACCESS.warning("far more puzzles come than can be solved: refused unread", extra={"requests": self.unread})
        self.unread = 0
