"""What is written in one turn of the loop is written at one go, in order, and none of it is lost or held back."""

import asyncio

from app.gathering import MOST, Gathering


class Transport:
    """Notes what is done with it."""

    def __init__(self) -> None:
        self.done = list[bytes | str]()

    def write(self, data: bytes) -> None:
        self.done.append(data)

    def close(self) -> None:
        self.done.append("closed")

    def is_closing(self) -> bool:
        return "closed" in self.done


async def test_one_turn_is_one_write() -> None:
    inner = Transport()
    outer = Gathering(inner)
    outer.write(b"head ")
    outer.write(b"body")
    assert inner.done == []
    await asyncio.sleep(0)
    assert inner.done == [b"head body"]
    outer.write(b"more")
    await asyncio.sleep(0)
    assert inner.done == [b"head body", b"more"]


async def test_closing_comes_behind_what_was_written() -> None:
    inner = Transport()
    outer = Gathering(inner)
    outer.write(b"last")
    outer.close()
    await asyncio.sleep(0)
    assert inner.done == [b"last", "closed"]
    assert outer.is_closing()


async def test_much_is_not_held_back() -> None:
    inner = Transport()
    outer = Gathering(inner)
    outer.write(b"x" * MOST)
    outer.write(b"y")
    assert inner.done == [b"x" * MOST + b"y"]
    await asyncio.sleep(0)
    assert len(inner.done) == 1


async def test_what_nobody_can_read_any_more_is_dropped() -> None:
    inner = Transport()
    outer = Gathering(inner)
    outer.write(b"too late")
    inner.close()
    await asyncio.sleep(0)
    assert inner.done == ["closed"]
