"""Which puzzle runs in which slot at the next step. A value: no clock, no tensors, no I/O; time comes in as an argument.

Slots are packed: after `schedule` the running puzzles hold slots 0..n-1, so a step always runs on a contiguous view. A puzzle
joins at any step and leaves at the very step at which it is done; the slot it frees is refilled before the next one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from app.engine.lanes import Lanes
from app.engine.request import HaltReason, Request

Refill = Literal["step", "batch"]
"""When freed slots are refilled: before the next step, or (for comparison) only when the whole batch is done."""


FRESH, RESTARTED, BULK = LANES = range(3)
"""Who goes first: puzzles that have not run yet, then those that wait for another attempt, then those of batches and jobs."""

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

    `verified`: the last answer obeys the rules, or, with `halt: verified`, an earlier one did and a better one is looked for; `since` counts the steps of that.
    """

    request: Request
    attempt: int = 0
    step: int = 0
    total_steps: int = 0
    ended: HaltReason | None = None
    verified: bool = False
    since: int = 0


@dataclass(slots=True)
class Plan:
    """What to do before the next step: first `moves` (source slot, target slot), then `loads`; then step slots 0..size-1.

    `expired` are puzzles whose deadline passed while they waited; those with `attempt` > 0 have an answer from earlier attempts.
    """

    size: int = 0
    moves: list[tuple[int, int]] = field(default_factory=list)
    loads: list[tuple[int, Entry]] = field(default_factory=list)
    expired: list[Entry] = field(default_factory=list)


@dataclass(slots=True)
class Update:
    """What a step brought: slots whose attempt `ended` (their answer must be kept now), and puzzles that are `finished`.

    `improvable` are slots that go on although their answer is right, which must be kept now, too.
    """

    ended: list[tuple[int, Entry]] = field(default_factory=list)
    improvable: list[tuple[int, Entry]] = field(default_factory=list)
    finished: list[Entry] = field(default_factory=list)


class Scheduler:
    """A slot table and a queue of lanes. A restarted puzzle queues anew, so where nobody else waits it gets the next slot at once."""

    def __init__(self, slots: int, refill: Refill = "step", guesses: Guesses | None = None) -> None:
        self.slots, self.refill, self.guesses = slots, refill, guesses
        self.waiting = Lanes[Entry](len(LANES))
        self.running: list[Entry | None] = []
        self.entries: dict[str, Entry] = {}

    def add(self, request: Request) -> None:
        """Queue a request. Raises `ValueError` for an id that is already here."""
        if request.id in self.entries:
            raise ValueError(f"request {request.id} is already scheduled")
        self.entries[request.id] = entry = Entry(request)
        self._queue(entry)

    def abort(self, request_id: str) -> bool:
        """Forget a request wherever it is; False if it is not here. Its slot is free at the next `schedule`."""
        entry = self.entries.pop(request_id, None)
        if entry is None:
            return False
        if entry in self.running:
            self.running[self.running.index(entry)] = None
        else:
            self.waiting.discard(entry)
        return True

    def settle(self, entry: Entry) -> bool:
        """An attempt has ended after which no further one can change the outcome: the puzzle is finished if it waits for another; False if not."""
        if not self.waiting.discard(entry):
            return False
        del self.entries[entry.request.id]
        return True

    def schedule(self, now: float) -> Plan:
        """Fill the free slots from the queue, close the remaining gaps from the tail, and say what the next step runs on."""
        plan = Plan(expired=[entry for entry in self.waiting if entry.request.deadline <= now])
        for entry in plan.expired:
            self.waiting.discard(entry)
            del self.entries[entry.request.id]
        if self.refill == "step" or not any(self.running):
            self._refill(plan)
        self._pack(plan)
        plan.size = len(self.running)
        return plan

    def _refill(self, plan: Plan) -> None:
        gaps = [slot for slot, entry in enumerate(self.running) if entry is None]
        gaps += range(len(self.running), self.slots)
        for slot in gaps:
            if not self.waiting:
                return
            entry = self.waiting.take()
            entry.attempt, entry.step, entry.ended = entry.attempt + 1, 0, None
            if slot == len(self.running):
                self.running.append(None)
            self.running[slot] = entry
            plan.loads.append((slot, entry))

    def _pack(self, plan: Plan) -> None:
        while None in self.running:
            last = self.running.pop()
            if last is not None:
                gap = self.running.index(None)
                self.running[gap] = last
                plan.moves.append((len(self.running), gap))

    def update(self, verified: Sequence[bool], halted: Sequence[bool], now: float, best: Sequence[bool] | None = None, doubted: Sequence[bool] = ()) -> Update:
        """Take the signals of a step, one a slot: does the answer obey the rules, does the head say halt, can none be better (left out: yes).

        `doubted` says whether the model holds the input for contradictory (left out: no).
        """
        update, best = Update(), verified if best is None else best
        for slot, entry in enumerate(self.running):
            if entry is None or entry.ended:
                continue
            entry.step += 1
            entry.total_steps += 1
            judged = entry.request.halt == "verified"
            entry.since += judged and entry.verified
            entry.verified = verified[slot] or (judged and entry.verified)
            entry.ended = self._reason(entry, best[slot], halted[slot], now)
            if not entry.ended and doubted and doubted[slot] and self.supposes(entry):
                entry.ended = "max_steps"
            if entry.ended:
                update.ended.append((slot, entry))
            elif judged and verified[slot]:
                update.improvable.append((slot, entry))
        if self.refill == "step" or all(entry is None or entry.ended for entry in self.running):
            update.finished = self._release()
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
        most = min(request.max_steps, self.guesses.steps) if self.guesses and self.supposes(entry) else request.max_steps
        if entry.step < most:
            return None
        return "verified" if request.halt == "verified" and entry.verified and entry.attempt >= request.attempts else "max_steps"

    def _release(self) -> list[Entry]:
        """Free the slots of ended attempts; one that is not content with its answer and has attempts left waits for another, the rest are finished."""
        finished = []
        for slot, entry in enumerate(self.running):
            if entry is None or not entry.ended:
                continue
            self.running[slot] = None
            done = entry.ended in ("verified", "deadline") or (entry.verified and entry.request.halt != "verified")
            if done or entry.attempt >= entry.request.attempts:
                finished.append(entry)
                del self.entries[entry.request.id]
            else:
                self._queue(entry)
        return finished

    def _queue(self, entry: Entry) -> None:
        """Let a puzzle wait for its first or next attempt."""
        self.waiting.add(entry, BULK if entry.request.bulk else RESTARTED if entry.attempt else FRESH)

    def check(self) -> None:
        """Raise `AssertionError` unless every request is in exactly one place and no more slots are held than there are."""
        places = [id(entry) for entry in self.waiting] + [id(entry) for entry in self.running if entry is not None]
        assert len(places) == len(set(places)), "a request is in two places"
        assert set(places) == {id(entry) for entry in self.entries.values()}, "a request is lost"
        assert len(self.running) <= self.slots, "more slots are held than there are"
