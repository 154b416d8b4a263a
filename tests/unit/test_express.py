"""The short way of single puzzles: what is plain and sound is answered past the application, all else goes the usual way as it came. Bytes in, bytes out."""

import asyncio
import gc
import json
from collections.abc import Iterator

import pytest

from app.access.door import Door
from app.access.keys import Key, Keys, digest
from app.access.limits import LocalLimits
from app.api.express import Express
from app.api.schemas import SolveIn
from app.api.visits import SECURITY, Visits
from app.errors import QueueFull
from app.logs import request_id
from app.metrics import Metrics
from tests.support.connections import Peer

SOUND = b'{"puzzle": {"type": "sudoku", "grid": "1.."}}'


def post(body: bytes = SOUND, *lines: bytes) -> bytes:
    return b"\r\n".join([b"POST /v1/solve HTTP/1.1", b"host: here", b"content-type: application/json", b"content-length: %d" % len(body), *lines, b"", body])


class Guest(Peer):
    """A client of a server that answers a puzzle with what it knows of the request, in capitals where that is the grid."""

    def __init__(self, *keys: Key) -> None:
        metrics = Metrics()
        door = Door(Keys(keys), LocalLimits(), metrics) if keys else None
        self.express, self.begun, self.given_up = Express(self.answer, Visits(metrics), 1000, door), 0, 0
        super().__init__(metrics, express=self.express)

    async def answer(self, given: SolveIn, identity: str, started: float) -> bytes:
        self.begun += 1
        try:
            await self.free.wait()
        except asyncio.CancelledError:
            self.given_up += 1
            raise
        match given.puzzle.grid:
            case "full":
                raise QueueFull("full", retry_after=3)
            case "bug":
                raise RuntimeError("nobody thought of this")
        return json.dumps([str(given.puzzle.grid).upper(), identity, request_id.get(), started > 0]).encode()

    def statuses(self) -> dict[str, float]:
        """How many requests came to which end."""
        name, found = "trm_http_requests_total", {}
        for status in ("200", "429", "499", "500", "503"):
            if count := self.counted(name, route="/v1/solve", method="POST", code=status):
                found[status] = count
        return found


@pytest.fixture
async def guest() -> Iterator[Guest]:
    made = Guest()
    yield made
    made.leave()


async def test_a_sound_puzzle_is_answered_with_all_our_headers_and_the_connection_goes_on(guest) -> None:
    for name in ("mine", "other"):
        ((status, headers, body),) = await guest.asks(post(SOUND, b"x-request-id: " + name.encode()))
        assert (status, json.loads(body)) == (200, ["1..", name, name, True])
        usual = {"date": "today", "content-type": "application/json", "content-length": str(len(body)), "x-request-id": name}
        assert headers == usual | {name.decode(): value.decode() for name, value in SECURITY}
    assert not guest.transport.closed
    assert guest.connection.idle_since is not None


async def test_it_has_one_line_in_the_log_and_is_counted(guest, capsys, caplog) -> None:
    caplog.set_level("INFO")
    await guest.asks(post(SOUND, b"x-request-id: mine"))
    (line,) = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert (line["method"], line["route"], line["status"], line["request_id"]) == ("POST", "/v1/solve", 200, "mine")
    assert guest.statuses() == {"200": 1}
    assert guest.counted("trm_http_request_duration_seconds_count", route="/v1/solve") == 1


async def test_it_may_come_in_pieces(guest) -> None:
    whole = post()
    assert await guest.asks(whole[:9], whole[9:70], whole[70:-5]) == []
    assert [status for status, *_ in await guest.asks(whole[-5:])] == [200]
    assert [status for status, *_ in await guest.asks(*(bytes([each]) for each in whole))] == [200]


async def test_what_is_refused_is_a_problem(guest) -> None:
    ((status, headers, body),) = await guest.asks(post(SOUND.replace(b"1..", b"full")))
    assert (status, headers["retry-after"], headers["content-type"]) == (503, "3", "application/problem+json")
    assert (json.loads(body)["type"], int(headers["content-length"])) == ("/problems/queue-full", len(body))
    assert guest.counted("trm_requests_rejected_total", reason="queue-full") == 1
    assert guest.statuses() == {"503": 1}


async def test_so_is_a_bug_which_is_logged(guest, caplog) -> None:
    ((status, headers, body),) = await guest.asks(post(SOUND.replace(b"1..", b"bug")))
    assert (status, headers["content-type"]) == (500, "application/problem+json")
    assert b"nobody thought" not in body
    assert [str(record.exc_info) for record in caplog.records if "nobody thought of this" in str(record.exc_info)]
    assert [status for status, *_ in await guest.asks(post())] == [200]


@pytest.mark.parametrize("body", [b"", b"{", b'{"puzzle": 1}', b'{"puzzle": {"type": "sudoku", "grid": "1"}, "more": 1}'])
async def test_what_is_not_sound_goes_the_usual_way_as_it_came(guest, body) -> None:
    whole = post(body)
    assert [(status, body) for status, _, body in await guest.asks(whole[:-1], whole[-1:])] == [(200, body)]
    assert guest.begun == 0
    assert [status for status, *_ in await guest.asks(post())] == [200]
    assert guest.begun == 1


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"POST", b"PUT"),
        (b"/v1/solve", b"/v1/solve/batch"),
        (b"/v1/solve", b"/v1/solve?a=b"),
        (b"HTTP/1.1", b"HTTP/1.0"),
        (b"application/json", b"application/json; charset=utf-8"),
        (b"application/json", b"text/plain"),
        (b"content-type", b"x-type"),
        (b"host: here", b"host: here\r\nconnection: close"),
        (b"host: here", b"host: here\r\norigin: https://there.example"),
        (b"host: here", b"host: here\r\ncontent-encoding: gzip"),
    ],
)
async def test_so_does_all_that_is_not_plain(guest, old, new) -> None:
    ((status, _, body),) = await guest.asks(post().replace(old, new))
    assert (status, body, guest.begun) == (200, SOUND, 0)


async def test_so_do_bodies_in_chunks_and_those_that_are_waited_for_and_large_ones(guest) -> None:
    chunked = post().replace(b"content-length: 45", b"transfer-encoding: chunked").replace(SOUND, b"2d\r\n%b\r\n0\r\n\r\n" % SOUND)
    assert [body for *_, body in await guest.asks(chunked)] == [SOUND]
    assert [status for status, *_ in await guest.asks(post(SOUND, b"expect: 100-continue"))] == [100, 200]
    large = SOUND + b" " * 1000
    assert [body for *_, body in await guest.asks(post(large))] == [large]
    assert guest.begun == 0


async def test_of_several_at_once_each_is_answered_in_its_turn(guest) -> None:
    guest.free.clear()
    assert await guest.asks(post() + post(SOUND.replace(b"1..", b"2..")), post(b"{}")) == []
    assert guest.begun == 1, "the others wait for its answer"
    guest.free.set()
    answers = [body for *_, body in await guest.asks()]
    assert (json.loads(answers[0])[0], answers[1:]) == ("1..", [SOUND.replace(b"1..", b"2.."), b"{}"])


async def test_one_behind_a_usual_one_waits_for_that(guest) -> None:
    guest.free.clear()
    assert await guest.asks(post(b"{}"), post()) == []
    guest.free.set()
    assert [body for *_, body in await guest.asks()] == [b"{}", SOUND]


async def test_the_puzzle_of_a_client_that_leaves_is_given_up(guest) -> None:
    guest.free.clear()
    await guest.asks(post() + post(b"{}"))
    guest.leave()
    await asyncio.sleep(0.01)
    assert (guest.begun, guest.given_up, guest.transport.written) == (1, 1, b"")
    assert guest.connection.serving is None, "the error of a cancelled task leads back to the connection: that would be garbage"
    assert guest.statuses() == {"499": 1}


async def test_one_who_leaves_before_all_has_come_is_counted(guest) -> None:
    await guest.asks(post()[:-1])
    guest.leave()
    assert (guest.begun, guest.statuses()) == (0, {"499": 1})


async def test_a_server_that_stops_answers_what_it_has_begun_and_what_is_coming(guest) -> None:
    guest.free.clear()
    await guest.asks(post())
    guest.connection.shutdown()
    assert not guest.transport.closed
    guest.free.set()
    ((status, headers, _),) = await guest.asks()
    assert (status, headers["connection"], guest.transport.closed) == (200, "close", True)
    for body in (SOUND, b"{}"):
        other, whole = Guest(), post(body)
        await other.asks(whole[:-1])
        other.connection.shutdown()
        assert not other.transport.closed
        ((status, headers, _),) = await other.asks(whole[-1:])
        assert (status, headers["connection"], other.transport.closed) == (200, "close", True)


async def test_who_does_not_read_gets_no_more_to_read(guest) -> None:
    guest.connection.pause_writing()
    assert await guest.asks(post()) == []
    assert guest.begun == 0
    guest.connection.resume_writing()
    assert [body for *_, body in await guest.asks()] == [SOUND]


@pytest.mark.parametrize("body", [SOUND, SOUND.replace(b"1..", b"full"), b"{}"], ids=["answered", "refused", "the usual way"])
async def test_a_request_leaves_no_garbage_to_be_searched_for(guest, body) -> None:
    await guest.asks(post(body))
    gc.collect()
    gc.disable()
    try:
        for _ in range(20):
            await guest.asks(post(body))
        assert gc.collect() < 20
    finally:
        gc.enable()


async def test_where_there_are_keys_those_who_are_known_come_this_way(capsys, caplog) -> None:
    caplog.set_level("INFO")
    guest = Guest(Key("alice", digest(b"hers"), rate=0.001, burst=1))
    answers = [await guest.asks(post(SOUND, b"x-api-key: hers")) for _ in range(2)]
    assert [[status for status, *_ in each] for each in answers] == [[200], [429]]
    assert (guest.begun, guest.statuses()) == (1, {"200": 1, "429": 1})
    assert [json.loads(line).get("client") for line in capsys.readouterr().err.splitlines()] == ["alice", None]
    for lines in ((), (b"x-api-key: his",)):
        assert [body for *_, body in await guest.asks(post(SOUND, *lines))] == [SOUND], "who is let in there is the guard's business"
