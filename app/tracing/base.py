"""What the rest of the service needs of a tracer, and whether there is one. Imports no tracing library: without a tracer none is loaded.

The standard variables of OpenTelemetry say where spans go and how many; without a place to go there is no tracer.
"""

import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from app.errors import InvalidRequest

log = logging.getLogger(__name__)

Attributes = Mapping[str, str | int | float | bool]
PLACES = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened in a span, `at` a `time.monotonic()` value in seconds."""

    name: str
    at: float
    attributes: Attributes = field(default_factory=dict)


class Span(Protocol):
    """A span that has not ended yet."""

    def describe(self, attributes: Attributes) -> None:
        """Say more of it."""

    def fail(self, kind: str) -> None:
        """It came to nothing, for a reason of this kind."""


class Arrival(Protocol):
    """The span of one request at this server; current until it has left."""

    trace_id: str
    header: bytes
    """The value of `traceresponse`: under which trace and span to find it."""

    def left(self, method: str, route: str, status: int, attributes: Attributes) -> None:
        """The response has been sent: end the span."""


class Tracer(Protocol):
    """Makes spans and sends them away in the background. The current span is inherited by tasks that are started."""

    def arrived(self, headers: Iterable[tuple[bytes, bytes]]) -> Arrival:
        """A request has come, perhaps with a trace of its client. Nothing of it is kept but what `left` tells: a path may be a client's secret."""

    def span(self, name: str, attributes: Attributes) -> AbstractContextManager[Span]:
        """A span in the current one, current in the context."""

    def interval(
        self, name: str, started: float, ended: float, attributes: Attributes, events: Sequence[Event] = (), origin: object = None, error: str = ""
    ) -> None:
        """A span in the current one that is over already; times are `time.monotonic()` values. `origin` is a span that it has to do with, from `here`."""

    def here(self) -> object:
        """The current span, for `interval`."""

    def wanted(self) -> bool:
        """Whether there is a current span and it is kept: the sampler may have said no."""

    def close(self) -> None:
        """Send what is left, within a few seconds. Blocks."""


def create_tracer() -> Tracer | None:
    """The tracer that the environment asks for, if it does. Raises `InvalidRequest` for variables that cannot be right."""
    if not asked_for(os.environ):
        return None
    try:
        from app.tracing.otel import OtelTracer

        return OtelTracer()
    except ModuleNotFoundError as error:
        log.warning("the environment asks for traces, which need the otel extra: pip install 'trm-serve[otel]'", extra={"error": str(error)})
        return None
    except ValueError as error:
        raise InvalidRequest(f"a variable that begins with OTEL_ cannot be right: {error}") from error


def asked_for(environ: Mapping[str, str]) -> bool:
    """Whether variables name a place for traces and do not switch them off. What they ask for and cannot have is logged."""
    exporter = environ.get("OTEL_TRACES_EXPORTER", "").strip()
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true" or exporter == "none":
        return False
    if exporter not in ("", "otlp"):
        log.warning("traces go out by otlp only: OTEL_TRACES_EXPORTER is ignored", extra={"exporter": exporter})
        return False
    protocol = next((environ[name] for name in PROTOCOLS if environ.get(name)), "http/protobuf")
    if protocol != "http/protobuf":
        log.warning("traces go out by http/protobuf only: the endpoint is spoken to in that, usually on port 4318", extra={"protocol": protocol})
    return exporter == "otlp" or any(environ.get(name) for name in PLACES)
