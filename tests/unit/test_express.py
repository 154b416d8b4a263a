"""The short way of single puzzles: what is sound reaches the endpoint at once, what is not the framework."""

import pytest
from fastapi import Response
from starlette.exceptions import HTTPException

from app.api.express import Express
from app.errors import QueueFull
from app.metrics import Metrics


async def inner(scope, receive, send) -> None:
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def endpoint(body, request) -> Response:
    if body.puzzle.grid == "full":
        raise QueueFull("full", retry_after=3)
    return Response(f"{body.puzzle.grid} {(await request.receive())['type']}")


@pytest.mark.parametrize(("path", "method"), [("/v1/solve", "OPTIONS"), ("/v1/solve/batch", "POST"), ("/healthz", "GET")])
async def test_all_else_goes_on(path: str, method: str) -> None:
    asked, sent = [], []

    async def receive():
        return {"type": "http.request", "body": b'{"puzzle": {"type": "sudoku", "grid": "1.."}}'}

    async def send(message) -> None:
        sent.append(message)

    async def never(body, request) -> Response:
        asked.append(body)
        return Response("short")

    await Express(inner, never, Metrics())({"type": "http", "path": path, "method": method, "headers": JSON}, receive, send)
    assert (sent[0]["status"], sent[1]["body"], asked) == (200, b"", [])


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
    await Express(framework, endpoint, Metrics())(scope, receive, send)
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
