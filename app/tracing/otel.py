"""The tracer: OpenTelemetry's SDK, set up by its standard variables, sending OTLP over HTTP from a thread of its own. Knows no puzzles."""

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import Token
from importlib.metadata import version

from opentelemetry import context, propagate, trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode

from app.tracing.base import Attributes, Event

LAST_WORDS = 3.0
"""Seconds in which what is left must be sent when the server stops."""


class OtelSpan:
    """See `base.Span`."""

    def __init__(self, span: trace.Span) -> None:
        self.span = span

    def describe(self, attributes: Attributes) -> None:
        """See `base.Span`."""
        self.span.set_attributes(attributes)

    def fail(self, kind: str) -> None:
        """See `base.Span`."""
        self.span.set_attribute("error.type", kind)
        self.span.set_status(Status(StatusCode.ERROR))


class OtelArrival:
    """See `base.Arrival`."""

    def __init__(self, span: trace.Span, token: Token[Context]) -> None:
        self.span, self.token, known = span, token, span.get_span_context()
        self.trace_id = trace.format_trace_id(known.trace_id)
        self.header = f"00-{self.trace_id}-{trace.format_span_id(known.span_id)}-{known.trace_flags:02x}".encode()

    def left(self, method: str, route: str, status: int, attributes: Attributes) -> None:
        """See `base.Arrival`."""
        self.span.update_name(f"{method} {route}")
        self.span.set_attributes({"http.request.method": method, "http.route": route, "http.response.status_code": status, **attributes})
        if status >= 500:
            OtelSpan(self.span).fail(str(status))
        self.span.end()
        context.detach(self.token)


class OtelTracer:
    """See `base.Tracer`."""

    def __init__(self) -> None:
        resource = Resource.create({SERVICE_VERSION: version("trm-serve")})
        if str(resource.attributes[SERVICE_NAME]).startswith("unknown_service"):
            resource = resource.merge(Resource({SERVICE_NAME: "trm-serve"}))
        self.provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self.provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self.tracer = self.provider.get_tracer("trm", version("trm-serve"))

    def arrived(self, headers: Iterable[tuple[bytes, bytes]]) -> OtelArrival:
        """See `base.Tracer`."""
        parent = propagate.extract({name.decode("latin-1"): value.decode("latin-1") for name, value in headers})
        span = self.tracer.start_span("HTTP", parent, SpanKind.SERVER)
        return OtelArrival(span, context.attach(trace.set_span_in_context(span, parent)))

    @contextmanager
    def span(self, name: str, attributes: Attributes) -> Iterator[OtelSpan]:
        """See `base.Tracer`."""
        with self.tracer.start_as_current_span(name, attributes=attributes, record_exception=False, set_status_on_exception=False) as span:
            yield OtelSpan(span)

    def interval(
        self, name: str, started: float, ended: float, attributes: Attributes, events: Sequence[Event] = (), origin: object = None, error: str = ""
    ) -> None:
        """See `base.Tracer`."""
        if not self.wanted():
            return
        began = time.time_ns() - time.monotonic_ns()  # when the monotonic clock was zero
        links = [Link(origin)] if isinstance(origin, SpanContext) else None
        span = self.tracer.start_span(name, attributes=attributes, links=links, start_time=began + round(started * 1e9))
        for event in events:
            span.add_event(event.name, event.attributes, began + round(event.at * 1e9))
        if error:
            OtelSpan(span).fail(error)
        span.end(began + round(ended * 1e9))

    def here(self) -> SpanContext:
        """See `base.Tracer`."""
        return trace.get_current_span().get_span_context()

    def wanted(self) -> bool:
        """See `base.Tracer`."""
        return self.here().trace_flags.sampled

    def close(self) -> None:
        """See `base.Tracer`."""
        sending = threading.Thread(target=self.provider.shutdown, daemon=True)  # the SDK would wait half a minute for a collector that is away
        sending.start()
        sending.join(LAST_WORDS)
