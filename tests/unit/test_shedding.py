"""While the pool is flooded single puzzles are refused before a byte of them is read; everything else goes on."""

import pytest

from app.api.shedding import Shedding
from app.metrics import Metrics
from tests.support.pools import FakePool


class Flooded(FakePool):
    def flooded(self) -> bool:
        return True


async def inner(scope, receive, send) -> None:
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


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
    await Shedding(inner, pool, metrics)(scope, receive, send)
    return sent[0]["status"], dict(sent[0]["headers"]), read, metrics


async def test_what_could_only_be_refused_is_refused_unread() -> None:
    status, headers, read, metrics = await asked(Flooded())
    assert (status, headers[b"retry-after"], headers[b"content-type"], read) == (503, b"7", b"application/problem+json", 0)
    assert metrics.registry.get_sample_value("trm_requests_rejected_total", {"reason": "queue-full"}) == 1


@pytest.mark.parametrize(("path", "method"), [("/v1/solve", "OPTIONS"), ("/v1/solve/batch", "POST"), ("/healthz", "GET")])
async def test_all_else_goes_on(path: str, method: str) -> None:
    assert (await asked(Flooded(), path, method))[::2] == (200, 1)


async def test_without_a_flood_everything_goes_on() -> None:
    assert (await asked(FakePool()))[::2] == (200, 1)
