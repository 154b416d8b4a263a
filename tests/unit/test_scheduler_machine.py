"""The scheduler against a naive model of it, at any interleaving of arrivals, aborts, steps, deadlines and restarts."""

from collections.abc import Iterable
from itertools import chain

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from app.engine.lanes import TURNS
from app.engine.request import Request
from app.engine.scheduler import BULK, FRESH, LANES, RESTARTED, SHARE, Entry, Scheduler
from tests.support.requests import ask

SIGNALS = st.lists(st.booleans(), min_size=5, max_size=5)


class Life:
    """What the model knows of one request."""

    def __init__(self, request: Request) -> None:
        self.request, self.attempt, self.step, self.verified = request, 0, 0, False
        self.ended: str | None = None
        self.total = self.idle = 0

    def run(self, verified: bool, halted: bool, best: bool, now: float) -> None:
        request, judged = self.request, self.request.halt == "verified"
        self.verified = verified or (judged and self.verified)
        self.step += 1
        self.total += 1
        at_the_end = self.step == request.max_steps
        reasons = {
            "verified": judged and verified and best,
            "learned": request.halt == "learned" and halted,
            "deadline": now >= request.deadline,
            "max_steps": at_the_end,
        }
        self.ended = next((reason for reason, holds in reasons.items() if holds), None)
        if self.ended == "max_steps" and judged and self.verified and self.attempt == request.attempts:
            self.ended = "verified"  # no better one was found

    @property
    def done(self) -> bool:
        content = self.verified and (self.request.halt != "verified" or self.ended == "verified")
        return content or self.ended == "deadline" or self.attempt == self.request.attempts


class SchedulerMachine(RuleBasedStateMachine):
    """`queues` and `lives` are the model; `memory` is what a runner would hold in each slot, told only by loads and swaps.

    `passed` counts how often in a row each queue was passed over.
    """

    @initialize(slots=st.integers(1, 5), refill=st.sampled_from(["step", "batch"]), turns=st.integers(1, 4), batch=st.integers(1, 5))
    def start(self, slots: int, refill: str, turns: int, batch: int) -> None:
        self.batch = min(batch, slots)
        self.scheduler, self.slots, self.refill, self.turns = Scheduler(slots, refill, batch=self.batch), slots, refill, turns
        self.scheduler.waiting.turns = turns
        self.queues: list[list[str]] = [[] for _ in LANES]
        self.passed = [0 for _ in LANES]
        self.lives: dict[str, Life] = {}
        self.memory: list[str | None] = [None] * slots
        self.size, self.now, self.count = 0, 0.0, 0
        self.finished: set[str] = set()
        self.gone: set[str] = set()

    @property
    def queue(self) -> list[str]:
        return list(chain.from_iterable(self.queues))

    def wait_again(self, names: Iterable[str]) -> None:
        for name in names:
            life = self.lives[name]
            self.queues[BULK if life.request.bulk else RESTARTED if life.attempt else FRESH].append(name)

    def leave(self, name: str) -> None:
        """Take a name out of the queue it is in; one that is empty then has nobody to be passed over."""
        for lane, names in enumerate(self.queues):
            if name in names:
                names.remove(name)
            if not names:
                self.passed[lane] = 0

    def get_slot(self, name: str) -> None:
        """The next one from the queue: the first of its lane, in its turn, and no lane has been passed over too often."""
        heads = {names[0]: lane for lane, names in enumerate(self.queues) if names}
        assert name in heads, "not first come, first served"
        lane = heads[name]
        closed = BULK if self.bulk_is_full() else None
        heads = {head: each for head, each in heads.items() if each != closed}
        assert name in heads, "bulk took more than its share of the slots"
        assert lane == min(heads.values()) or self.passed[lane] >= self.turns, "out of turn"
        for each, names in enumerate(self.queues):
            if each != closed:
                self.passed[each] = 0 if each == lane or not names else self.passed[each] + 1
        assert max(self.passed) <= self.turns + len(LANES) - 2, "starved"
        self.leave(name)

    def bulk_is_full(self) -> bool:
        """Whether bulk holds all the slots that it may: half of them, where not every step runs all."""
        return self.batch < self.slots and sum(self.lives[name].request.bulk for name in self.in_slots()) >= (self.slots + 1) // 2

    def in_slots(self) -> list[str]:
        """Whom the model has in slots: all that live and do not wait."""
        return [name for name in self.lives if name not in self.queue]

    @rule(
        halt=st.sampled_from(["verified", "learned", "never"]),
        max_steps=st.integers(1, 4),
        attempts=st.integers(1, 3),
        patience=st.sampled_from([0.0, 3.0, 10.0, 1000.0]),
        bulk=st.booleans(),
    )
    def add(self, halt: str, max_steps: int, attempts: int, patience: float, bulk: bool) -> None:
        self.count += 1
        name = f"r{self.count}"
        request = ask(name, halt=halt, max_steps=max_steps, attempts=attempts, deadline=self.now + patience, bulk=bulk)
        self.scheduler.add(Entry(request))
        self.lives[name] = Life(request)
        self.wait_again([name])

    @precondition(lambda self: self.lives)
    @rule(data=st.data())
    def abort(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.lives)))
        assert self.scheduler.abort(name)
        self.forget(name)

    @rule(number=st.integers(0, 50))
    def abort_one_that_is_not_here(self, number: int) -> None:
        if f"r{number}" not in self.lives:
            assert not self.scheduler.abort(f"r{number}")

    @rule(seconds=st.floats(0, 5))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    def forget(self, name: str) -> None:
        del self.lives[name]
        self.gone.add(name)
        self.leave(name)

    @rule()
    def schedule(self) -> None:
        plan = self.scheduler.schedule(self.now)
        late = [name for name in self.queue if self.lives[name].request.deadline <= self.now]
        assert [entry.request.id for entry in plan.expired] == late
        for name in late:
            self.forget(name)
        held = self.in_slots()
        if self.refill == "batch" and held:
            assert not plan.loads, "a batch was joined before all of it had ended"
        for slot, entry in plan.loads:
            self.get_slot(entry.request.id)
            self.load(slot, entry.request.id, entry.attempt)
        for one, other in plan.swaps:
            self.memory[one], self.memory[other] = self.memory[other], self.memory[one]
        self.size = plan.size
        self.check_slots()
        self.check_turns()

    def load(self, slot: int, name: str, attempt: int) -> None:
        life = self.lives[name]
        life.attempt, life.step, life.ended = life.attempt + 1, 0, None
        assert attempt == life.attempt <= life.request.attempts
        self.memory[slot], life.idle = name, 0

    def check_slots(self) -> None:
        """What the next step runs on: slots 0..size-1, each with the puzzle whose state the runner has there."""
        running = [entry and entry.request.id for entry in self.scheduler.running]
        assert self.size <= len(running) <= self.slots
        assert sorted(filter(None, running)) == sorted(self.in_slots()), "each running puzzle holds one slot"
        for name, remembered in zip(running, self.memory, strict=False):
            assert name == remembered or (name is None and self.refill == "batch" and remembered in self.gone), "packed, and where the runner has it"
        if self.refill == "step" or not self.in_slots():
            able = [name for name in self.queue if not (self.bulk_is_full() and self.lives[name].request.bulk)]
            assert len(running) == self.slots or not able, "a slot is free although somebody waits"

    def check_turns(self) -> None:
        """Who runs: all, or those that have had least; and nobody is left out for longer than is said."""
        held = [self.lives[name] for name in self.in_slots()]
        chosen = [self.lives[name] for name in self.memory[: self.size] if name in self.lives]
        if self.refill == "batch" or len(held) <= self.batch:
            assert len(chosen) == len(held)
            return
        assert len(chosen) == self.size >= min(len(held), self.batch)
        left = [life for life in held if life not in chosen]
        asked, chosen_asked = ([life for life in lives if not life.request.bulk] for lives in (left, chosen))
        in_turn = not left or (
            not (asked and any(life.request.bulk and life.request.deadline > self.now for life in chosen))
            and (not asked or not chosen_asked or max(self.served(life) for life in chosen_asked) <= min(self.served(life) for life in asked))
            and self.size * SHARE >= len(chosen_asked + asked)
        )
        assert in_turn or self.scheduler.steps % (TURNS + 1) == 0, "out of turn"
        for life in held:
            life.idle = 0 if life in chosen else life.idle + 1
            assert life.idle < (TURNS + 1) * self.slots, "starved"

    def served(self, life: Life) -> tuple[bool, int]:
        return life.request.deadline > self.now, life.total

    @precondition(lambda self: self.size)
    @rule(verified=SIGNALS, halted=SIGNALS, best=SIGNALS, seconds=st.floats(0, 1))
    def update(self, verified: list[bool], halted: list[bool], best: list[bool], seconds: float) -> None:
        self.now += seconds
        running = [name for name in self.memory[: self.size] if name in self.lives and not self.lives[name].ended]
        signals = verified[: self.size], halted[: self.size], self.now, [each and right for each, right in zip(best, verified, strict=True)][: self.size]
        update = self.scheduler.update(*signals)
        for slot, name in enumerate(self.memory[: self.size]):
            if name in running:
                self.lives[name].run(verified[slot], halted[slot], best[slot], self.now)
        ended = [(slot, name) for slot, name in enumerate(self.memory[: self.size]) if name in running and self.lives[name].ended]
        assert [(slot, entry.request.id) for slot, entry in update.ended] == ended
        for _, entry in update.ended:
            life = self.lives[entry.request.id]
            assert (entry.ended, entry.verified, entry.step) == (life.ended, life.verified, life.step)
        self.release([entry.request.id for entry in update.finished])

    @precondition(lambda self: self.lives)
    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        """Whoever waits for another attempt can be finished without it; who is in a slot cannot."""
        name = data.draw(st.sampled_from(sorted(self.lives)))
        waits = name in self.queue
        assert self.scheduler.settle(self.scheduler.entries[name]) == waits
        if waits:
            self.finished.add(name)
            self.forget(name)

    def release(self, finished: list[str]) -> None:
        """Ended attempts leave their slots: at once, or when all of the batch has ended."""
        held = [name for name in self.memory[: self.size] if name in self.in_slots()]
        leaving = [name for name in held if self.lives[name].ended]
        if self.refill == "batch" and leaving != held:
            leaving = []
        assert finished == [name for name in leaving if self.lives[name].done]
        assert not self.finished.intersection(finished), "finished twice"
        self.finished.update(finished)
        self.wait_again(name for name in leaving if not self.lives[name].done)
        for name in finished:
            self.forget(name)
        self.size = 0  # an update belongs to one step

    @invariant()
    def nobody_is_lost(self) -> None:
        self.scheduler.check()
        assert set(self.scheduler.entries) == set(self.lives)
        assert [entry.request.id for entry in self.scheduler.waiting] == self.queue


TestScheduler = SchedulerMachine.TestCase
TestScheduler.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)
