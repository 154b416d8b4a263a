"""Who runs what: one bounded queue in front of the workers, each sent only what it can start soon. No processes, no clock of its own.

Puzzles beyond a worker's credit wait here, where they can still go to whichever worker is free first and cost a dead one nothing.
"""

import asyncio
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from app.engine.lanes import TURNS, Lanes
from app.engine.request import Outcome, Request, TraceStep
from app.engine.scheduler import LANES
from app.errors import DeadlineExceeded, QueueFull, WorkerLost
from app.pool.base import Watch
from app.pool.messages import Abort, Stepped, Submit, ToWorker
from app.pool.pace import Pace

FRESH_SHARE = TURNS / (TURNS + len(LANES) - 1)
"""The share of freed slots that puzzles get that have not run yet, when others always wait, too."""


@dataclass(slots=True, eq=False)
class Ticket:
    """One puzzle in the pool. `deaths` counts the workers that died holding it."""

    model: str
    request: Request
    future: asyncio.Future[Outcome]
    watch: Watch | None = None
    deaths: int = 0
    shown: tuple[int, int] = (0, 0)

    @property
    def suspect(self) -> bool:
        """Whether it must run alone: then, if its worker dies once more, it is to blame and no other puzzle suffers."""
        return self.deaths >= 2

    def show(self, step: TraceStep) -> None:
        """Let the watcher see a step, once: after a death another worker begins anew, and its steps are the same up to there."""
        if self.watch and not self.future.done() and (step.attempt, step.step) > self.shown:
            self.shown = (step.attempt, step.step)
            self.watch(step)


@dataclass(slots=True, eq=False)
class Member:
    """One worker as the dispatcher sees it: up or not, what it holds and what of that has started, and how to reach it.

    `fresh` counts what has not started, by model, `bulk` and `bulk_started` what is of batches and jobs: kept, since under overload every request asks.
    """

    name: str
    send: Callable[[ToWorker], None]
    ready: bool = False
    held: dict[str, Ticket] = field(default_factory=dict)
    started: set[str] = field(default_factory=set)
    fresh: Counter[str] = field(default_factory=Counter)
    bulk: int = 0
    bulk_started: int = 0

    @property
    def quarantined(self) -> bool:
        """Whether a suspect runs here, which it does alone."""
        return len(self.held) == 1 and next(iter(self.held.values())).suspect

    def load(self, slots: int) -> int:
        """Slots that are taken or will be before a puzzle sent now gets one. Started puzzles that wait for another attempt delay none."""
        return len(self.held) - max(0, len(self.started) - slots)

    def bulk_load(self, slots: int) -> int:
        """The same of bulk alone."""
        return self.bulk - max(0, self.bulk_started - slots)

    def hold(self, ticket: Ticket) -> None:
        """Hold a puzzle that has not started."""
        self.held[ticket.request.id] = ticket
        self.fresh[ticket.model] += 1
        self.bulk += ticket.request.bulk

    def start(self, names: Iterable[str]) -> None:
        """Some of what is held has got its first slot; what is not held any more does not matter."""
        for name in names:
            ticket = self.held.get(name)
            if ticket is not None and name not in self.started:
                self.started.add(name)
                self.fresh[ticket.model] -= 1
                self.bulk_started += ticket.request.bulk

    def drop(self, request_id: str) -> Ticket | None:
        """Hold a puzzle no longer; None if this worker does not."""
        ticket = self.held.pop(request_id, None)
        if ticket is not None:
            self.bulk -= ticket.request.bulk
            if request_id in self.started:
                self.started.discard(request_id)
                self.bulk_started -= ticket.request.bulk
            else:
                self.fresh[ticket.model] -= 1
        return ticket

    def drop_all(self) -> list[Ticket]:
        """Hold nothing any more; what was held, in order."""
        return [ticket for name in list(self.held) if (ticket := self.drop(name))]


class Dispatcher:
    """The queue and the rule by which it empties: the lanes of the scheduler, to the worker that is loaded least and has `ahead` puzzles or fewer to start.

    Bulk leaves half of those to start to the others, who so need not wait for a place beside it.
    """

    def __init__(self, members: Sequence[Member], capacity: int, slots: int, ahead: int) -> None:
        self.members, self.capacity, self.slots, self.credit, self.bulk_credit = members, capacity, slots, slots + ahead, slots + (ahead + 1) // 2
        self.waiting, self.queued = Lanes[Ticket](2), (Counter[str](), Counter[str]())
        self.paces: defaultdict[str, Pace] = defaultdict(Pace)
        self.attempt_seconds = dict[str, float]()
        """What an attempt of each model takes by its pace."""

    @property
    def backlog(self) -> int:
        """Puzzles beyond all credit: those that wait here, and those that have been at a worker and wait there for another attempt."""
        count = len(self.waiting)
        for member in self.members:
            count += max(0, len(member.held) - self.credit)
        return count

    def room(self) -> int:
        """How many single puzzles may come before one is refused for a full queue: those that workers may be sent, and those that may wait here."""
        left = self.capacity - self.backlog
        if left > 0:
            for member in self.members:
                if member.ready and not member.quarantined:
                    left += max(0, self.credit - len(member.held))
        return left

    def admit(self, ticket: Ticket, now: float) -> None:
        """Queue a ticket. Raises `QueueFull` when the queue is, or when it would wait beyond its deadline. Bulk may take half of the queue."""
        request = ticket.request
        if now >= request.deadline:
            raise DeadlineExceeded("the deadline had passed on arrival")
        if self.backlog >= ((self.capacity + 1) // 2 if request.bulk else self.capacity):
            raise QueueFull(f"{self.backlog} puzzles are waiting already", retry_after=self.retry_after())
        if not self.waiting and (member := self._least_loaded(request.bulk)):  # it need not even queue
            self._send(member, ticket)
            return
        wait = self.expected_wait(request.bulk)
        if now + wait > request.deadline:
            raise QueueFull(f"it would wait about {wait:.1f} s, beyond its deadline", retry_after=self.retry_after())
        foremost = not self.waiting.lanes[request.bulk]
        self._queue(ticket)
        if foremost:  # behind others it changes nothing for those who could be sent
            self.dispatch()

    def dispatch(self) -> None:
        """Send what can start soon."""
        while self.waiting:
            for_bulk = self._least_loaded(bulk=True)
            ticket = self.waiting.head(lanes := 1 if for_bulk is None else 2)
            member = for_bulk if ticket and ticket.request.bulk else self._least_loaded(bulk=False)
            if ticket is None or member is None or (ticket.suspect and member.held):
                return
            self.waiting.take(lanes)
            self.queued[ticket.request.bulk][ticket.model] -= 1
            self._send(member, ticket)

    def _least_loaded(self, bulk: bool) -> Member | None:
        """The worker to which the next puzzle goes, `bulk` or not; None while no worker may be sent one more."""
        found, least = None, (self.credit, 0)
        for member in self.members:
            loaded = (member.load(self.slots), len(member.held))
            if member.ready and loaded < least and not member.quarantined and not (bulk and member.bulk_load(self.slots) >= self.bulk_credit):
                found, least = member, loaded
        return found

    @staticmethod
    def _send(member: Member, ticket: Ticket) -> None:
        member.hold(ticket)
        member.send(Submit(ticket.model, ticket.request))

    def release(self, ticket: Ticket) -> None:
        """Forget a ticket wherever it is, telling its worker; harmless when it is gone already."""
        self.queued[ticket.request.bulk][ticket.model] -= self.waiting.discard(ticket)
        for member in self.members:
            if member.held.get(ticket.request.id) is ticket:
                member.drop(ticket.request.id)
                member.send(Abort(ticket.model, ticket.request.id))
        self.dispatch()

    def lost(self, member: Member) -> None:
        """A worker died: what it held goes back to the front of the queue, or is given up when it died on that puzzle alone."""
        member.ready = False
        for ticket in reversed(member.drop_all()):
            if ticket.future.done():
                continue
            if ticket.suspect:
                ticket.future.set_exception(WorkerLost(f"{ticket.deaths + 1} workers died on this puzzle"))
                continue
            ticket.deaths += 1
            self._queue(ticket, first=True)
        self.dispatch()

    def _queue(self, ticket: Ticket, *, first: bool = False) -> None:
        self.waiting.add(ticket, int(ticket.request.bulk), first=first)
        self.queued[ticket.request.bulk][ticket.model] += 1

    def stepped(self, member: Member, message: Stepped) -> None:
        """Take in what a worker tells: its pace, and who holds a slot from now on."""
        pace = self.paces[message.model]
        for size, seconds in message.steps:
            if size:
                pace.stepped(size, seconds)
        for outcome in message.finished:
            if isinstance(outcome, Outcome):
                pace.finished(outcome.steps, outcome.attempts)
        self.attempt_seconds[message.model] = pace.attempt_seconds(self.slots)
        member.start(message.started)

    def expected_wait(self, bulk: bool = True) -> float:
        """Seconds that a puzzle admitted now would wait for its first slot, by the pace of late; 0 until that is measured, or when nobody waits here.

        Every puzzle ahead that has not started takes the time of one attempt; what is not done then waits behind it, but for the turns of its lane.
        """
        if not (self.waiting if bulk else self.waiting.lanes[0]):
            return 0.0
        queued = self.queued[: 1 + bulk]
        ahead = (each for counts in (*queued, *(member.fresh for member in self.members)) for each in counts.items())
        seconds = sum(count * self.attempt_seconds.get(model, 0.0) for model, count in ahead if count)
        return seconds / FRESH_SHARE / max(1, sum(member.ready for member in self.members))

    def retry_after(self) -> int:
        """Whole seconds until the queue of now is worked off, 1 to 60."""
        return min(60, max(1, math.ceil(self.expected_wait())))
