"""One request from its arrival to its end: its id, our headers on its response, its line in the log, its place in the metrics and, if traced, its span.

Knows neither ASGI nor connections, both of which requests come by.
"""

import random
import re
import time
from collections.abc import Iterable, Mapping

from app.logs import access, request_id
from app.metrics import Metrics
from app.tracing.base import Tracer

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


class Visits:
    """Where visits begin."""

    def __init__(self, metrics: Metrics, tracer: Tracer | None = None) -> None:
        self.metrics, self.tracer = metrics, tracer


class Visit:
    """A request that has come. Its id and its span, if it has one, are those of the context from now on; `headers` tell of them on its response."""

    def __init__(self, visits: Visits, asked: Iterable[tuple[bytes, bytes]], named: Mapping[bytes, bytes], path: str, started: float) -> None:
        """`asked` are its headers, `named` the same by name; `started` is the `perf_counter` value of its arrival."""
        self.metrics, self.started = visits.metrics, started
        self.identity = identity_of(named)
        self.headers = [(b"x-request-id", self.identity.encode())]
        self.token = request_id.set(self.identity)
        self.arrival = None if visits.tracer is None or path in UNTRACED else visits.tracer.arrived(asked)
        if self.arrival is not None:
            self.headers.append((b"traceresponse", self.arrival.header))

    def end(self, method: str, route: str, status: int, client: str | None = None) -> None:
        """It is over, and came to this: `route` is a template, never the client's path; `client` is who sent it, where that is known."""
        seconds = time.perf_counter() - self.started
        self.metrics.http_requests.inc(route, method, str(status))
        self.metrics.http_duration.observe(seconds, route)
        about = {} if client is None else {"client": client}
        if self.arrival is not None:
            self.arrival.left(method, route, status, {f"trm.{name}": value for name, value in about.items()})
            about["trace_id"] = self.arrival.trace_id
        access(method=method, route=route, status=status, ms=round(seconds * 1000, 3), **about)
        request_id.reset(self.token)
