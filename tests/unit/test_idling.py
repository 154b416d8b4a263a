"""When an idle connection is closed: by the loop's clock, which is turned by hand here."""

import asyncio

import pytest

from app.metrics import Metrics
from tests.support.connections import Peer

ASKED = b"GET / HTTP/1.1\r\nhost: here\r\n\r\n"


class Clock:
    """A loop whose time stands still until it is told; all but time is the real one's."""

    def __init__(self) -> None:
        self.real, self.now, self.alarms = asyncio.get_running_loop(), 100.0, list[tuple[float, asyncio.Handle]]()

    def time(self) -> float:
        return self.now

    def call_at(self, when, callback) -> asyncio.Handle:
        handle = asyncio.Handle(callback, (), self.real)
        self.alarms.append((when, handle))
        return handle

    def call_later(self, delay, callback) -> asyncio.Handle:
        return self.call_at(self.now + delay, callback)

    def turn(self, to: float) -> None:
        """Let time pass."""
        while due := [each for each in self.alarms if each[0] <= to]:
            each = min(due, key=lambda each: each[0])
            self.alarms.remove(each)
            self.now = each[0]
            if not each[1].cancelled():
                each[1]._run()
        self.now = to

    def __getattr__(self, name):
        return getattr(self.real, name)


@pytest.fixture
async def peer():
    made = Peer(Metrics())
    made.connection.loop, made.connection.timeout_keep_alive = Clock(), 10
    yield made
    made.leave()


async def test_it_is_closed_when_nothing_has_come_for_long_enough(peer) -> None:
    clock = peer.connection.loop
    await peer.asks(ASKED)
    clock.turn(to=109.9)
    assert not peer.transport.closed
    clock.turn(to=110)
    assert peer.transport.closed


async def test_time_counts_from_the_last_of_many_responses_which_have_one_alarm(peer) -> None:
    clock = peer.connection.loop
    for moment in range(100, 118):
        clock.turn(to=moment)
        assert [status for status, *_ in await peer.asks(ASKED)] == [200]
        assert len(clock.alarms) == 1
    clock.turn(to=126.9)
    assert not peer.transport.closed
    clock.turn(to=127)
    assert peer.transport.closed


@pytest.mark.parametrize("come", [ASKED[:5], ASKED])
async def test_it_is_not_idle_from_the_first_byte_of_a_request_to_the_end_of_its_response(peer, come) -> None:
    clock = peer.connection.loop
    await peer.asks(ASKED)
    peer.free.clear()
    await peer.asks(come)
    clock.turn(to=1000)
    assert not peer.transport.closed
    peer.free.set()
    assert [status for status, *_ in await peer.asks(ASKED[len(come) :])] == [200]
    clock.turn(to=1010)
    assert peer.transport.closed


async def test_nothing_is_left_of_a_client_that_has_left(peer) -> None:
    clock = peer.connection.loop
    await peer.asks(ASKED)
    peer.leave()
    assert all(handle.cancelled() for _, handle in clock.alarms)
