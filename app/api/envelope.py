"""What wraps every request, as one ASGI middleware: its visit, a limit for its body, our headers on its response. Knows no routes.

Written against ASGI itself: a framework middleware would hide the client's disconnect from the handlers.
"""

import logging
import time
from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.errors import BUG
from app.api.visits import CLIENT_GONE, METHODS, SECURITY, Visit, Visits

log = logging.getLogger(__name__)


class Exchange:
    """One request and its response, as they pass by."""

    def __init__(self, receive: Receive, send: Send, headers: list[tuple[bytes, bytes]], announced: bytes, max_body_bytes: int) -> None:
        self.inner_receive, self.inner_send = receive, send
        self.headers, self.max_body_bytes, self.received = headers, max_body_bytes, 0
        self.announced = int(announced) if announced.isdigit() else 0
        self.status, self.answered = CLIENT_GONE, False

    async def receive(self) -> Message:
        """The next message from the client. Raises a 413 as soon as its body is over the limit."""
        if self.announced <= self.max_body_bytes:
            message = await self.inner_receive()
            self.received += len(message.get("body", b""))
            if self.received <= self.max_body_bytes:
                if message["type"] == "http.disconnect" and not self.answered:
                    self.answered = True  # by nobody: whatever is sent now reaches no one
                return message
        raise HTTPException(413, f"the body is over {self.max_body_bytes} bytes")

    async def send(self, message: Message) -> None:
        """Send a message to the client, with our own headers."""
        if message["type"] == "http.response.start":
            if not self.answered:
                self.status, self.answered = message["status"], True
            said = dict(given := message.get("headers", ()))
            message["headers"] = [*given, *[each for each in self.headers if each[0] not in said]]
        await self.inner_send(message)


class Envelope:
    """The middleware; `max_body_bytes` bounds every body but those of the paths in `larger`, which have bounds of their own."""

    def __init__(self, app: ASGIApp, visits: Visits, max_body_bytes: int, larger: Mapping[str, int] | None = None) -> None:
        self.app, self.visits, self.max_body_bytes, self.larger = app, visits, max_body_bytes, larger or {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path, headers = scope["path"], dict(scope["headers"])
        visit = Visit(self.visits, scope["headers"], headers, path, time.perf_counter())
        exchange = Exchange(receive, send, [*SECURITY, *visit.headers], headers.get(b"content-length", b""), self.larger.get(path, self.max_body_bytes))
        try:
            await self.app(scope, exchange.receive, exchange.send)
        except Exception:
            log.exception("a bug")
            if not exchange.answered:
                await BUG(scope, exchange.receive, exchange.send)
        finally:
            # the template, never the client's path; the framework's own pages (/docs) have an endpoint but no template
            route = str(getattr(scope.get("route"), "path", path if "endpoint" in scope else "unmatched"))
            method = scope["method"] if scope["method"] in METHODS else "other"
            visit.end(method, route, exchange.status, scope.get("state", {}).get("client"))
