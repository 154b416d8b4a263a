"""Traces of real requests, sent by the real server to a receiver that reads the protocol."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise

import httpx
import pytest

from app.access.keys import new
from tests.e2e.batches import batch_of, events
from tests.e2e.endless import RUNNING, endless
from tests.e2e.puzzles import IMPOSSIBLE, NEWSPAPER, distinct
from tests.e2e.serving import Server, body
from tests.support.collector import Collector, Span
from tests.support.redis_servers import free_port

SERVER, SLACK = 2, 2_000_000
"""The kind of a span of a server; nanoseconds that two clocks of one machine may differ by."""
CLIENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
"""A trace and a span of a client's."""


@contextmanager
def tracing(endpoint: str, settings: dict[str, object] | None = None, **variables: str) -> Iterator[Server]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_BSP_SCHEDULE_DELAY": "50", **variables}.items():
            patch.setenv(name, value)
        server = Server(**settings or {})
        with server:
            yield server


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with Collector() as collector:
        yield collector


@pytest.fixture(scope="module")
def traced(collector: Collector) -> Iterator[Server]:
    with tracing(collector.url) as server:
        yield server


def spans_of(collector: Collector, response: httpx.Response) -> list[Span]:
    """All spans of a response's trace; the server's own is sent last."""
    _, trace, span, flags = response.headers["traceresponse"].split("-")
    assert int(flags, 16) & 1, "the trace is kept"
    return collector.trace(trace, lambda found: any(each.id == span for each in found))


def by_name(spans: list[Span], name: str) -> list[Span]:
    return [span for span in spans if span.name == name]


def test_a_solve_is_one_trace_of_request_cache_queue_and_attempt_with_its_steps(collector: Collector, traced: Server) -> None:
    response = traced.solve(distinct(1, seed=901)[0])
    answer, spans = response.json(), spans_of(collector, response)
    assert [span.name for span in spans] == ["POST /v1/solve", "solve", "cache", "queue", "attempt"]
    request, solve, *rest = spans
    assert (request.kind, request.parent, request.service) == (SERVER, "", "trm-serve")
    assert solve.parent == request.id
    assert {span.parent for span in rest} == {solve.id}
    assert request.about["http.response.status_code"] == 200
    assert (solve.about["trm.model"], solve.about["trm.cache"], solve.about["trm.steps"]) == ("sudoku", "miss", answer["steps"])
    assert [about["trm.step"] for _, _, about in spans[-1].events] == list(range(1, answer["steps"] + 1))
    assert spans[-1].events[-1][2]["trm.halt_probability"] == pytest.approx(answer["halt_probability"], abs=1e-6)


def test_its_times_lie_in_each_other_and_add_up(collector: Collector, traced: Server) -> None:
    response = traced.solve(IMPOSSIBLE, cache="bypass", max_steps=20, attempts=6)
    answer, spans = response.json(), spans_of(collector, response)
    request, solve, queue, *attempts = spans
    assert [span.about["trm.attempt"] for span in attempts] == list(range(1, answer["attempts"] + 1))
    assert sum(len(span.events) for span in attempts) == answer["steps"]
    assert request.began <= solve.began + SLACK <= queue.began + 2 * SLACK
    assert queue.ended <= attempts[0].began + SLACK
    assert all(first.ended <= second.began + SLACK for first, second in pairwise(attempts))
    assert attempts[-1].ended <= solve.ended + SLACK
    for span in attempts:
        times = [span.began, *(at for _, at, _ in span.events)]
        assert times == sorted(times)
        assert times[-1] == span.ended
    assert (attempts[-1].ended - attempts[0].began) / 1e6 == pytest.approx(answer["timing"]["solve_ms"], abs=5)


def test_a_clients_trace_is_taken_up(collector: Collector, traced: Server) -> None:
    trace, span = CLIENT
    response = traced.client.post("/v1/solve", json=body(NEWSPAPER), headers={"traceparent": f"00-{trace}-{span}-01"})
    request = spans_of(collector, response)[0]
    assert (request.trace, request.parent) == (trace, span)
    assert any(line.get("trace_id") == trace for line in traced.log), "and the log names it"


@pytest.mark.parametrize("wrong", ["", "00-0-0-01", f"00-{'0' * 32}-{CLIENT[1]}-01", "é", "x" * 5000])
def test_what_is_no_trace_begins_a_new_one(collector: Collector, traced: Server, wrong: str) -> None:
    response = traced.client.get("/v1/models", headers={"traceparent": wrong.encode()})
    assert response.status_code == 200
    (request,) = spans_of(collector, response)
    assert (request.name, request.parent) == ("GET /v1/models", "")


def test_a_client_that_does_not_keep_its_trace_is_not_traced(collector: Collector, traced: Server) -> None:
    trace = "1" * 32
    response = traced.client.post("/v1/solve", json=body(NEWSPAPER, cache="bypass"), headers={"traceparent": f"00-{trace}-{CLIENT[1]}-00"})
    assert response.headers["traceresponse"].startswith(f"00-{trace}-")
    assert response.headers["traceresponse"].endswith("-00")
    spans_of(collector, traced.solve(NEWSPAPER))  # whatever came before has been sent by then
    assert not [span for span in collector.spans if span.trace == trace]


def test_an_answer_from_the_cache_has_no_queue(collector: Collector, traced: Server) -> None:
    traced.answer(NEWSPAPER)
    spans = spans_of(collector, traced.solve(NEWSPAPER))
    assert [span.name for span in spans] == ["POST /v1/solve", "solve", "cache"]
    assert (spans[1].about["trm.cache"], spans[2].about["trm.found"]) == ("hit", True)


def test_a_batch_has_a_span_for_each_puzzle(collector: Collector, traced: Server) -> None:
    response = traced.client.post("/v1/solve/batch", json=batch_of(distinct(5, seed=902)))
    assert response.status_code == 200
    spans = spans_of(collector, response)
    solves = by_name(spans, "solve")
    assert spans[0].name == "POST /v1/solve/batch"
    assert len(solves) == 5
    assert {span.parent for span in solves} == {spans[0].id}
    assert {span.parent for span in by_name(spans, "queue")} == {span.parent for span in by_name(spans, "attempt")} == {span.id for span in solves}
    assert all(span.about["trm.bulk"] for span in solves)
    assert min(about["trm.batch_size"] for span in by_name(spans, "attempt") for _, _, about in span.events) >= 1


def test_a_stream_ends_its_span_with_its_last_event(collector: Collector, traced: Server) -> None:
    trace = "2" * 32
    traced.client.headers["traceparent"] = f"00-{trace}-{CLIENT[1]}-01"
    with events(traced, body(NEWSPAPER, halt="never", max_steps=5)) as told:
        count = len(list(told))
    del traced.client.headers["traceparent"]
    spans = collector.trace(trace, lambda found: by_name(found, "POST /v1/solve/stream"))
    assert len(by_name(spans, "attempt")[0].events) == count - 1 == 5
    assert spans[0].ended >= spans[-1].ended - SLACK


def test_one_who_waits_for_an_equal_puzzle_has_a_link_to_it(collector: Collector, traced: Server) -> None:
    (puzzle,) = distinct(1, seed=903)
    responses = asyncio.run(traced.solve_all([body(puzzle, halt="never", max_steps=60)] * 3))
    found = {response.json()["cache"]: spans_of(collector, response) for response in responses}
    assert set(found) <= {"miss", "coalesced", "hit"}
    (waited,) = by_name(found["coalesced"], "coalesced")
    (solve,) = by_name(found["miss"], "solve")
    assert waited.links == [(solve.trace, solve.id)]
    assert not by_name(found["coalesced"], "attempt")


def test_what_goes_wrong_is_marked_at_the_span_where_it_did(collector: Collector) -> None:
    with tracing(collector.url, {"workers": 1, "slots": 1, "backend": "onnx"}) as narrow, endless(narrow):
        narrow.until(RUNNING, lambda value: value == 1)
        late = spans_of(collector, narrow.solve(NEWSPAPER, cache="bypass", timeout_ms=100))
        assert [(span.name, span.failed, span.about.get("error.type")) for span in late] == [
            ("POST /v1/solve", True, "504"),
            ("solve", True, "deadline-exceeded"),
            ("queue", True, "expired"),
        ]
        (refused,) = spans_of(collector, narrow.solve("." * 80))
        assert (refused.name, refused.failed, refused.about["http.response.status_code"]) == ("POST /v1/solve", False, 422)


def test_nobody_asks_for_traces_of_probes(collector: Collector, traced: Server) -> None:
    assert not [response for path in ("/healthz", "/readyz", "/metrics") if "traceresponse" in (response := traced.client.get(path)).headers]


def test_the_variables_of_the_standard_are_obeyed() -> None:
    named = {"OTEL_SERVICE_NAME": "puzzles", "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test", "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip"}
    with Collector() as collector, tracing(collector.url, **named) as server:
        assert {span.service for span in spans_of(collector, server.solve(NEWSPAPER))} == {"puzzles"}
        assert b"deployment.environment.name" in collector.raw[0]


def test_the_frameworks_own_telemetry_adds_nothing() -> None:
    with Collector() as collector:
        with tracing(collector.url, FASTAPI_OTEL_AUTO_CONFIGURE="true") as server:
            spans = spans_of(collector, server.solve(NEWSPAPER))
        assert [span.name for span in spans] == ["POST /v1/solve", "solve", "cache", "queue", "attempt"]
        assert len(by_name(collector.spans, "POST /v1/solve")) == 1


def test_switched_off_there_are_no_traces() -> None:
    with Collector() as collector:
        with tracing(collector.url, OTEL_SDK_DISABLED="true") as server:
            assert "traceresponse" not in server.solve(NEWSPAPER).headers
        assert collector.raw == []


def test_a_sampler_that_keeps_none_sends_none() -> None:
    with Collector() as collector:
        with tracing(collector.url, OTEL_TRACES_SAMPLER="always_off") as server:
            assert server.answer(NEWSPAPER)["verified"]
        assert collector.raw == []


def test_what_is_left_is_sent_before_the_server_ends() -> None:
    with Collector() as collector:
        with tracing(collector.url, OTEL_BSP_SCHEDULE_DELAY="600000") as server:
            server.answer(NEWSPAPER)
            assert collector.raw == []
        assert [span.name for span in sorted(collector.spans, key=lambda span: span.began)][:2] == ["POST /v1/solve", "solve"]


def test_a_collector_that_is_away_holds_nobody_up() -> None:
    with tracing(f"http://127.0.0.1:{free_port()}") as server:
        server.tolerated = "opentelemetry"
        for puzzle in distinct(3, seed=904):
            assert server.answer(puzzle)["verified"]
        assert server.client.get("/readyz").status_code == 200
        assert server.heard("Failed to export")
        stopped = time.monotonic()
    assert server.process.returncode == 0
    assert time.monotonic() - stopped < 20, "the SDK would wait for half a minute"


def test_no_key_is_in_a_trace(collector: Collector) -> None:
    (key, entry), (wrong, _) = new("alice"), new("nobody")
    with tracing(collector.url, {"api_keys": entry}) as server:
        for headers in ({"authorization": f"Bearer {key}"}, {"x-api-key": key}, {"x-api-key": wrong}, {"authorization": wrong}):
            server.client.get(f"/v1/models/{key}?key={key}", headers=headers)
            response = server.client.post("/v1/solve", json=body(NEWSPAPER), headers=headers)
            request = spans_of(collector, response)[0]
            assert (request.about.get("trm.client") == "alice") is (response.status_code == 200)
    sent = b"".join(collector.raw)
    assert not [secret for secret in (key, wrong, entry.split(":")[1]) if secret[4:].encode() in sent]
