"""What `trm solve` has counted when it is given an answer."""

import asyncio
from typing import Any

from app.terminal.solve import in_order


class AllAtOnce:
    """Answers every puzzle with itself, all in one turn of the loop, once the last has been asked."""

    def __init__(self, count: int) -> None:
        self._last = asyncio.Barrier(count)

    async def solve(self, puzzle: Any) -> Any:
        await self._last.wait()
        return puzzle

    def watch(self, puzzle: Any) -> Any:
        raise AssertionError("nobody watches here")


async def test_puzzles_answered_at_once_are_counted_before_their_answers_are_read() -> None:
    counted = 0

    def count() -> None:
        nonlocal counted
        counted += 1

    puzzles: Any = range(3)
    read = [(answer, counted) async for _, answer in in_order(AllAtOnce(3), puzzles, count)]
    assert [answer for answer, _ in read] == [0, 1, 2]
    assert read[-1] == (2, 3)
