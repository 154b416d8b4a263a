"""One model, many requests, one step at a time: schedule, run, update.

Joins the pure scheduler, a runner and the puzzle's rules. Knows nothing of processes, HTTP or files.
"""

import math
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
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
class Track:
    """What the engine remembers of one request: when it came and ran, its current copy, guesses to come, its best answer so far."""

    request: Request
    added: float
    started: float | None = None
    symmetry: Transform | None = None
    guesses: Iterator[Tokens] | None = None
    flaws: tuple[float, int] = (math.inf, 0)
    best: bytes = b""
    halt_probability: float = 0.0
    trace: list[TraceStep] = field(default_factory=list)
    timeline: list[StepTime] = field(default_factory=list)
    votes: Votes = field(default_factory=Votes)


class Step(NamedTuple):
    """What one step did: how many slots it ran and for how long, how many requests wait still, who finished, whose first step it was, and what is shown.

    `shown` are the answers of watched requests, by id.
    """

    size: int
    seconds: float
    waiting: int
    finished: list[Finished]
    started: Sequence[str] = ()
    shown: Sequence[tuple[str, TraceStep]] = ()


def chance(cells: bytes) -> np.random.Generator:
    """The source of a puzzle's guesses, which the puzzle fixes, so that an answer does not depend on what else runs."""
    return np.random.default_rng(zlib.crc32(cells))


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
        self.scheduler, self.guesses = Scheduler(runner.slots, refill, guesses, batch), guesses
        self.doubt = math.log(guesses.doubt / (1 - guesses.doubt)) if guesses and guesses.doubt < 1 else math.inf
        self.tracks: dict[str, Track] = {}
        self.observed = set[str]()
        """Requests of which each step is noted."""
        self.copy = cache(lambda number: rules.symmetry(np.random.default_rng(number)))
        self.questions: Tokens = np.zeros((runner.slots, runner.cells), dtype=np.uint8)
        """The puzzles as they are judged: without the guesses that the runner sees."""
        self.rows = np.arange(runner.slots)
        """Which of them is that of each slot: slots change places by these numbers alone."""

    @property
    def busy(self) -> bool:
        """Whether a step has anything to do."""
        return bool(self.tracks)

    def add(self, request: Request) -> None:
        """Take a request; it runs from the next step at which a slot is free."""
        self.scheduler.add(request)
        self.tracks[request.id] = Track(request, self.clock())
        if request.trace or request.watched or request.timed:
            self.observed.add(request.id)

    def abort(self, request_id: str) -> None:
        """Forget a request, running or not; unknown ids are ignored, since it may just have finished."""
        if self.scheduler.abort(request_id):
            self._forget(request_id)

    def _forget(self, request_id: str) -> Track:
        self.observed.discard(request_id)
        return self.tracks.pop(request_id)

    def step(self) -> Step:
        """Schedule, run, update."""
        plan = self.scheduler.schedule(self.clock())
        finished: list[Finished] = [self._expire(entry) for entry in plan.expired]
        if plan.size == 0:
            return Step(0, 0.0, 0, finished)
        self._apply(plan)
        started = self.clock()
        answers, logits, faults = isolation.step(self.runner, plan.size)
        now = self.clock()
        finished += [self._fail(entry, fault) for slot, fault in faults.items() if (entry := self.scheduler.stepped[slot]) and not entry.ended]
        violations, fetch = self._judged(answers)
        shown = self._trace(fetch, logits, now, now - started) if self.observed else []
        flaws, heads = self._flaws(violations, fetch), logits.tolist()  # whose numbers are read quicker one by one than an array's
        verified, halted, doubted = [not broken for broken, _ in flaws], [halt > 0 for halt, _ in heads], [doubt > self.doubt for _, doubt in heads]
        update = self.scheduler.update(verified, halted, now, [each == (0, 0) for each in flaws] if self.rules.graded else None, doubted)
        kept = [*update.ended, *update.improvable]
        for (slot, entry), answer in zip(kept, fetch([slot for slot, _ in kept]) if kept else (), strict=True):
            self._keep(entry, answer, flaws[slot], heads[slot][0])
            if self._settled(entry) and self.scheduler.settle(entry):
                update.finished.append(entry)
        finished += [self._finish(entry, now) for entry in update.finished]
        first = [entry.request.id for _, entry in plan.loads if entry.attempt == 1]
        return Step(plan.size, now - started, len(self.scheduler.waiting), finished, first, shown)

    def _judged(self, answers: Tokens | Judged) -> tuple[NDArray[np.intp], Fetch]:
        """How many rules each answer breaks, (batch,), by the runner's word if it judges, and what gives the answers of some slots."""
        if isinstance(answers, Judged):
            return answers.violations, answers.fetch
        return self.rules.violations(self.questions.take(self.rows[: len(answers)], axis=0), answers), answers.__getitem__

    def _flaws(self, violations: NDArray[np.intp], fetch: Fetch) -> list[tuple[int, int]]:
        """Of each answer: how many rules it breaks, and how much worse it is than the best one; 0 where it breaks some."""
        broken = violations.tolist()
        if not self.rules.graded:
            return [(each, 0) for each in broken]
        excess = np.zeros(len(broken), dtype=np.intp)
        if right := [slot for slot, each in enumerate(broken) if not each]:
            excess[right] = self.rules.excess(self.questions[self.rows[right]], fetch(right))
        return list(zip(broken, excess.tolist(), strict=True))

    def _apply(self, plan: Plan) -> None:
        """Carry out a plan: load new puzzles, then bring those forward that run."""
        for slot, entry in plan.loads:
            track = self.tracks[entry.request.id]
            track.started = self.clock() if track.started is None else track.started
            question = np.frombuffer(entry.request.cells, dtype=np.uint8)
            supposed = self._supposed(track, question) if self.scheduler.supposes(entry) else question
            track.symmetry = self._symmetry(entry)
            judged = shown = track.symmetry.apply(question) if track.symmetry else question
            if supposed is not question:
                shown = track.symmetry.apply(supposed) if track.symmetry else supposed
            self.questions[self.rows[slot]] = judged
            self.runner.load(slot, shown, entry.request.copies[entry.attempt - 1].puzzle_id if entry.request.copies else 0, judged)
        for one, other in plan.swaps:
            self.runner.swap(one, other)
            self.rows[one], self.rows[other] = self.rows[other], self.rows[one]

    def _symmetry(self, entry: Entry) -> Transform | None:
        """What the attempt's copy is made by: the model's name for it, where there are such, else chance; the first attempt takes the puzzle as it is."""
        if entry.request.copies:
            return cast("NamedRules", self.rules).copy(entry.request.copies[entry.attempt - 1].name)  # other families' requests have none
        return None if entry.attempt == 1 else self.copy(copy_number(entry.request.cells, entry.attempt))

    def _supposed(self, track: Track, question: Tokens) -> Tokens:
        """The question with the next guesses written in. A wrong guess costs an attempt, never a wrong answer: the puzzle itself is what is judged."""
        assert self.guesses is not None
        if track.guesses is None:
            track.guesses = self.rules.guesses(question, self.guesses.cells, self.guesses.among, chance(track.request.cells))
        return next(track.guesses, question)

    def _keep(self, entry: Entry, answer: Tokens, flaws: tuple[int, int], logit: float) -> None:
        """Keep an answer if it breaks fewer rules than those before it, or as few and has less excess; count it as a vote where no rule can tell."""
        track = self.tracks[entry.request.id]
        if not self.rules.verifiable:
            track.votes.add(self._restored(track, answer), sigmoid(logit), void=flaws[0] > 1)
            track.best, track.halt_probability = track.votes.ranked()[0]
        elif flaws < track.flaws:
            track.flaws, track.halt_probability = flaws, sigmoid(logit)
            track.best = self._restored(track, answer)

    def _settled(self, entry: Entry) -> bool:
        """Whether the votes of the attempts that are left could not change the answer any more."""
        left = entry.request.attempts - entry.attempt
        return not self.rules.verifiable and self.tracks[entry.request.id].votes.settled(left)

    def _finish(self, entry: Entry, now: float) -> Outcome:
        track = self._forget(entry.request.id)
        assert track.started is not None
        return Outcome(
            id=entry.request.id,
            cells=track.best,
            verified=track.flaws[0] == 0 if self.rules.verifiable else None,
            steps=entry.total_steps,
            attempts=entry.attempt,
            halt_reason=entry.ended or "deadline",
            halt_probability=track.halt_probability,
            queue_seconds=track.started - track.added,
            solve_seconds=now - track.started,
            trace=tuple(track.trace),
            timeline=tuple(track.timeline),
        )

    def _fail(self, entry: Entry, fault: Fault) -> Failed:
        """The step failed on this request: no further attempt is made of it, and its slot is free at the next step."""
        self.abort(entry.request.id)
        return Failed(entry.request.id, fault.kind, f"step {entry.step + 1} of attempt {entry.attempt} {fault.detail}", fault.cause)

    def _expire(self, entry: Entry) -> Finished:
        """The deadline passed in the queue: with an answer of an earlier attempt that is an outcome, without one it is not."""
        if entry.attempt:
            entry.ended = "deadline"
            return self._finish(entry, self.clock())
        self._forget(entry.request.id)
        return Expired(entry.request.id)

    def _trace(self, fetch: Fetch, logits: NDArray[np.float32], ended: float, seconds: float) -> list[tuple[str, TraceStep]]:
        """Note the answers of requests that are traced and the times of those that are timed; the answers of requests that are watched, by id."""
        seen, shown = list[tuple[int, Entry]](), list[tuple[str, TraceStep]]()
        for slot, entry in enumerate(self.scheduler.stepped):
            if entry is None or entry.ended:
                continue
            request = entry.request
            if request.trace or request.watched:
                seen.append((slot, entry))
            if request.timed:
                step = StepTime(entry.attempt, entry.step + 1, ended, seconds, len(logits), sigmoid(float(logits[slot, 0])))
                self.tracks[request.id].timeline.append(step)
        for (slot, entry), answer in zip(seen, fetch([slot for slot, _ in seen]) if seen else (), strict=True):
            request, track = entry.request, self.tracks[entry.request.id]
            answered = TraceStep(entry.attempt, entry.step + 1, self._restored(track, answer), sigmoid(float(logits[slot, 0])))
            if request.trace:
                track.trace.append(answered)
            if request.watched:
                shown.append((request.id, answered))
        return shown

    @staticmethod
    def _restored(track: Track, answer: Tokens) -> bytes:
        """The answer in the orientation of the request."""
        return (track.symmetry.invert(answer) if track.symmetry else answer).tobytes()
