"""A Redis that may be away: asked within a time limit, and passed over while it does not answer. Knows connections; no keys and no commands but its probe.

It fails open: whatever Redis does, nothing is raised, and the error is counted. After `FAILURES` in a row without an answer the breaker opens: nothing is
asked, and a task of its own asks Redis every `PAUSE` seconds, until it answers. So no request waits for a Redis that is away, not even to find out that
it still is.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

from redis.exceptions import AuthenticationError, NoPermissionError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from app.cache.address import Address
from app.cache.client import connect, told
from app.metrics import Metrics

log = logging.getLogger(__name__)

PROBE = "trm:answer:"
"""A key of the cache, so that whoever may do what the cache does may ask for it."""
FAILURES = 5
PAUSE = 1.0
PATIENCE = 1.0
"""Seconds that Redis has to answer where no request waits for it: room for a name to be looked up, a TLS handshake, some sentinels that are away."""
CONNECTIONS = 32


class Link:
    """The way to one Redis, for all who use it. `timeout` bounds every answer, in seconds: waiting for a connection, making one and the answer together."""

    def __init__(self, address: Address, metrics: Metrics, timeout: float) -> None:
        self.address, self.metrics, self.timeout = address, metrics, timeout
        self.client, self.sentinel = connect(address, CONNECTIONS, timeout)
        self.connections = asyncio.Semaphore(CONNECTIONS)
        self.failures, self.said = 0, ""
        self.recovery: asyncio.Task[None] | None = None
        """Runs while the breaker is open."""

    async def start(self) -> None:
        """Make the first connection, before there are requests to wait for it."""
        if not await self._answers():
            self._open()

    async def ask(self, command: Callable[[], Awaitable[object]]) -> object:
        """What Redis answers, if it does so in time; else None. Only the caller's own cancellation is raised."""
        return None if self.recovery is not None else (await self._ask(self.timeout, command))[1]

    async def close(self) -> None:
        """Close the connections; what is in Redis stays there."""
        if self.recovery is not None:
            self.recovery.cancel()
            await asyncio.wait([self.recovery])
        with contextlib.suppress(Exception):  # a server that hangs does not keep us
            async with asyncio.timeout(PATIENCE):
                await self.client.aclose()
                if self.sentinel is not None:
                    await self.sentinel.aclose()

    async def _ask(self, seconds: float, command: Callable[[], Awaitable[object]]) -> tuple[bool, object]:
        """(whether Redis answered, its answer). Only the caller's own cancellation is raised."""
        try:
            async with asyncio.timeout(seconds), self.connections:
                answer = await command()
        except ResponseError as error:  # it answers, and refuses: full, read-only, a key of another type
            self._count("permission" if isinstance(error, NoPermissionError) else "refused", error)
            self.failures = 0
            return True, None
        except Exception as error:  # no fault of Redis, the network or the client library may reach a user
            silent = isinstance(error, TimeoutError | RedisTimeoutError)
            self._count("timeout" if silent else "permission" if isinstance(error, AuthenticationError) else "connection", error)
            self.failures += 1
            if self.failures >= FAILURES:
                self._open()
            return False, None
        self.failures = 0
        return True, answer

    def _count(self, kind: str, error: Exception) -> None:
        """Count an error, and log it unless it is the one logged last."""
        self.metrics.cache_errors.inc(kind)
        text = told(self.address, error)
        if text != self.said:
            self.said = text
            log.warning("the shared cache failed, requests are answered without it", extra={"kind": kind, "error": text})

    def _open(self) -> None:
        if self.recovery is None:
            self.recovery = asyncio.create_task(self._recover())
            self.metrics.cache_breaker_open.set(1)

    async def _recover(self) -> None:
        """The breaker's way back: ask, and go on asking, until there is an answer."""
        while True:
            await asyncio.sleep(PAUSE)
            if await self._answers():
                break
        self.recovery, self.said = None, ""
        self.metrics.cache_breaker_open.set(0)
        log.info("the shared cache is back")

    async def _answers(self) -> bool:
        """Whether Redis does what it is here for."""
        answered, _ = await self._ask(PATIENCE, lambda: self.client.get(PROBE))
        return answered
