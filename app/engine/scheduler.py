"""Which puzzle runs in which slot at the next step. A value: no clock, no tensors, no I/O; time comes in as an argument.

Slots are packed: after `schedule` the puzzles that the next step runs hold slots 0..size-1, so it always runs on a contiguous view. A puzzle
joins at any step and leaves at the very step at which it is done; the slot it frees is refilled before the next one.

A slot keeps a puzzle's state, and not every step runs every slot: where a larger step takes longer, as on a CPU, those that have had least go first, so that an
easy puzzle is done before it has waited for the hard ones beside it (least attained service). All run where they are bulk alone, and all but
bulk where a crowd waits: what a step costs beside its slots is paid less often.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeVar, cast

from app.engine.lanes import TURNS, Lanes
from app.engine.request import HaltReason, Request

Refill = Literal["step", "batch"]
"""When freed slots are refilled: before the next step, or (for comparison) only when the whole batch is done."""


FRESH, RESTARTED, BULK = LANES = range(3)
"""Who goes first: puzzles that have not run yet, then those that wait for another attempt, then those of batches and jobs."""

SHARE = 3
"""One of so many puzzles in slots runs at a step, at least: the more there are, the larger the steps, which do more in the same time."""

CROWD = 4
"""Where fresh puzzles wait, one for so many slots or more, all in slots run but bulk, so that hard ones give back their slots, too."""

PATIENCE = 64
"""Steps that a puzzle goes on after its first answer that obeys the rules where a better one may exist: a longer way through a maze than need be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guesses:
    """How attempts after the first begin: with `cells` guesses, each in one of the `among` cells with the fewest candidates; they take `steps` at most.

    Such an attempt also ends once the model holds its guesses for wrong, with a probability above `doubt`.
    """

    cells: int
    among: int
    steps: int
    doubt: float = 1.0


@dataclass(slots=True, eq=False)
class Entry:
    """One puzzle inside the scheduler. `attempt` is 0 until it first gets a slot; `ended` says why its last attempt ended.

    `number` counts arrivals; `last` is the step that it was last chosen for, or before which it came to its slot.
    `verified`: the last answer obeys the rules, or, with `halt: verified`, an earlier one did and a better one is looked for; `since` counts the steps of that.
    """

    request: Request
    number: int = 0
    last: int = 0
    attempt: int = 0
    most: int = 0
    """Steps that this attempt may take."""
    step: int = 0
    earlier: int = 0
    """Steps of the attempts before."""
    ended: HaltReason | None = None
    verified: bool = False
    since: int = 0

    @property
    def total_steps(self) -> int:
        """Steps of all attempts."""
        return self.earlier + self.step


Held = TypeVar("Held", bound=Entry)
"""What the scheduler's user keeps of each puzzle."""


@dataclass(slots=True)
class Plan(Generic[Held]):
    """What to do before the next step: first `loads` (slot, puzzle), then `swaps` (two slots exchange what they hold); then step slots 0..size-1.

    `expired` are puzzles whose deadline passed while they waited; those with `attempt` > 0 have an answer from earlier attempts.
    """

    size: int = 0
    loads: list[tuple[int, Held]] = field(default_factory=list)
    swaps: list[tuple[int, int]] = field(default_factory=list)
    expired: list[Held] = field(default_factory=list)


@dataclass(slots=True)
class Update(Generic[Held]):
    """What a step brought: slots whose attempt `ended` (their answer must be kept now), and puzzles that are `finished`.

    `improvable` are slots that go on although their answer is right, which must be kept now, too.
    """

    ended: list[tuple[int, Held]] = field(default_factory=list)
    improvable: list[tuple[int, Held]] = field(default_factory=list)
    finished: list[Held] = field(default_factory=list)


class Scheduler(Generic[Held]):
    """A slot table and a queue of lanes. A restarted puzzle queues anew, so where nobody else waits it gets the next slot at once.

    `batch` is the smallest step worth running: smaller ones cost each puzzle much more. All slots by default, so that every step runs all puzzles.
    Every (TURNS + 1)th step is for those that ran longest ago. So whoever holds a slot is stepped once in any (TURNS + 1) * slots steps, whatever comes.
    """

    def __init__(self, slots: int, refill: Refill = "step", guesses: Guesses | None = None, batch: int | None = None) -> None:
        self.slots, self.refill, self.guesses, self.batch = slots, refill, guesses, batch or slots
        self.bulk_slots = (slots + 1) // 2 if self.batch < slots else slots
        self.waiting = Lanes[Held](len(LANES))
        self.running: list[Held | None] = []
        self.size = self.steps = self.arrivals = self.bulk = 0
        self.soonest = math.inf
        """No deadline of those who wait is earlier: they need not be looked through before."""
        self.entries: dict[str, Held] = {}

    @property
    def stepped(self) -> list[Held | None]:
        """Whom the step runs that `schedule` planned, by slot; None where one was aborted since."""
        return self.running[: self.size]

    def add(self, entry: Held) -> None:
        """Queue a puzzle. Raises `ValueError` for an id that is already here."""
        if entry.request.id in self.entries:
            raise ValueError(f"request {entry.request.id} is already scheduled")
        self.arrivals += 1
        entry.number = self.arrivals
        self.entries[entry.request.id] = entry
        self._queue(entry)

    def abort(self, request_id: str) -> bool:
        """Forget a request wherever it is; False if it is not here. Its slot is free at the next `schedule`."""
        entry = self.entries.pop(request_id, None)
        if entry is None:
            return False
        if entry in self.running:
            self._free(self.running.index(entry), entry)
        else:
            self.waiting.discard(entry)
        return True

    def settle(self, entry: Held) -> bool:
        """An attempt has ended after which no further one can change the outcome: the puzzle is finished if it waits for another; False if not."""
        if not self.waiting.discard(entry):
            return False
        del self.entries[entry.request.id]
        return True

    def schedule(self, now: float) -> Plan[Held]:
        """Fill the free slots from the queue, close the remaining gaps from the tail, and say what the next step runs on."""
        plan = Plan[Held]()
        if now >= self.soonest:
            plan.expired = [entry for entry in self.waiting if entry.request.deadline <= now]
            for entry in plan.expired:
                self.waiting.discard(entry)
                del self.entries[entry.request.id]
            self.soonest = min((entry.request.deadline for entry in self.waiting), default=math.inf)
        if self.refill == "step" or not any(self.running):
            self._refill(plan)
        self._pack(plan)
        self._bring_forward(plan, now)
        plan.size = self.size
        return plan

    def _refill(self, plan: Plan[Held]) -> None:
        if not self.waiting:
            return
        gaps = [slot for slot, entry in enumerate(self.running) if entry is None]
        gaps += range(len(self.running), self.slots)
        for slot in gaps:
            entry = self.waiting.take(len(LANES) if self.bulk < self.bulk_slots else BULK)
            if entry is None:
                return
            self.bulk += entry.request.bulk
            entry.attempt, entry.earlier, entry.step, entry.ended, entry.last = entry.attempt + 1, entry.earlier + entry.step, 0, None, self.steps
            entry.most = min(entry.request.max_steps, self.guesses.steps) if self.guesses and self.supposes(entry) else entry.request.max_steps
            if slot == len(self.running):
                self.running.append(None)
            self.running[slot] = entry
            plan.loads.append((slot, entry))

    def _pack(self, plan: Plan[Held]) -> None:
        while None in self.running:
            last = self.running.pop()
            if last is not None:
                gap = self.running.index(None)
                self.running[gap] = last
                plan.swaps.append((len(self.running), gap))

    def _bring_forward(self, plan: Plan[Held], now: float) -> None:
        """Choose whom the next step runs, and let them hold the first slots."""
        self.steps += 1
        self.size = len(self.running)
        if self.refill == "batch" or self.size <= self.batch:
            return
        running = cast("list[Held]", self.running)  # which is packed
        asked = len(running) - self.bulk
        if not asked:
            return  # nobody waits for one of them alone, and what a step costs beside its slots is paid less often
        oldest = self.steps % (TURNS + 1) == 0
        crowded = CROWD * len(self.waiting.lanes[FRESH]) >= self.slots
        self.size = min(len(running), max(self.batch, -(-(len(running) if oldest else asked) // (1 if crowded else SHARE))))
        ranks = self._by_wait(running) if oldest else self._by_service(running, now)
        chosen = set(sorted(range(len(running)), key=ranks.__getitem__)[: self.size])
        free = (slot for slot in range(self.size) if slot not in chosen)
        for slot in sorted(chosen):
            if slot >= self.size:
                other = next(free)
                self.running[slot], self.running[other] = self.running[other], self.running[slot]
                plan.swaps.append((slot, other))
        for entry in running[: self.size]:
            entry.last = self.steps

    @staticmethod
    def _by_wait(running: Sequence[Entry]) -> Sequence[tuple[int, ...]]:
        """Order by when they were chosen last."""
        return [(entry.last, entry.number) for entry in running]

    @staticmethod
    def _by_service(running: Sequence[Entry], now: float) -> Sequence[tuple[int, ...]]:
        """Order of precedence: whose time is up and needs a last step, then by steps taken so far; behind them bulk, in the order of arrival."""
        return [(entry.request.deadline > now, bulk := entry.request.bulk, 0 if bulk else entry.earlier + entry.step, entry.number) for entry in running]

    def update(
        self, verified: Sequence[bool], halted: Sequence[bool], now: float, best: Sequence[bool] | None = None, doubted: Sequence[bool] = ()
    ) -> Update[Held]:
        """Take the signals of a step, one a slot: does the answer obey the rules, does the head say halt, can none be better (left out: yes).

        `doubted` says whether the model holds the input for contradictory (left out: no).
        """
        update, best = Update[Held](), verified if best is None else best
        for slot, (entry, right, halt, doubt) in enumerate(zip(self.stepped, verified, halted, doubted or [False] * self.size, strict=True)):
            if entry is None or entry.ended:
                continue
            entry.step = step = entry.step + 1
            if not (right or halt or doubt or entry.verified or step >= entry.most or now >= entry.request.deadline):
                continue  # as most do
            judged = entry.request.halt == "verified"
            entry.since += judged and entry.verified
            entry.verified = right or (judged and entry.verified)
            entry.ended = self._reason(entry, best[slot], halt, now)
            if not entry.ended and doubt and self.supposes(entry):
                entry.ended = "max_steps"
            if entry.ended:
                update.ended.append((slot, entry))
            elif judged and right:
                update.improvable.append((slot, entry))
        if self.refill == "step":
            update.finished = self._release(update.ended)
        elif all(entry is None or entry.ended for entry in self.running):
            update.finished = self._release([(slot, entry) for slot, entry in enumerate(self.running) if entry is not None])
        return update

    def supposes(self, entry: Entry) -> bool:
        """Whether this attempt begins with guesses: not the first, and only where the rules judge, since a wrong guess could pass otherwise."""
        return self.guesses is not None and entry.attempt > 1 and entry.request.halt == "verified"

    def _reason(self, entry: Entry, best: bool, halted: bool, now: float) -> HaltReason | None:
        request = entry.request
        if request.halt == "verified" and (best or entry.since >= PATIENCE):
            return "verified"
        if request.halt == "learned" and halted:
            return "learned"
        if now >= request.deadline:
            return "deadline"
        if entry.step < entry.most:
            return None
        return "verified" if request.halt == "verified" and entry.verified and entry.attempt >= request.attempts else "max_steps"

    def _release(self, ended: Iterable[tuple[int, Held]]) -> list[Held]:
        """Free the slots of attempts that have ended; a puzzle not content with its answer that has attempts left waits for another, the rest are finished."""
        finished = []
        for slot, entry in ended:
            self._free(slot, entry)
            done = entry.ended in ("verified", "deadline") or (entry.verified and entry.request.halt != "verified")
            if done or entry.attempt >= entry.request.attempts:
                finished.append(entry)
                del self.entries[entry.request.id]
            else:
                self._queue(entry)
        return finished

    def _free(self, slot: int, entry: Held) -> None:
        """Take a puzzle out of its slot."""
        self.running[slot] = None
        self.bulk -= entry.request.bulk

    def _queue(self, entry: Held) -> None:
        """Let a puzzle wait for its first or next attempt."""
        self.soonest = min(self.soonest, entry.request.deadline)
        self.waiting.add(entry, BULK if entry.request.bulk else RESTARTED if entry.attempt else FRESH)

    def check(self) -> None:
        """Raise `AssertionError` unless every request is in exactly one place and no more slots are held than there are."""
        places = [id(entry) for entry in self.waiting] + [id(entry) for entry in self.running if entry is not None]
        assert len(places) == len(set(places)), "a request is in two places"
        assert set(places) == {id(entry) for entry in self.entries.values()}, "a request is lost"
        assert len(self.running) <= self.slots, "more slots are held than there are"
        assert self.bulk == sum(entry.request.bulk for entry in self.running if entry is not None), "bulk is counted wrongly"
