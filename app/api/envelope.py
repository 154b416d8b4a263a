"""What wraps every request, as one ASGI middleware: request id, body limit, security headers, access log, HTTP metrics. Knows no routes.

Written against ASGI itself: a framework middleware would hide the client's disconnect from the handlers.
"""

import logging
import random
import re
import time
from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.errors import BUG
from app.logs import access, request_id
from app.metrics import Metrics
from app.tracing.base import Arrival, Tracer

log = logging.getLogger(__name__)
ACCEPTABLE_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
SECURITY = ((b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer"), (b"content-security-policy", b"frame-ancestors 'none'"))
"""On every response that does not say so itself."""
UNTRACED = ("/healthz", "/readyz", "/metrics")
"""What is asked every few seconds for ever."""
CLIENT_GONE = 499
"""Logged and counted in place of a status when the client left before its answer."""


def identity_of(headers: Mapping[bytes, bytes]) -> str:
    """The id of a request: what the client calls it, where that is acceptable, else one of ours."""
    given = headers.get(b"x-request-id", b"").decode("latin-1")
    return given if ACCEPTABLE_ID.fullmatch(given) else f"{random.getrandbits(128):032x}"


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

    def __init__(self, app: ASGIApp, metrics: Metrics, max_body_bytes: int, larger: Mapping[str, int] | None = None, tracer: Tracer | None = None) -> None:
        self.app, self.metrics, self.max_body_bytes, self.larger, self.tracer = app, metrics, max_body_bytes, larger or {}, tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, headers = time.perf_counter(), dict(scope["headers"])
        identity = identity_of(headers)
        ours = [*SECURITY, (b"x-request-id", identity.encode())]
        exchange = Exchange(receive, send, ours, headers.get(b"content-length", b""), self.larger.get(scope["path"], self.max_body_bytes))
        token = request_id.set(identity)
        arrival = None if self.tracer is None or scope["path"] in UNTRACED else self.tracer.arrived(scope["headers"])
        if arrival is not None:
            ours.append((b"traceresponse", arrival.header))
        try:
            await self.app(scope, exchange.receive, exchange.send)
        except Exception:
            log.exception("a bug")
            if not exchange.answered:
                await BUG(scope, exchange.receive, exchange.send)
        finally:
            self._account(scope, exchange.status, time.perf_counter() - started, arrival)
            request_id.reset(token)

    def _account(self, scope: Scope, status: int, seconds: float, arrival: Arrival | None) -> None:
        # the template, never the client's path; the framework's own pages (/docs) have an endpoint but no template
        route = str(getattr(scope.get("route"), "path", scope["path"] if "endpoint" in scope else "unmatched"))
        method = scope["method"] if scope["method"] in METHODS else "other"
        self.metrics.http_requests.inc(route, method, str(status))
        self.metrics.http_duration.observe(seconds, route)
        about = {"client": scope["state"]["client"]} if "client" in scope.get("state", ()) else {}
        if arrival is not None:
            arrival.left(method, route, status, {f"trm.{name}": value for name, value in about.items()})
            about["trace_id"] = arrival.trace_id
        access(method=method, route=route, status=status, ms=round(seconds * 1000, 3), **about)
