"""The short way of single puzzles, as an ASGI middleware: a sound body goes straight to its endpoint. Knows one address and no puzzles.

What is not sound goes the usual way, for the framework to tell what is wrong with it.
"""

from collections.abc import Awaitable, Callable

from fastapi import Request, Response
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.errors import counted
from app.api.schemas import SolveIn
from app.errors import TRMError
from app.metrics import Metrics

PATH = "/v1/solve"
JSON = (b"content-type", b"application/json")
Endpoint = Callable[[SolveIn, Request], Awaitable[Response]]
"""Takes a sound body, and the request that it has been read from."""


class Express:
    """The middleware."""

    def __init__(self, app: ASGIApp, endpoint: Endpoint, metrics: Metrics) -> None:
        self.app, self.endpoint, self.metrics = app, endpoint, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != PATH or scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        scope["endpoint"] = self.endpoint  # so that it is counted as what it is
        if JSON in scope["headers"]:
            await self._read(scope, receive, send)
        else:
            await self.app(scope, receive, send)

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
