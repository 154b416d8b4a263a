"""The guard in front of the API, as an ASGI middleware: nobody without a key comes in, before a byte of a body is read. Knows HTTP headers and prefixes.

What is not of the API stays open: health, metrics, the pages and documents for people.
"""

from collections.abc import Iterable
from functools import partial
from typing import Any

from fastapi import FastAPI, Request
from starlette.types import ASGIApp, Receive, Scope, Send

from app.access.door import Door
from app.access.keys import Key
from app.api.errors import INFERENCE, MEDIA_TYPE, counted, told
from app.errors import Forbidden, RateLimited, TRMError, Unauthorized
from app.metrics import Metrics

API = ("/v1", "/v2")
OPEN = "/v2/health/"
SCHEMES = {"bearer": {"type": "http", "scheme": "bearer"}, "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"}}
REFUSALS = {
    401: f"{Unauthorized.title}: keys are configured and the request has none",
    403: f"{Forbidden.title}: it is not known",
    429: f"{RateLimited.title}; see Retry-After",
}


def guarded(path: str) -> bool:
    """Whether a path is of the API."""
    return path.startswith(API) and not path.startswith(OPEN)


def presented(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The key that a request has with it; empty if none. `X-API-Key` goes first, since a proxy may want `Authorization` for itself."""
    bearer = b""
    for name, value in headers:
        if name == b"x-api-key":
            return value.strip()
        if name == b"authorization" and value[:7].lower() == b"bearer ":
            bearer = value[7:].strip()
    return bearer


class Guard:
    """The middleware. It leaves the client's name, its quota of open jobs and its account in the request's state."""

    def __init__(self, app: ASGIApp, door: Door, metrics: Metrics) -> None:
        self.app, self.door, self.metrics = app, door, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and guarded(scope["path"]):
            try:
                key = await self.door.enter(presented(scope["headers"]))
            except TRMError as error:
                await told(counted(error, self.metrics), scope["path"])(scope, receive, send)
                return
            self._introduce(scope, key)
        await self.app(scope, receive, send)

    def _introduce(self, scope: Scope, key: Key) -> None:
        state = scope.setdefault("state", {})
        state["client"], state["job_quota"], state["charge"] = key.name, key.jobs, partial(self.door.charge, key)


async def charge(request: Request, puzzles: int) -> None:
    """Charge the client for the puzzles of a request, of which the guard has charged the first. Where there are no keys there is nothing to charge."""
    account = getattr(request.state, "charge", None)
    if account is not None:
        await account(puzzles - 1)


def declare(app: FastAPI, *, needed: bool) -> None:
    """Have the OpenAPI document say that the API asks for a key, or that a server may, and how it refuses."""
    make = app.openapi

    def openapi() -> dict[str, Any]:
        return app.openapi_schema or declared(make(), needed)

    app.openapi = openapi  # type: ignore[method-assign]  # the way that FastAPI documents


def declared(document: dict[str, Any], needed: bool) -> dict[str, Any]:
    """The document with schemes, requirements and refusals; without a key in use, a key is one of two ways."""
    document["components"]["securitySchemes"] = SCHEMES
    problem, error = ({"schema": {"$ref": f"#/components/schemas/{name}"}} for name in ("ProblemOut", "ErrorOut"))
    for path, methods in document["paths"].items():
        content = {"application/json": error} if path.startswith(INFERENCE) else {MEDIA_TYPE: problem}
        for operation in methods.values() if guarded(path) else ():
            operation["security"] = [*([] if needed else [{}]), *({name: []} for name in SCHEMES)]
            refusals = {str(status): {"description": meaning, "content": content} for status, meaning in REFUSALS.items()}
            operation["responses"] = refusals | operation["responses"]
    return document
