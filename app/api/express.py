"""The short way of single puzzles, as an ASGI middleware: a sound body goes straight to its endpoint. Knows one address and no puzzles.

What is not sound goes the usual way, for the framework to tell what is wrong with it. While the pool is flooded, single puzzles are refused before they are
read: reading a request only to refuse it takes half as long as a step of the model, and at some multiple of what the workers can do it would leave them no
time. What is refused there might have been in the cache; so the first refusals of any moment are read, and a lesser overload never comes to this. Such refusals
are counted like all others, but the log has one line a second for all of them.
"""

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable
from contextvars import Context

from fastapi import Request, Response
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.envelope import QUIET
from app.api.errors import counted, from_error
from app.api.schemas import SolveIn
from app.errors import QueueFull, TRMError
from app.metrics import Metrics
from app.pool.base import Pool

log = logging.getLogger("trm.access")
PATH = "/v1/solve"
REFUSAL_SECONDS, LOG_SECONDS = 0.1, 1.0
"""How long a refusal is used again as it is, and how often the log tells of them."""
JSON = (b"content-type", b"application/json")
Endpoint = Callable[[SolveIn, Request], Awaitable[Response]]
"""Takes a sound body, and the request that it has been read from."""


class Express:
    """The middleware."""

    def __init__(self, app: ASGIApp, endpoint: Endpoint, pool: Pool, metrics: Metrics) -> None:
        self.app, self.endpoint, self.pool, self.metrics = app, endpoint, pool, metrics
        self.refusal, self.made = Response(), -math.inf
        self.unread = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != PATH or scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        scope["endpoint"] = self.endpoint  # so that it is counted as what it is
        if self.pool.flooded():
            await self._refuse(scope, receive, send)
        elif JSON in scope["headers"]:
            await self._read(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        now = time.monotonic()
        if now - self.made > REFUSAL_SECONDS:
            self.refusal, self.made = from_error(QueueFull("far more puzzles come than can be solved", retry_after=self.pool.retry_after())), now
        self.metrics.rejected.inc(QueueFull.type)
        if not self.unread:
            asyncio.get_running_loop().call_later(LOG_SECONDS, self._tell, context=Context())  # which is no request's
        self.unread += 1
        scope[QUIET] = True
        await self.refusal(scope, receive, send)

    def _tell(self) -> None:
        log.warning("far more puzzles come than can be solved: refused unread", extra={"requests": self.unread})
        self.unread = 0

    async def _read(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            body = await whole(receive)
        except HTTPException as error:
            await self.app(scope, raising(error), send)
            return
        if body is None:
            return
        try:
            given = SolveIn.model_validate_json(body)
        except ValidationError:
            await self.app(scope, put_back(body, receive), send)
            return
        try:
            response = await self.endpoint(given, Request(scope, receive))
        except TRMError as error:
            response = counted(error, self.metrics)
        await response(scope, receive, send)


async def whole(receive: Receive) -> bytes | None:
    """A request's body; None when the client left before its end."""
    message = await receive()
    body = message.get("body", b"")
    while message.get("more_body"):
        message = await receive()
        body += message.get("body", b"")
    return None if message["type"] == "http.disconnect" else body


def raising(error: HTTPException) -> Receive:
    """For whoever reads the body next: what was wrong with it."""

    async def receive() -> Message:
        raise error

    return receive


def put_back(body: bytes, receive: Receive) -> Receive:
    """For whoever reads next: the body, which has been read, and what comes behind it."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return messages.pop() if messages else await receive()

    return again
