"""A pool without workers: it answers as the test tells it, at once or when it is let go."""

import asyncio
from collections.abc import Callable

from app.engine.request import Outcome, Request
from app.pool.base import PoolStatus, Watch
from tests.support.requests import outcome
from tests.support.runners import answer_to


def solved(request: Request) -> Outcome:
    return outcome(request, answer_to(request.cells))


def unsolved(request: Request) -> Outcome:
    return outcome(request, request.cells, verified=False, steps=32, attempts=2, halt_reason="max_steps")


def cut_off(request: Request) -> Outcome:
    """The deadline passed while the puzzle ran."""
    return outcome(request, request.cells, verified=False, steps=9, halt_reason="deadline")


def failing(error: Exception) -> Callable[[Request], Outcome]:
    def answer(_: Request) -> Outcome:
        raise error

    return answer


class FakePool:
    """See `app.pool.base.Pool`. `answer` makes outcomes or raises; between `hold` and `let_go` every solve waits."""

    def __init__(self, answer: Callable[[Request], Outcome] = solved) -> None:
        self.answer, self.calls = answer, list[tuple[str, Request]]()
        self.watches, self.cancelled = list[Watch | None](), list[str]()
        self.gate = asyncio.Event()
        self.gate.set()

    def hold(self) -> None:
        self.gate.clear()

    def let_go(self) -> None:
        self.gate.set()

    async def start(self) -> None:
        pass

    async def solve(self, model: str, request: Request, watch: Watch | None = None) -> Outcome:
        self.calls.append((model, request))
        self.watches.append(watch)
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled.append(request.id)
            raise
        return self.answer(request)

    def status(self) -> PoolStatus:
        return PoolStatus(waiting=0, running=0, places=48, capacity=1, workers=1, ready=1, live=True)

    def retry_after(self) -> int:
        return 7

    def room(self) -> int:
        return 1

    async def close(self) -> None:
        pass


async def settle() -> None:
    """Let every task come to where it waits for something of this test's."""
    for _ in range(20):
        await asyncio.sleep(0)
