"""Who runs what: one bounded queue in front of the workers, each sent only what it can start soon. No processes, no clock of its own.

Puzzles beyond a worker's credit wait here, where they can still go to whichever worker is free first and cost a dead one nothing.
"""

import asyncio
import math
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from app.engine.request import Outcome, Request, TraceStep
from app.errors import DeadlineExceeded, QueueFull, WorkerLost
from app.pool.base import Watch
from app.pool.messages import Abort, Submit, ToWorker

DECAY = 0.98
"""Weight that a finished puzzle's share in the measured rate keeps with each later one: a memory of about fifty puzzles."""


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
    """One worker as the dispatcher sees it: up or not, what it holds, and how to reach it."""

    name: str
    send: Callable[[ToWorker], None]
    ready: bool = False
    held: dict[str, Ticket] = field(default_factory=dict)

    @property
    def quarantined(self) -> bool:
        """Whether a suspect runs here."""
        return any(ticket.suspect for ticket in self.held.values())


class Dispatcher:
    """The queue and the rule by which it empties: oldest first, to the worker that holds least."""

    def __init__(self, members: Sequence[Member], capacity: int, credit: int) -> None:
        self.members, self.capacity, self.credit = members, capacity, credit
        self.waiting: OrderedDict[str, Ticket] = OrderedDict()
        self.finished, self.busy_seconds, self.unfinished_seconds = 0.0, 0.0, 0.0

    def admit(self, ticket: Ticket, now: float) -> None:
        """Queue a ticket. Raises `QueueFull` when the queue is, or when it would wait beyond its deadline."""
        if now >= ticket.request.deadline:
            raise DeadlineExceeded("the deadline had passed on arrival")
        if len(self.waiting) >= self.capacity:
            raise QueueFull(f"{self.capacity} puzzles are waiting already", retry_after=self.retry_after())
        wait = self.expected_wait()
        if now + wait > ticket.request.deadline:
            raise QueueFull(f"it would wait about {wait:.1f} s, beyond its deadline", retry_after=self.retry_after())
        self.waiting[ticket.request.id] = ticket
        self.dispatch()

    def dispatch(self) -> None:
        """Send what can start soon."""
        while self.waiting:
            ticket = next(iter(self.waiting.values()))
            able = [member for member in self.members if member.ready and not member.quarantined]
            member = min(able, key=lambda member: len(member.held), default=None)
            if member is None or len(member.held) >= (1 if ticket.suspect else self.credit):
                return
            del self.waiting[ticket.request.id]
            member.held[ticket.request.id] = ticket
            member.send(Submit(ticket.model, ticket.request))

    def release(self, ticket: Ticket) -> None:
        """Forget a ticket wherever it is, telling its worker; harmless when it is gone already."""
        self.waiting.pop(ticket.request.id, None)
        for member in self.members:
            if member.held.get(ticket.request.id) is ticket:
                del member.held[ticket.request.id]
                member.send(Abort(ticket.model, ticket.request.id))
        self.dispatch()

    def lost(self, member: Member) -> None:
        """A worker died: what it held goes back to the front of the queue, or is given up when it died on that puzzle alone."""
        member.ready = False
        held, member.held = member.held, {}
        for ticket in reversed(held.values()):
            if ticket.future.done():
                continue
            if ticket.suspect:
                ticket.future.set_exception(WorkerLost(f"{ticket.deaths + 1} workers died on this puzzle"))
                continue
            ticket.deaths += 1
            self.waiting[ticket.request.id] = ticket
            self.waiting.move_to_end(ticket.request.id, last=False)
        self.dispatch()

    def measure(self, finished: int, seconds: float) -> None:
        """Take a step into the measured rate."""
        self.unfinished_seconds += seconds
        if finished:
            keep = DECAY**finished
            self.finished = self.finished * keep + finished
            self.busy_seconds, self.unfinished_seconds = self.busy_seconds * keep + self.unfinished_seconds, 0.0

    def expected_wait(self) -> float:
        """Seconds that a puzzle admitted now would wait, by the rate of the last steps; 0 until something has been measured."""
        rate = self.finished / self.busy_seconds * sum(member.ready for member in self.members) if self.busy_seconds else 0.0
        return len(self.waiting) / rate if rate else 0.0

    def retry_after(self) -> int:
        """Whole seconds until the queue of now is worked off, 1 to 60."""
        return min(60, max(1, math.ceil(self.expected_wait())))
