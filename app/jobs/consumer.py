"""The reader of the jobs: takes as many puzzles as workers have room for, and sees to it that each has its result. Knows no puzzles, Redis or HTTP.

Four tasks: one takes, one renews the leases of what is held, one writes results, many at a time, and again until the store takes them, and one for each
puzzle. What is held is leased until its result is written. When the store is away everything waits; nothing is lost and nobody else is disturbed.
"""

import asyncio
import contextlib
import logging
import socket
import uuid
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from app.errors import Draining, InvalidRequest, JobsUnavailable, StepFailed, TRMError, WorkerLost
from app.jobs.base import MOST_DELIVERIES, SUSPECT, Done, Item, JobStore, Kind
from app.metrics import Metrics
from app.pool.base import PoolStatus

log = logging.getLogger(__name__)
T = TypeVar("T")

TICK = 0.05
"""Seconds between two looks for room, when others have taken all of it."""
PAUSE = 1.0
"""Seconds between two attempts to reach a store that is away."""
LINGER = 5.0
"""Seconds that puzzles have to end at the close; those that run on are given back."""
MOST_WRITTEN = 500
"""Results that are written at once, at most."""


class Work(Protocol):
    """What a consumer does with an item."""

    async def solve(self, item: Item) -> tuple[Kind, bytes]:
        """Its result line. Raises what `Solver.run` raises."""

    def failed(self, item: Item, error: TRMError) -> bytes:
        """The result line of an item that cannot be answered."""


class Consumer:
    """One for each server. `status` tells of the pool; `lease` is in seconds; nothing is taken while `stopping` says so."""

    def __init__(
        self, store: JobStore, work: Work, status: Callable[[], PoolStatus], metrics: Metrics, lease: float, stopping: Callable[[], bool] = lambda: False
    ) -> None:
        self.store, self.work, self.status, self.metrics, self.lease, self.stopping = store, work, status, metrics, lease, stopping
        self.name = f"{socket.gethostname()}-{uuid.uuid4().hex[:8]}"
        self.held: dict[tuple[str, str], asyncio.Task[None]] = {}
        self.items: dict[tuple[str, str], Item] = {}
        self.quarantine = False
        """Whether nothing more is taken until nothing is held: suspects want to be, or are, alone."""
        self.done: asyncio.Queue[Done] = asyncio.Queue()
        self.change, self.closing = asyncio.Event(), asyncio.Event()
        self.tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to take items."""
        self.tasks = [asyncio.create_task(self._forever(each)) for each in (self._take, self._write, self._renew)]

    async def close(self) -> None:
        """Take no more, let what runs end for a moment, give the rest back, and write what is done."""
        if not self.tasks:
            return
        self.closing.set()
        self.change.set()
        await asyncio.wait(self.tasks[:1])
        if self.held:
            await asyncio.wait(self.held.values(), timeout=LINGER)
        rest = [item for key, item in self.items.items() if not self.held[key].done()]
        for key in [(item.job, item.entry) for item in rest]:
            self.held[key].cancel()
        with contextlib.suppress(JobsUnavailable):  # then the leases run out
            await self.store.release(self.name, rest)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LINGER):
                await self.done.join()
        for task in self.tasks:
            task.cancel()
        await asyncio.wait(self.tasks)

    def _room(self) -> int:
        """How many items may be taken: what workers could start now or next, if nobody else asks for it."""
        if self.stopping() or (self.quarantine and self.held):
            return 0
        self.quarantine = False
        status = self.status()
        return max(0, status.places - max(len(self.held), status.waiting + status.running))

    async def _forever(self, step: Callable[[], Awaitable[None]]) -> None:
        """Take step after step; `_take` ends at the close."""
        while not (self.closing.is_set() and step == self._take):
            try:
                await step()
            except Exception:  # one bug must not be the end of all jobs
                log.exception("a bug")
                await asyncio.sleep(PAUSE)

    async def _take(self) -> None:
        """Take as many items as there is room for, or wait until there may be some, or room."""
        self.change.clear()
        room = self._room()
        if not room:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.change.wait(), TICK)
            return
        taken = await self._tried(self.store.take(self.name, room, alone=not self.held))
        if taken is None:
            await self._unless_closing(asyncio.sleep(PAUSE))
        elif self.closing.is_set():
            await self._tried(self.store.release(self.name, taken.items))
        elif taken.items or taken.suspects:
            self.quarantine = taken.suspects or any(SUSPECT < item.deliveries <= MOST_DELIVERIES and not item.reason for item in taken.items)
            for item in taken.items:
                self._begin(item)
        else:
            await self._unless_closing(self._tried(self.store.wait(min(5.0, self.lease / 3))))

    def _begin(self, item: Item) -> None:
        key = (item.job, item.entry)
        if key in self.held:  # its lease had run out, and now it is ours again
            return
        if item.deliveries > 1:
            self.metrics.jobs_redelivered.inc()
        self.items[key], self.held[key] = item, asyncio.create_task(self._solve(item))
        self.metrics.jobs_held.set(len(self.held))

    async def _solve(self, item: Item) -> None:
        """Come to a result, or leave the item to its next delivery."""
        try:
            if item.deliveries > MOST_DELIVERIES:
                self.metrics.jobs_dead_letters.inc()
                reason = item.reason or "whoever worked on it died"
                raise WorkerLost(f"given up after {MOST_DELIVERIES} deliveries: {reason}")
            kind, line = await self.work.solve(item)
        except (WorkerLost, StepFailed, InvalidRequest) as error:
            kind, line = "failed", self.work.failed(item, error)
        except asyncio.CancelledError:
            self._let_go(item)
            raise
        except Exception as error:  # the next delivery may do better: later, when this lease has run out, and perhaps elsewhere
            if not isinstance(error, TRMError):
                log.error("a bug", exc_info=error)
            try:
                await self._tried(self._put_back(item, error))
            finally:  # this may be cancelled
                self._let_go(item)
            return
        self.done.put_nowait(Done(item, kind, line))

    def _put_back(self, item: Item, error: Exception) -> Awaitable[None]:
        """Leave an item to its next delivery: at once where this server goes away, and else with the reason noted."""
        if isinstance(error, Draining):
            return self.store.release(self.name, [item])
        return self.store.note(item, error.detail if isinstance(error, TRMError) else "an internal error")

    def _let_go(self, item: Item) -> None:
        key = (item.job, item.entry)
        self.items.pop(key, None)
        self.held.pop(key, None)
        self.metrics.jobs_held.set(len(self.held))
        self.change.set()

    async def _write(self) -> None:
        """Store results as they come, those that came meanwhile together."""
        batch = [await self.done.get()]
        while not self.done.empty() and len(batch) < MOST_WRITTEN:
            batch.append(self.done.get_nowait())
        while True:
            written = await self._tried(self.store.finish(batch))
            if written is not None:
                break
            await asyncio.sleep(PAUSE)
        for kind in written.kinds:
            self.metrics.jobs_puzzles.inc(kind)
        for status in written.ended:
            self.metrics.jobs_finished.inc(status)
        for each in batch:
            self._let_go(each.item)
            self.done.task_done()

    async def _renew(self) -> None:
        """Keep the leases, and give up what is somebody else's by now, or nobody's."""
        for item in await self._tried(self.store.renew(self.name, list(self.items.values()))) or []:
            if task := self.held.get((item.job, item.entry)):
                task.cancel()
        if backlog := await self._tried(self.store.backlog()):
            self.metrics.jobs_pending.set(backlog.pending)
            self.metrics.jobs_oldest.set(backlog.oldest)
        await asyncio.sleep(min(5.0, self.lease / 3))

    async def _tried(self, asked: Awaitable[T]) -> T | None:
        """What the store says; None if it is away."""
        try:
            answer = await asked
        except JobsUnavailable:
            self.metrics.jobs_store_up.set(0)
            return None
        self.metrics.jobs_store_up.set(1)
        return answer

    async def _unless_closing(self, work: Awaitable[object]) -> None:
        """Wait for it, but not once this is closing."""
        tasks = [asyncio.ensure_future(work), asyncio.ensure_future(self.closing.wait())]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
