"""In a flood single puzzles are turned away at the connection, unread; all else, and every doubt, goes the usual way. Bytes in, bytes out."""

import asyncio
import json
import time
from collections.abc import Iterator

import pytest

from app.api.turnstile import READ, Turnstile
from app.api.visits import SECURITY
from app.metrics import Metrics
from tests.support.connections import Peer
from tests.support.pools import FakePool

HEAD = b"POST /v1/solve HTTP/1.1\r\nhost: here\r\ncontent-length: 4\r\n"
ASKED = HEAD + b"\r\nbody"


class Pool(FakePool):
    """One with as much room as the test says."""

    places = 0

    def room(self) -> int:
        return self.places


class Guest(Peer):
    """A client of a server that is full, and that has read as many of this moment as it does."""

    def __init__(self) -> None:
        self.pool, metrics = Pool(), Metrics()
        self.turnstile = Turnstile(self.pool, metrics)
        self.turnstile.read, self.turnstile.since = READ, time.monotonic()
        super().__init__(metrics, turnstile=self.turnstile)


@pytest.fixture(autouse=True)
def a_long_moment(monkeypatch) -> None:
    """As many as are read of each moment have been."""
    monkeypatch.setattr("app.api.turnstile.SECONDS", 60.0)


@pytest.fixture
async def peer() -> Iterator[Guest]:
    made = Guest()
    yield made
    made.connection.connection_lost(None)


async def test_a_puzzle_is_refused_unread_and_the_connection_goes_on(peer) -> None:
    ((status, headers, body),) = await peer.asks(HEAD + b"x-request-id: mine\r\n\r\nbody")
    assert (status, json.loads(body)["status"], json.loads(body)["type"]) == (503, 503, "/problems/queue-full")
    assert (headers["content-type"], headers["retry-after"], headers["date"], headers["x-request-id"]) == ("application/problem+json", "7", "today", "mine")
    assert {name.decode(): value.decode() for name, value in SECURITY}.items() <= headers.items()
    peer.pool.places = 9
    assert [(status, body) for status, _, body in await peer.asks(ASKED)] == [(200, b"body")]
    peer.pool.places = 0
    assert [status for status, *_ in await peer.asks(ASKED)] == [503]
    assert not peer.transport.closed


async def test_such_refusals_are_counted_like_all_others(peer) -> None:
    await peer.asks(ASKED, ASKED)
    assert peer.counted("trm_requests_rejected_total", reason="queue-full") == 2
    assert peer.counted("trm_http_requests_total", route="/v1/solve", method="POST", code="503") == 2
    assert peer.counted("trm_http_request_duration_seconds_count", route="/v1/solve") == 2


async def test_each_gets_an_id_of_its_own(peer) -> None:
    answers = await peer.asks(ASKED, HEAD + b"x-request-id: no\xff\r\n\r\nbody")
    assert len({headers["x-request-id"] for _, headers, _ in answers} - {"no\xff"}) == 2


async def test_the_response_comes_when_the_request_has(peer) -> None:
    assert await peer.asks(HEAD, b"\r\nbo") == []
    assert [status for status, *_ in await peer.asks(b"dy")] == [503]
    chunked = HEAD.replace(b"content-length: 4", b"transfer-encoding: chunked")
    assert [status for status, *_ in await peer.asks(chunked + b"\r\n2\r\nbo\r\n", b"2\r\ndy\r\n0\r\n\r\n")] == [503]


async def test_of_several_at_once_each_is_answered_in_its_turn(peer) -> None:
    assert [status for status, *_ in await peer.asks(ASKED * 3)] == [503] * 3
    peer.pool.places = 9
    peer.free.clear()
    assert await peer.asks(ASKED) == []
    peer.pool.places = 0
    assert await peer.asks(ASKED) == [], "the one before it has no answer yet"
    peer.free.set()
    assert [status for status, *_ in await peer.asks()] == [200, 200]


async def test_the_time_of_an_idle_connection_ends_with_the_next_request_in_the_same_piece(peer) -> None:
    peer.free.clear()
    await peer.asks(ASKED + ASKED.replace(b"/v1/solve", b"/v1/solve/batch"))
    assert peer.connection.idle_since is None, "else it would be closed while that runs"
    peer.free.set()
    assert [status for status, *_ in await peer.asks()] == [200]
    assert peer.connection.idle_since is not None


async def test_a_server_that_stops_finishes_what_is_coming(peer) -> None:
    await peer.asks(HEAD + b"\r\nbo")
    peer.connection.shutdown()
    assert not peer.transport.closed
    assert [status for status, *_ in await peer.asks(b"dy")] == [503]
    assert peer.transport.closed


async def test_a_server_that_stops_closes_idle_connections(peer) -> None:
    await peer.asks(ASKED)
    peer.connection.shutdown()
    assert peer.transport.closed


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"POST", b"OPTIONS"),
        (b"/v1/solve", b"/v1/solve/batch"),
        (b"/v1/solve", b"/v1/solve?a=b"),
        (b"HTTP/1.1", b"HTTP/1.0"),
        (b"host: here", b"host: here\r\nconnection: close"),
        (b"host: here", b"host: here\r\norigin: https://there.example"),
        (b"host: here", b"host: here\r\nexpect: 100-continue"),
    ],
)
async def test_all_else_goes_on(peer, old, new) -> None:
    (*_, (status, _, body)) = await peer.asks(ASKED.replace(old, new))
    assert (status, body) in [(200, b"body"), (100, b"")]
    assert not peer.turnstile.unread


async def test_who_does_not_read_gets_no_more_to_read(peer) -> None:
    peer.connection.pause_writing()
    assert await peer.asks(ASKED) == []
    peer.connection.resume_writing()
    assert [status for status, *_ in await peer.asks()] == [200]


async def test_of_all_refused_unread_the_log_has_one_line_with_their_number(peer, monkeypatch, caplog) -> None:
    monkeypatch.setattr("app.api.turnstile.LOG_SECONDS", 0.05)
    for number in (3, 2):
        await peer.asks(ASKED * number)
        assert not caplog.records
        await asyncio.sleep(0.1)
        assert [record.requests for record in caplog.records] == [number]
        caplog.clear()


async def test_what_is_told_of_how_long_to_wait_is_not_old(peer, monkeypatch) -> None:
    told = []
    for seconds in (7, 8, 9):
        monkeypatch.setattr(peer.pool, "retry_after", lambda seconds=seconds: seconds)
        told += [headers["retry-after"] for _, headers, _ in await peer.asks(ASKED)]
        peer.turnstile.made -= 59.0 if seconds == 7 else 60.0
    assert told == ["7", "7", "9"]


async def test_a_few_of_each_moment_are_read(peer) -> None:
    peer.turnstile.since -= 60.0
    statuses = [status for status, *_ in await peer.asks(*[ASKED] * (READ + 5))]
    assert statuses == [200] * READ + [503] * 5


async def test_no_more_come_in_at_once_than_there_is_room_for(peer) -> None:
    peer.pool.places = 3
    others = [Guest() for _ in range(5)]
    for other in others:
        other.connection.turnstile = peer.turnstile
        other.connection.data_received(ASKED)
    for _ in range(10):
        await asyncio.sleep(0)
    assert [other.transport.written.split()[1] for other in others] == [b"200"] * 3 + [b"503"] * 2
    assert [status for status, *_ in await peer.asks(ASKED)] == [200], "in the next turn the pool says itself how much is left"
