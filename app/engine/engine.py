"""One model, many requests, one step at a time: schedule, run, update.

Joins the pure scheduler, a runner and the puzzle's rules. Knows nothing of processes, HTTP or files.
"""

import math
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from app.engine import isolation
from app.engine.isolation import Fault
from app.engine.request import Expired, Failed, Finished, Outcome, Request, StepTime, TraceStep
from app.engine.runner import Judged, Runner
from app.engine.scheduler import Entry, Guesses, Plan, Refill, Scheduler
from app.engine.votes import Votes
from app.puzzles.base import NamedRules, Rules, Tokens, Transform

Fetch = Callable[[list[int]], Tokens]
"""Gives the answers of some slots, (slots, cells)."""

COPIES = 512
"""Symmetries that attempts are made by. Each is made once, since making one takes long; one puzzle's attempts take one after the other."""


@dataclass(slots=True, eq=False)
class Track(Entry):
    """What the engine remembers of one request: when it came and ran, its current copy, guesses to come, its best answer so far."""

    added: float = 0.0
    started: float | None = None
    symmetry: Transform | None = None
    guesses: Iterator[bytes] | None = None
    flaws: tuple[float, int] = (math.inf, 0)
    best: bytes = b""
    halt_probability: float = 0.0
    votes: Votes | None = None
    """Where no rule can tell which answer is right."""
    trace: list[TraceStep] | None = None
    timeline: list[StepTime] | None = None
    """Where these are asked for."""


class Step(NamedTuple):
    """What one step did: how many slots it ran and for how long, how many requests wait still, who finished, whose first step it was, and what is shown.

    `shown` are the answers of watched requests, by id; `awaited` says whether one that finished is no bulk, for which somebody waits alone, or came to nothing.
    """

    size: int
    seconds: float
    waiting: int
    finished: list[Finished]
    started: Sequence[str] = ()
    shown: Sequence[tuple[str, TraceStep]] = ()
    awaited: bool = False


def chance(cells: bytes) -> Random:
    """The source of a puzzle's guesses, which the puzzle fixes, so that an answer does not depend on what else runs."""
    return Random(zlib.crc32(cells))


def copy_number(cells: bytes, attempt: int) -> int:
    """The seed of the symmetry that an attempt at a puzzle is made by; so is that fixed."""
    return (zlib.crc32(cells) + attempt) % COPIES


def sigmoid(logit: float) -> float:
    """The halting probability of a halting logit."""
    return 1 / (1 + math.exp(-logit)) if logit >= 0 else 1 - 1 / (1 + math.exp(logit))


class Engine:
    """Solves requests with one runner. Not thread-safe: one loop adds, aborts and steps."""

    def __init__(
        self,
        runner: Runner,
        rules: Rules,
        *,
        refill: Refill = "step",
        guesses: Guesses | None = None,
        batch: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.runner, self.rules, self.clock = runner, rules, clock
        self.scheduler, self.guesses = Scheduler[Track](runner.slots, refill, guesses, batch), guesses
        self.doubt = math.log(guesses.doubt / (1 - guesses.doubt)) if guesses and guesses.doubt < 1 else math.inf
        self.observed = set[str]()
        """Requests of which each step is noted."""
        self.questions: list[Tokens] = [np.zeros(runner.cells, dtype=np.uint8)] * runner.slots
        """The puzzle in each slot as it is judged: without the guesses that the runner sees."""
        self.copy = cache(lambda number: rules.symmetry(np.random.default_rng(number)))

    @property
    def busy(self) -> bool:
        """Whether a step has anything to do."""
        return bool(self.scheduler.entries)

    def add(self, request: Request) -> None:
        """Take a request; it runs from the next step at which a slot is free."""
        track = Track(request, added=self.clock(), votes=None if self.rules.verifiable else Votes())
        self.scheduler.add(track)
        if request.trace or request.watched or request.timed:
            self.observed.add(request.id)
            track.trace, track.timeline = [] if request.trace else None, [] if request.timed else None

    def abort(self, request_id: str) -> None:
        """Forget a request, running or not; unknown ids are ignored, since it may just have finished."""
        if self.scheduler.abort(request_id):
            self.observed.discard(request_id)

    def step(self) -> Step:
        """Schedule, run, update."""
        now = self.clock()
        plan = self.scheduler.schedule(now)
        finished: list[Finished] = [self._expire(track) for track in plan.expired]
        if plan.size == 0:
            return Step(0, 0.0, 0, finished, awaited=bool(finished))
        self._apply(plan, now)
        started = self.clock()
        answers, logits, faults = isolation.step(self.runner, plan.size)
        now = self.clock()
        finished += [self._fail(track, fault) for slot, fault in faults.items() if (track := self.scheduler.stepped[slot]) and not track.ended]
        violations, fetch = self._judged(answers)
        halts, doubts = logits
        shown = self._trace(fetch, halts, now, now - started) if self.observed else []
        broken = violations.tolist()
        excess = self._excess(broken, fetch) if self.rules.graded else None
        verified, halted, doubted = [not each for each in broken], [halt > 0 for halt in halts], [doubt > self.doubt for doubt in doubts]
        best = [right and not more for right, more in zip(verified, excess, strict=True)] if excess else None
        update = self.scheduler.update(verified, halted, now, best, doubted)
        kept = [*update.ended, *update.improvable]
        for (slot, track), answer in zip(kept, fetch([slot for slot, _ in kept]) if kept else (), strict=True):
            self._keep(track, answer, (broken[slot], excess[slot] if excess else 0), halts[slot])
            if track.votes and track.votes.settled(track.request.attempts - track.attempt) and self.scheduler.settle(track):
                update.finished.append(track)  # what is left could not change the answer any more
        awaited = bool(finished) or not all(track.request.bulk for track in update.finished)
        finished += [self._finish(track, now) for track in update.finished]
        first = [track.request.id for _, track in plan.loads if track.attempt == 1]
        return Step(plan.size, now - started, len(self.scheduler.waiting), finished, first, shown, awaited)

    def _judged(self, answers: Tokens | Judged) -> tuple[NDArray[np.signedinteger], Fetch]:
        """How many rules each answer breaks, (batch,), by the runner's word if it judges, and what gives the answers of some slots."""
        if isinstance(answers, Judged):
            return answers.violations, answers.fetch
        return self.rules.violations(np.array(self.questions[: len(answers)]), answers), answers.__getitem__

    def _excess(self, broken: Sequence[int], fetch: Fetch) -> list[int]:
        """How much worse each answer is than the best one; 0 where it breaks rules."""
        excess = [0] * len(broken)
        if right := [slot for slot, each in enumerate(broken) if not each]:
            found = self.rules.excess(np.array([self.questions[slot] for slot in right]), fetch(right)).tolist()
            for slot, more in zip(right, found, strict=True):
                excess[slot] = more
        return excess

    def _apply(self, plan: Plan[Track], now: float) -> None:
        """Carry out a plan: load new puzzles, then bring those forward that run."""
        for slot, track in plan.loads:
            request = track.request
            track.started = now if track.started is None else track.started
            question = np.frombuffer(request.cells, dtype=np.uint8)
            track.symmetry = self._symmetry(track)
            judged = shown = track.symmetry.apply(question) if track.symmetry else question
            if self.scheduler.supposes(track):
                supposed = np.frombuffer(self._supposed(track), dtype=np.uint8)
                shown = track.symmetry.apply(supposed) if track.symmetry else supposed
            self.questions[slot] = judged
            self.runner.load(slot, shown, request.copies[track.attempt - 1].puzzle_id if request.copies else 0, judged)
        for one, other in plan.swaps:
            self.runner.swap(one, other)
            self.questions[one], self.questions[other] = self.questions[other], self.questions[one]

    def _symmetry(self, track: Track) -> Transform | None:
        """What the attempt's copy is made by: the model's name for it, where there are such, else chance; the first attempt takes the puzzle as it is."""
        if track.request.copies:
            return cast("NamedRules", self.rules).copy(track.request.copies[track.attempt - 1].name)  # other families' requests have none
        return None if track.attempt == 1 else self.copy(copy_number(track.request.cells, track.attempt))

    def _supposed(self, track: Track) -> bytes:
        """The question with the next guesses written in. A wrong guess costs an attempt, never a wrong answer: the puzzle itself is what is judged."""
        assert self.guesses is not None
        cells = track.request.cells
        if track.guesses is None:
            track.guesses = self.rules.guesses(cells, self.guesses.cells, self.guesses.among, chance(cells))
        return next(track.guesses, cells)

    def _keep(self, track: Track, answer: Tokens, flaws: tuple[int, int], logit: float) -> None:
        """Keep an answer if it breaks fewer rules than those before it, or as few and has less excess; count it as a vote where no rule can tell."""
        if track.votes is not None:
            track.votes.add(self._restored(track, answer), sigmoid(logit), void=flaws[0] > 1)
            track.best, track.halt_probability = track.votes.ranked()[0]
        elif flaws < track.flaws:
            track.flaws, track.halt_probability = flaws, sigmoid(logit)
            track.best = self._restored(track, answer)

    def _finish(self, track: Track, now: float) -> Outcome:
        assert track.started is not None
        self.observed.discard(track.request.id)
        return Outcome(
            id=track.request.id,
            cells=track.best,
            verified=track.flaws[0] == 0 if self.rules.verifiable else None,
            steps=track.total_steps,
            attempts=track.attempt,
            halt_reason=track.ended or "deadline",
            halt_probability=track.halt_probability,
            queue_seconds=track.started - track.added,
            solve_seconds=now - track.started,
            trace=tuple(track.trace or ()),
            timeline=tuple(track.timeline or ()),
        )

    def _fail(self, track: Track, fault: Fault) -> Failed:
        """The step failed on this request: no further attempt is made of it, and its slot is free at the next step."""
        self.abort(track.request.id)
        return Failed(track.request.id, fault.kind, f"step {track.step + 1} of attempt {track.attempt} {fault.detail}", fault.cause)

    def _expire(self, track: Track) -> Finished:
        """The deadline passed in the queue: with an answer of an earlier attempt that is an outcome, without one it is not."""
        if track.attempt:
            track.ended = "deadline"
            return self._finish(track, self.clock())
        self.observed.discard(track.request.id)
        return Expired(track.request.id)

    def _trace(self, fetch: Fetch, halts: Sequence[float], ended: float, seconds: float) -> list[tuple[str, TraceStep]]:
        """Note the answers of requests that are traced and the times of those that are timed; the answers of requests that are watched, by id."""
        seen, shown = list[tuple[int, Track]](), list[tuple[str, TraceStep]]()
        for slot, track in enumerate(self.scheduler.stepped):
            if track is None or track.ended:
                continue
            if track.request.trace or track.request.watched:
                seen.append((slot, track))
            if track.timeline is not None:
                track.timeline.append(StepTime(track.attempt, track.step + 1, ended, seconds, len(halts), sigmoid(halts[slot])))
        for (slot, track), answer in zip(seen, fetch([slot for slot, _ in seen]) if seen else (), strict=True):
            answered = TraceStep(track.attempt, track.step + 1, self._restored(track, answer), sigmoid(halts[slot]))
            if track.trace is not None:
                track.trace.append(answered)
            if track.request.watched:
                shown.append((track.request.id, answered))
        return shown

    @staticmethod
    def _restored(track: Track, answer: Tokens) -> bytes:
        """The answer in the orientation of the request."""
        return (track.symmetry.invert(answer) if track.symmetry else answer).tobytes()
