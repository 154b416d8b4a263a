"""The parent's side of the worker processes: start, dispatch, watch, replace. Knows no tensors and never imports what has them.

A worker is dead when its pipe closes, and hung when it has left a message unanswered for `stall_seconds`; then it is killed.
Either way its puzzles are dispatched again and another process takes its place.
"""

import asyncio
import logging
import time
from collections.abc import Iterable
from contextlib import suppress

from app.engine.request import Expired, Failed, Finished, Outcome, Request, TraceStep
from app.errors import DeadlineExceeded, Draining, InvalidModel, NoWorker, QueueFull, StepFailed
from app.metrics import Metrics
from app.pool.base import PoolStatus, Watch
from app.pool.dispatch import Dispatcher, Member, Ticket
from app.pool.messages import Broken, FromWorker, Idle, Ready, Shown, Stepped, Stop, WorkerSpec
from app.pool.worker_process import WorkerProcess

log = logging.getLogger(__name__)
FIRST_BACKOFF, LAST_BACKOFF = 0.05, 10.0
START_SECONDS = 120.0
"""How long the workers may take to run their first step when the pool starts."""
GRACE = 1.0
"""Seconds beyond its deadline that a worker has to answer for a puzzle that it holds."""


class ProcessPool:
    """A pool of worker processes; see `base.Pool`."""

    make_worker: type[WorkerProcess] = WorkerProcess

    def __init__(self, spec: WorkerSpec, workers: int, capacity: int, metrics: Metrics, *, stall_seconds: float = 30.0) -> None:
        self.workers = [self.make_worker(str(index), spec) for index in range(workers)]
        members = [each.member for each in self.workers]
        self.dispatcher = Dispatcher(members, capacity, spec.slots, ahead=max(1, spec.slots // 2))
        self.spec, self.metrics, self.stall_seconds = spec, metrics, stall_seconds
        self.tasks: list[asyncio.Task[None]] = []
        self.closing = False
        self.door, self.outside, self.news = asyncio.Lock(), 0, asyncio.Event()
        self.end: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start the workers; returns when each has run a real step. Raises `InvalidModel` if one cannot start."""
        self.metrics.slots.set(self.spec.slots * len(self.workers) * len(self.spec.models))
        self.metrics.queue_capacity.set(self.dispatcher.capacity)
        self.tasks = [asyncio.create_task(self._keep(each)) for each in self.workers]
        try:
            for each in self.workers:
                await self._started(each)
        except BaseException:  # a start that is cancelled leaves no process either
            await self.close()
            raise
        self.tasks.append(asyncio.create_task(self._watch()))

    @staticmethod
    async def _started(each: WorkerProcess) -> None:
        """Wait for a worker's first step. Raises `InvalidModel` if it does not come to that."""
        waits = [asyncio.create_task(event.wait()) for event in (each.up, each.gone)]
        await asyncio.wait(waits, timeout=START_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        if not each.up.is_set():
            raise InvalidModel(f"worker {each.member.name} could not start: {each.reason or ('it died' if each.gone.is_set() else 'it takes too long')}")

    async def solve(self, model: str, request: Request, watch: Watch | None = None) -> Outcome:
        """Solve one puzzle; see `base.Pool.solve`."""
        loop = asyncio.get_running_loop()
        ticket = Ticket(model, request, loop.create_future(), watch)
        if request.bulk:
            await self._wait_for_room(ticket)
        else:
            self._admit(ticket)
        alarm = loop.call_at(request.deadline, self._expire, ticket)
        try:
            return await ticket.future
        except BaseException:
            self.dispatcher.release(ticket)  # wherever it is still; one that is done is nowhere
            raise
        finally:
            alarm.cancel()
            self.news.set()
            del ticket  # whose future holds what is raised, the traceback of which holds all that is here

    def _admit(self, ticket: Ticket) -> None:
        """Queue a ticket, or refuse it."""
        if self.closing:
            raise Draining("the service is shutting down")
        if not any(member.ready for member in self.dispatcher.members):
            raise NoWorker("no worker is ready yet; one is being started", retry_after=2)
        self.dispatcher.admit(ticket, asyncio.get_running_loop().time())

    async def _wait_for_room(self, ticket: Ticket) -> None:
        """Queue a ticket as soon as it would not be refused, after those that came here before. Raises `DeadlineExceeded` or `Draining` if that is never."""
        if not self.outside:
            with suppress(QueueFull, NoWorker):
                return self._admit(ticket)
        self.outside += 1
        try:
            async with asyncio.timeout_at(ticket.request.deadline), self.door:
                while True:
                    self.news.clear()
                    with suppress(QueueFull, NoWorker):
                        return self._admit(ticket)
                    await self.news.wait()
        except TimeoutError:
            raise DeadlineExceeded("the deadline passed before there was room in the queue") from None
        finally:
            self.outside -= 1

    def status(self) -> PoolStatus:
        """The pool now; never waits for a worker."""
        dispatcher, now = self.dispatcher, asyncio.get_running_loop().time()
        return PoolStatus(
            waiting=dispatcher.backlog,
            running=sum(min(len(member.held), dispatcher.credit) for member in dispatcher.members),
            places=sum(dispatcher.bulk_credit for member in dispatcher.members if member.ready),
            capacity=dispatcher.capacity,
            workers=len(self.workers),
            ready=sum(member.ready for member in dispatcher.members),
            live=not any(self._stalled(each, now) for each in self.workers),
        )

    def retry_after(self) -> int:
        """Whole seconds after which a refused client had better come back."""
        return self.dispatcher.retry_after()

    def room(self) -> int:
        """See `base.Pool.room`."""
        return self.dispatcher.room()

    async def close(self) -> None:
        """Stop the workers; what still waits or runs is refused with `Draining`. A second call waits for the first one's end."""
        self.closing = True
        self.news.set()
        self.end = self.end or asyncio.create_task(self._end())
        await asyncio.shield(self.end)

    async def _end(self) -> None:
        for task in self.tasks:
            task.cancel()
        under_way = [each.under_way for each in self.workers if each.under_way is not None]
        await asyncio.gather(*self.tasks, *under_way, return_exceptions=True)  # what goes on in a thread does so when its task is cancelled
        tickets = [*self.dispatcher.waiting, *(t for member in self.dispatcher.members for t in member.held.values())]
        for ticket in tickets:
            if not ticket.future.done():
                ticket.future.set_exception(Draining("the service is shutting down"))
        for each in self.workers:
            each.member.ready = False
            each.send(Stop())
            if each.line is None:
                each.detach()  # it cannot be told otherwise
        await asyncio.gather(*(asyncio.to_thread(each.reap) for each in self.workers))
        for each in self.workers:
            each.detach()

    def _expire(self, ticket: Ticket) -> None:
        """The deadline passed: refuse what still waits here. What a worker holds it answers itself, unless it hangs or dies."""
        if ticket.future.done():
            return
        if ticket in self.dispatcher.waiting:
            ticket.future.set_exception(DeadlineExceeded("the deadline passed before a slot was free"))
        else:
            asyncio.get_running_loop().call_later(GRACE, self._give_up, ticket)

    @staticmethod
    def _give_up(ticket: Ticket) -> None:
        if not ticket.future.done():
            ticket.future.set_exception(DeadlineExceeded("the deadline passed and the worker did not answer"))

    async def _keep(self, each: WorkerProcess) -> None:
        """Keep one place of the pool filled for ever."""
        backoff = FIRST_BACKOFF
        while True:
            each.gone.clear()
            each.reason, each.unanswered_since = "", time.monotonic() + START_SECONDS - self.stall_seconds
            try:
                each.under_way = asyncio.ensure_future(asyncio.to_thread(each.launch))
                await asyncio.shield(each.under_way)
                await each.attach(self._handle)
            except Exception as error:  # whatever it is, the place must not stay empty in silence
                each.reason = f"it could not be launched: {error}"
                each.gone.set()
            await each.gone.wait()
            backoff = FIRST_BACKOFF if each.up.is_set() else min(LAST_BACKOFF, backoff * 2)
            each.up.clear()
            each.kill()
            log.warning("worker died", extra={"worker": each.member.name, "reason": each.reason or "killed"})
            self.metrics.worker_restarts.inc("failed" if each.reason else "died")
            each.detach()
            each.under_way = asyncio.ensure_future(asyncio.to_thread(each.reap))
            await asyncio.shield(each.under_way)
            await asyncio.sleep(backoff)

    async def _watch(self) -> None:
        """Kill a worker that has gone silent."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(min(1.0, self.stall_seconds / 4))
            for each in self.workers:
                if self._stalled(each, loop.time()):
                    each.reason = f"it answered nothing for {self.stall_seconds} s"
                    each.kill()

    def _stalled(self, each: WorkerProcess, now: float) -> bool:
        return each.unanswered_since is not None and now - each.unanswered_since > self.stall_seconds

    def _lost(self, each: WorkerProcess) -> None:
        """A worker's pipe has ended."""
        self.metrics.worker_up.labels(each.member.name, each.device).set(0)
        self.dispatcher.lost(each.member)
        each.gone.set()

    def _handle(self, each: WorkerProcess, message: FromWorker | None) -> None:
        """Take what a worker sent; None is its end."""
        if self.closing:
            return
        each.unanswered_since = time.monotonic() if each.member.held else None
        match message:
            case Ready(device):
                each.member.ready, each.device = True, device
                self.metrics.worker_up.labels(each.member.name, device).set(1)
                each.up.set()
                self.dispatcher.dispatch()
            case Shown(steps):
                self._show(each.member, steps)
            case Stepped():
                self.metrics.stepped(each.member.name, each.device, message.model, message.steps)
                self.dispatcher.stepped(each.member, message)
                for finished in message.finished:
                    self._finish(each.member, message.model, finished)
                self.dispatcher.dispatch()
                if not each.member.held:
                    each.unanswered_since = None
            case Broken(detail):
                each.reason = detail
            case Idle():
                pass
            case None:
                self._lost(each)
        self.news.set()

    @staticmethod
    def _show(member: Member, steps: Iterable[tuple[str, TraceStep]]) -> None:
        for identity, step in steps:
            if identity in member.held:
                member.held[identity].show(step)

    def _finish(self, member: Member, model: str, finished: Finished) -> None:
        if isinstance(finished, Failed):
            self.metrics.step_faults.inc(model, finished.kind)
            log.warning("step failed", extra={"worker": member.name, "model": model, "detail": finished.detail, "cause": finished.cause})
        ticket = member.drop(finished.id)
        if ticket is None or ticket.future.done():
            return
        match finished:
            case Expired():
                ticket.future.set_exception(DeadlineExceeded("the deadline passed before a slot was free"))
            case Failed(detail=detail):
                ticket.future.set_exception(StepFailed(detail))
            case Outcome():
                ticket.future.set_result(finished)
