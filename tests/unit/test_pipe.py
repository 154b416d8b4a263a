"""The pipe to a worker: messages arrive whole and in order however their bytes do, and each end learns when the other is gone."""

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest

from app.pool.pipe import Channel, Line, pair

LARGE = b"x" * 3_000_000


class Ends:
    """A line in the loop and a channel, with what was delivered."""

    def __init__(self) -> None:
        self.delivered: asyncio.Queue[object] = asyncio.Queue()
        self.line = Line[object, object](self.delivered.put_nowait)

    async def open(self) -> "Ends":
        end, other = pair()
        self.channel = Channel[object, object](other)
        await self.line.open(end)
        return self

    async def next(self) -> object:
        return await asyncio.wait_for(self.delivered.get(), 5)


@pytest.fixture
async def ends() -> AsyncIterator[Ends]:
    made = await Ends().open()
    yield made
    made.line.close()
    made.channel.close()


async def test_messages_come_in_order_both_ways(ends: Ends) -> None:
    for number in range(100):
        ends.channel.send(("up", number))
        ends.line.send(("down", number))
    assert [await ends.next() for _ in range(100)] == [("up", number) for number in range(100)]
    assert ends.channel.receive(wait=True) == [("down", number) for number in range(100)]
    assert ends.channel.receive(wait=False) == []


async def test_a_message_larger_than_the_socket_holds_back_neither_loop_nor_those_behind_it(ends: Ends) -> None:
    ends.line.send(LARGE)
    ends.line.send("behind")
    got: list[object] = []
    reader = threading.Thread(target=lambda: got.extend(ends.channel.receive(wait=True)))
    reader.start()
    writer = threading.Thread(target=ends.channel.send, args=(LARGE,))
    writer.start()
    assert await ends.next() == LARGE
    await asyncio.to_thread(reader.join, 5)
    assert got == [LARGE, "behind"]
    writer.join()


async def test_bytes_that_come_one_by_one_make_the_same_messages(ends: Ends) -> None:
    raw, other = pair()
    channel = Channel[object, object](other)
    ends.channel.end.setblocking(True)
    for turn in (({"a": 1}, "with it"), ([2],)):
        for message in turn:
            ends.line.send(message)
        await asyncio.sleep(0)
    data = await asyncio.to_thread(ends.channel.end.recv, 10_000)
    for byte in data[:-1]:
        raw.send(bytes([byte]))
    assert channel.receive(wait=False) == [{"a": 1}, "with it"]
    assert channel.receive(wait=False) == []
    feeding = threading.Timer(0.05, raw.send, (data[-1:],))
    feeding.start()
    assert channel.receive(wait=True) == [[2]]
    raw.close()
    channel.close()


async def test_the_loop_learns_that_the_worker_is_gone_after_all_that_it_said(ends: Ends) -> None:
    ends.channel.send("last words")
    ends.channel.close()
    assert [await ends.next(), await ends.next()] == ["last words", None]
    ends.line.send("into the void")


async def test_the_worker_learns_that_the_pool_is_gone_after_all_that_it_said(ends: Ends) -> None:
    ends.line.send("last words")
    await asyncio.sleep(0.01)
    ends.line.close()
    await asyncio.sleep(0.01)
    assert ends.channel.receive(wait=True) == ["last words"]
    with pytest.raises((EOFError, ConnectionResetError)):
        ends.channel.receive(wait=True)
    with pytest.raises(ConnectionError):
        ends.channel.send("into the void")


async def test_a_line_that_never_opened_loses_what_it_is_given() -> None:
    line = Line[object, object](lambda _: None)
    line.send("nobody")
    line.close()
