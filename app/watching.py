"""One solve that somebody watches: the model's answer after each step, as it comes, and at last the solution. Knows no HTTP.

The solve is never held up. Of steps that are not taken in time the oldest are skipped; the solution never is.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from app.engine.request import TraceStep
from app.preparing import Prepared
from app.solver import Solution, Solver

MOST_UNSEEN = 64
"""Steps that are kept for a watcher who is behind."""


class Watching:
    """A solve in progress; its steps, in order, then its solution."""

    def __init__(self, solver: Solver, prepared: Prepared) -> None:
        self.unseen: deque[TraceStep] = deque(maxlen=MOST_UNSEEN)
        self.news = asyncio.Event()
        self.task = asyncio.create_task(solver.run(prepared, self._see))
        self.task.add_done_callback(lambda _: self.news.set())

    def _see(self, step: TraceStep) -> None:
        self.unseen.append(step)
        self.news.set()

    async def begun(self, seconds: float) -> None:
        """Wait for the first step, for so long at most. Raises what `Solver.run` raises until then."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.news.wait(), seconds)
        if self.task.done() and not self.unseen:
            self.task.result()

    async def __aiter__(self) -> AsyncIterator[TraceStep | Solution]:
        """Raises what `Solver.run` raises, after the steps before."""
        finished = False
        while not finished:
            await self.news.wait()
            self.news.clear()
            finished = self.task.done()
            while self.unseen:
                yield self.unseen.popleft()
        yield self.task.result()


@asynccontextmanager
async def watching(solver: Solver, prepared: Prepared) -> AsyncIterator[Watching]:
    """Start a solve, and give it up at the end of the context if it goes on still."""
    watch = Watching(solver, prepared)
    try:
        yield watch
    finally:
        watch.task.cancel()
        await asyncio.gather(watch.task, return_exceptions=True)
