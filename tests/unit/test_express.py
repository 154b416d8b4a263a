"""The short way of single puzzles: what is sound reaches the endpoint at once, what is not the framework, and in a flood nothing is read."""

import asyncio

import pytest
from fastapi import Response
from starlette.exceptions import HTTPException

from app.api.envelope import QUIET
from app.api.express import Express
from app.errors import QueueFull
from app.metrics import Metrics
from tests.support.pools import FakePool


class Flooded(FakePool):
    def flooded(self) -> bool:
        return True


async def inner(scope, receive, send) -> None:
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def endpoint(body, request) -> Response:
    if body.puzzle.grid == "full":
        raise QueueFull("full", retry_after=3)
    return Response(f"{body.puzzle.grid} {(await request.receive())['type']}")


async def asked(pool: FakePool, path: str = "/v1/solve", method: str = "POST") -> tuple[int, dict[bytes, bytes], int, Metrics]:
    """The status, the headers, how often the body was read, and what was counted."""
    sent, read, metrics = [], 0, Metrics()

    async def receive():
        nonlocal read
        read += 1
        return {"type": "http.request", "body": b"{}"}

    async def send(message) -> None:
        sent.append(message)

    scope = {"type": "http", "path": path, "method": method, "headers": []}
    await Express(inner, endpoint, pool, metrics)(scope, receive, send)
    return sent[0]["status"], dict(sent[0]["headers"]), read, metrics


async def test_what_could_only_be_refused_is_refused_unread() -> None:
    status, headers, read, metrics = await asked(Flooded())
    assert (status, headers[b"retry-after"], headers[b"content-type"], read) == (503, b"7", b"application/problem+json", 0)
    assert metrics.registry.get_sample_value("trm_requests_rejected_total", {"reason": "queue-full"}) == 1


async def test_of_all_refused_unread_the_log_has_one_line_with_their_number(monkeypatch, caplog) -> None:
    monkeypatch.setattr("app.api.express.LOG_SECONDS", 0.05)
    express, scopes = Express(inner, endpoint, Flooded(), Metrics()), []

    async def send(message) -> None:
        pass

    for number in (3, 2):
        for _ in range(number):
            scopes.append({"type": "http", "path": "/v1/solve", "method": "POST", "headers": []})
            await express(scopes[-1], None, send)
        assert not caplog.records
        await asyncio.sleep(0.1)
        assert [record.requests for record in caplog.records] == [number]
        caplog.clear()
    assert all(QUIET in scope for scope in scopes)


async def test_what_is_told_of_how_long_to_wait_is_not_old(monkeypatch) -> None:
    pool, told = Flooded(), []
    express = Express(inner, endpoint, pool, Metrics())

    async def send(message) -> None:
        told.extend(value for name, value in message.get("headers", ()) if name == b"retry-after")

    for seconds in (7, 8, 9):
        monkeypatch.setattr(pool, "retry_after", lambda seconds=seconds: seconds)
        await express({"type": "http", "path": "/v1/solve", "method": "POST", "headers": []}, None, send)
        monkeypatch.setattr("app.api.express.REFUSAL_SECONDS", 10.0 if seconds == 7 else -1.0)
    assert told == [b"7", b"7", b"9"]


@pytest.mark.parametrize(("path", "method"), [("/v1/solve", "OPTIONS"), ("/v1/solve/batch", "POST"), ("/healthz", "GET")])
async def test_all_else_goes_on(path: str, method: str) -> None:
    assert (await asked(Flooded(), path, method))[::2] == (200, 1)


async def test_without_a_flood_everything_goes_on() -> None:
    assert (await asked(FakePool()))[::2] == (200, 1)


async def went(headers: list[tuple[bytes, bytes]], *messages: dict[str, object] | Exception) -> tuple[int | None, bytes, bytes | None]:
    """Status and body of the response, and what the framework read, if it came to that; these are what comes from the client."""
    sent, coming, seen = [], list(messages), []

    async def receive():
        message = coming.pop(0)
        if isinstance(message, Exception):
            raise message
        return message

    async def framework(scope, receive, send) -> None:
        try:
            seen.append((await receive())["body"])
        except HTTPException as error:
            seen.append(error.detail.encode())

    async def send(message) -> None:
        sent.append(message)

    scope = {"type": "http", "path": "/v1/solve", "method": "POST", "headers": headers}
    await Express(framework, endpoint, FakePool(), Metrics())(scope, receive, send)
    return sent[0]["status"] if sent else None, sent[1]["body"] if sent else b"", seen[0] if seen else None


JSON = [(b"content-type", b"application/json")]
GONE = {"type": "http.disconnect"}


def part(body: bytes, *, more: bool = False) -> dict[str, object]:
    return {"type": "http.request", "body": body, "more_body": more}


async def test_a_sound_body_reaches_the_endpoint_in_however_many_parts_it_comes() -> None:
    body = b'{"puzzle": {"type": "sudoku", "grid": "1.."}}'
    assert await went(JSON, part(body), GONE) == (200, b"1.. http.disconnect", None)
    assert await went(JSON, part(body[:9], more=True), part(b"", more=True), part(body[9:]), GONE) == (200, b"1.. http.disconnect", None)


async def test_what_the_endpoint_refuses_is_a_problem() -> None:
    status, body, seen = await went(JSON, part(b'{"puzzle": {"type": "sudoku", "grid": "full"}}'))
    assert (status, seen) == (503, None)
    assert b"queue-full" in body


@pytest.mark.parametrize("body", [b"", b"{", b'{"puzzle": 1}', b'{"puzzle": {"type": "sudoku", "grid": "1"}, "more": 1}'])
async def test_what_is_not_sound_is_for_the_framework_as_it_was(body: bytes) -> None:
    assert await went(JSON, part(body[:1], more=True), part(body[1:])) == (None, b"", body)


async def test_so_is_every_other_kind_of_body() -> None:
    assert await went([(b"content-type", b"text/plain")], part(b"1")) == (None, b"", b"1")


async def test_so_is_a_body_that_is_too_large() -> None:
    assert await went(JSON, part(b"{", more=True), HTTPException(413, "too large")) == (None, b"", b"too large")


async def test_a_client_that_leaves_before_its_end_gets_nothing() -> None:
    assert await went(JSON, part(b"{", more=True), GONE) == (None, b"", None)
