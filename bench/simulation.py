"""The pool under simulated load: the real dispatcher and the real schedulers, without models, processes or a clock. Standard library only.

Puzzles arrive at random times (Poisson); a step of n slots takes as long as it is said to, and each puzzle as many steps and attempts.
"""

import asyncio
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count, takewhile
from typing import NamedTuple

from app.engine.request import Outcome, Request
from app.engine.scheduler import Entry, Guesses, Refill, Scheduler
from app.errors import QueueFull
from app.pool.dispatch import Dispatcher, Member, Ticket
from app.pool.messages import Abort, Stepped, Submit, ToWorker

MAX_STEPS, GUESSES = 24, Guesses(cells=3, among=12, steps=6, doubt=0.3)
"""Of the default Sudoku model: steps of a first attempt, and how later ones begin."""


class Patient(Scheduler[Entry]):
    """First come, first served: a puzzle keeps its slot until all its attempts are done."""

    def _queue(self, entry: Entry) -> None:
        self.waiting.add(entry, 0, first=entry.attempt > 0)


class RoundRobin(Scheduler[Entry]):
    """One queue: a restart goes to its end."""

    def _queue(self, entry: Entry) -> None:
        self.waiting.add(entry, 0)


class Policy(NamedTuple):
    """How a pool schedules. With `classes` bulk is told from the rest, and the dispatcher learns who has started.

    `batch` is the smallest step worth running; None runs all slots at every step.
    """

    scheduler: type[Scheduler[Entry]]
    refill: Refill
    classes: bool
    batch: int | None = None


POLICIES = {
    "whole batch": Policy(RoundRobin, "batch", False),
    "first come, first served": Policy(Patient, "step", False),
    "restarts to the back": Policy(RoundRobin, "step", False),
    "lanes": Policy(Scheduler, "step", True),
    "least served first": Policy(Scheduler, "step", True, 1),
}
"""The last one is what the service does."""


class Demand(NamedTuple):
    """A puzzle as it will turn out: the steps of each of its attempts, of which the last is right."""

    kind: str
    attempts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Setting:
    """What is simulated. `taken`: of each kind, (attempts, steps) of equally likely puzzles. A step of n slots takes fixed + n * slot seconds."""

    shares: Mapping[str, float]
    taken: Mapping[str, Sequence[tuple[int, int]]]
    fixed_seconds: float
    slot_seconds: float
    workers: int = 2
    slots: int = 8
    timeout: float = 10.0
    queue: int = 1024

    def step_seconds(self, size: int) -> float:
        """How long a step takes."""
        return self.fixed_seconds + self.slot_seconds * size

    @property
    def capacity(self) -> float:
        """Puzzles a second that the workers can do with all slots full."""
        mean = sum(share * sum(steps for _, steps in self.taken[kind]) / len(self.taken[kind]) for kind, share in self.shares.items())
        return self.workers * self.slots / self.step_seconds(self.slots) / mean

    def draw(self, chance: random.Random) -> Demand:
        """A random puzzle. Attempts after the first take about equally many steps each."""
        (kind,) = chance.choices(list(self.shares), list(self.shares.values()))
        attempts, steps = chance.choice(self.taken[kind])
        if attempts == 1:
            return Demand(kind, (steps,))
        first = min(MAX_STEPS, steps - attempts + 1)
        each, more = divmod(steps - first, attempts - 1)
        return Demand(kind, (first, *(each + (index < more) for index in range(attempts - 1))))


class Worker(Member):
    """A worker of which each step ends at the time `until`."""

    def __init__(self, name: str, policy: Policy, setting: Setting, demands: Mapping[str, Demand]) -> None:
        super().__init__(name, self.receive, ready=True)
        self.scheduler, self.demands, self.setting = policy.scheduler(setting.slots, policy.refill, GUESSES, policy.batch), demands, setting
        self.tells, self.until, self.size, self.started_now = policy.classes, math.inf, 0, tuple[str, ...]()

    def receive(self, message: ToWorker) -> None:
        """Take a message, as the loop of a worker does."""
        if isinstance(message, Submit):
            self.scheduler.add(Entry(message.request))
        elif isinstance(message, Abort):
            self.scheduler.abort(message.request_id)

    def begin(self, now: float) -> list[Entry]:
        """Begin a step if there is anything to do; those whose deadline passed before it."""
        plan = self.scheduler.schedule(now)
        self.size, self.until = plan.size, now + self.setting.step_seconds(plan.size) if plan.size else math.inf
        self.started_now = tuple(entry.request.id for _, entry in plan.loads if entry.attempt == 1)
        return plan.expired

    def end(self) -> tuple[Stepped, list[Entry]]:
        """End the step: what the worker tells of it, and who is done."""
        right, wrong = [], []
        for entry in self.scheduler.stepped:
            steps = self.demands[entry.request.id].attempts if entry else ()
            over = entry is not None and entry.step + 1 >= steps[entry.attempt - 1]
            right.append(over and entry is not None and entry.attempt == len(steps))
            wrong.append(over)
        finished = self.scheduler.update(right, [False] * len(right), self.until, doubted=wrong).finished
        outcomes = tuple(
            Outcome(
                id=entry.request.id,
                cells=b"",
                verified=entry.verified,
                steps=entry.total_steps,
                attempts=entry.attempt,
                halt_reason=entry.ended or "deadline",
                halt_probability=1.0,
                queue_seconds=0.0,
                solve_seconds=0.0,
            )
            for entry in finished
        )
        return Stepped("", ((self.size, self.setting.step_seconds(self.size)),), outcomes, self.started_now if self.tells else ()), finished


@dataclass(slots=True)
class Tally:
    """What came of the puzzles: seconds from arrival to answer or deadline by kind; shares refused at the door and late at their deadline; bulk a second."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    refused: float = 0.0
    late: float = 0.0
    bulk_per_s: float = 0.0

    def quantile(self, kind: str, share: float) -> float:
        """Seconds within which this share of a kind was answered; NaN where all were refused."""
        seconds = sorted(self.seconds.get(kind, ()))
        return seconds[int(share * (len(seconds) - 1))] if seconds else math.nan


class Simulation:
    """One policy under one load, of `setting.capacity`. With `bulk`, twice as many puzzles of a job as there are slots are always there."""

    def __init__(self, setting: Setting, policy: Policy, load: float, *, bulk: bool, seed: int = 0) -> None:
        self.setting, self.policy, self.rate = setting, policy, load * setting.capacity
        self.arrivals, self.puzzles, self.jobs = random.Random(seed), random.Random(seed + 1), random.Random(seed + 2)
        self.demands: dict[str, Demand] = {}
        self.open: dict[str, tuple[float, Ticket]] = {}
        self.workers = [Worker(str(index), policy, setting, self.demands) for index in range(setting.workers)]
        self.dispatcher = Dispatcher(self.workers, setting.queue, setting.slots, ahead=max(1, setting.slots // 2))
        self.backlog = 2 * setting.workers * setting.slots if bulk else 0
        self.loop, self.names, self.now, self.tally = asyncio.new_event_loop(), count(), 0.0, Tally()

    def run(self, puzzles: int) -> Tally:
        """Let so many puzzles arrive, and all of them end."""
        for _ in range(self.backlog):
            self.submit(bulk=True)
        left, coming = puzzles, self.arrivals.expovariate(self.rate)
        while left or self.open:
            worker = min(self.workers, key=lambda each: each.until)
            self.now = min(coming, worker.until) if left else worker.until
            if left and coming <= worker.until:
                self.submit(bulk=False)
                left, coming = left - 1, coming + self.arrivals.expovariate(self.rate)
            else:
                self.step(worker, refill=left > 0)
            self.expire()
            for each in self.workers:
                if each.until == math.inf:
                    self.begin(each)
        self.loop.close()
        self.tally.refused, self.tally.late = self.tally.refused / puzzles, self.tally.late / puzzles
        self.tally.bulk_per_s *= self.rate / puzzles
        return self.tally

    def submit(self, *, bulk: bool) -> None:
        """A puzzle comes to the door."""
        name, deadline = str(next(self.names)), math.inf if bulk else self.now + self.setting.timeout
        self.demands[name] = demand = self.setting.draw(self.jobs if bulk else self.puzzles)
        told = bulk and self.policy.classes
        request = Request(id=name, cells=b"", halt="verified", max_steps=MAX_STEPS, attempts=len(demand.attempts), deadline=deadline, bulk=told)
        ticket = Ticket("", request, self.loop.create_future())
        try:
            self.dispatcher.admit(ticket, self.now)
        except QueueFull:
            self.tally.refused += not bulk
        else:
            if not bulk:
                self.open[name] = self.now, ticket

    def begin(self, worker: Worker) -> None:
        """A worker goes on."""
        for entry in worker.begin(self.now):
            worker.drop(entry.request.id)
            self.close(entry.request.id, answered=False)

    def step(self, worker: Worker, *, refill: bool) -> None:
        """A step ends; the pool does with it what it does in the service."""
        message, finished = worker.end()
        self.dispatcher.stepped(worker, message)
        for entry in finished:
            worker.drop(entry.request.id)
            self.close(entry.request.id, answered=entry.ended != "deadline")
            if entry.request.deadline == math.inf and refill:
                self.tally.bulk_per_s += 1
                self.submit(bulk=True)
        self.dispatcher.dispatch()
        self.begin(worker)

    def close(self, name: str, *, answered: bool) -> None:
        """A puzzle has come to its end; those of the job are not asked about."""
        demand, (arrived, _) = self.demands.pop(name), self.open.pop(name, (None, None))
        if arrived is not None:
            self.tally.seconds.setdefault(demand.kind, []).append(self.now - arrived if answered else self.setting.timeout)
            self.tally.late += not answered

    def expire(self) -> None:
        """Give up those whose deadline passes while they wait in front of the workers; they stand in order of deadline."""
        for name, (_, ticket) in list(takewhile(lambda item: item[1][1].request.deadline <= self.now, self.open.items())):
            if ticket in self.dispatcher.waiting:
                self.dispatcher.release(ticket)
                self.close(name, answered=False)
