"""Many puzzles of one client: fed to the solver in order as they are read and results are taken, answered as each halts. Knows no HTTP.

A batch holds at most a window of puzzles that were started and not taken yet, so a client that reads slowly slows down its own batch and nothing else.
What fails of it is one result among the others.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.errors import QueueFull
from app.preparing import Prepared
from app.solver import Solution, Solver

Result = Solution | BaseException
TURN_SECONDS = 0.001
"""Longest that others wait for a turn: a fraction of what a puzzle takes."""


class Turn:
    """A turn of long work in the event loop."""

    def __init__(self) -> None:
        self.since = time.monotonic()

    async def end(self) -> None:
        """Let others have theirs, if this one has taken long enough: a turn of the loop for each bit of the work would take longer than the bit."""
        if time.monotonic() - self.since > TURN_SECONDS:
            await asyncio.sleep(0)
            self.since = time.monotonic()


class Batch:
    """The puzzles of one batch; (index, result) as each halts, once all of them have been added."""

    def __init__(self, solver: Solver, window: int) -> None:
        self.solver, self.window, self.count = solver, window, 0
        self.waiting = deque[tuple[int, Prepared]]()
        self.started: dict[asyncio.Task[Solution], int] = {}
        self.halted: asyncio.Queue[asyncio.Task[Solution]] = asyncio.Queue()
        self.turn = Turn()

    async def add(self, prepared: Prepared) -> None:
        """Start a puzzle, or let it wait for results to be taken; others have a turn now and then."""
        index, self.count = self.count, self.count + 1
        if len(self.started) < self.window:
            self._start(index, prepared)
            await asyncio.sleep(0)  # one by one, with the requests of others in between
        else:
            self.waiting.append((index, prepared))
            await self.turn.end()

    def _start(self, index: int, prepared: Prepared) -> None:
        task = asyncio.create_task(self.solver.run(prepared))
        task.add_done_callback(self.halted.put_nowait)
        self.started[task] = index

    async def __aiter__(self) -> AsyncIterator[tuple[int, Result]]:
        while self.started:
            task = await self.halted.get()
            index = self.started.pop(task)
            if self.waiting:
                self._start(*self.waiting.popleft())
            yield index, task.exception() or task.result()
            await self.turn.end()  # many may have halted already

    async def close(self) -> None:
        """Give up what has not halted."""
        tasks = list(self.started)
        self.waiting.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Batches:
    """All batches that are open. They are not refused for a full queue, outside of which they wait, so their puzzles have a bound of their own."""

    def __init__(self, solver: Solver, most: int, backlog: int) -> None:
        """`most` puzzles are in one batch, `backlog` in all that are open."""
        self.solver, self.most, self.backlog, self.puzzles = solver, most, backlog, 0

    @asynccontextmanager
    async def open(self, puzzles: int) -> AsyncIterator[Batch]:
        """A batch of so many, given up at the end of the context. Raises `QueueFull`, with nothing started, if other batches leave no room for it.

        Its window is half of the pool's queue: however long the batch, other requests find room.
        """
        pool = self.solver.pool
        if self.puzzles and self.puzzles + puzzles > self.backlog:
            raise QueueFull(f"other batches with {self.puzzles} puzzles are open already", retry_after=pool.retry_after())
        self._count(puzzles)
        batch = Batch(self.solver, max(1, pool.status().capacity // 2))
        try:
            yield batch
        finally:
            self._count(-puzzles)
            await batch.close()

    def _count(self, more: int) -> None:
        self.puzzles += more
        self.solver.metrics.batch_puzzles.set(self.puzzles)
