"""One model, many requests, one step at a time: schedule, run, update.

Joins the pure scheduler, a runner and the puzzle's rules. Knows nothing of processes, HTTP or files.
"""

import math
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

import numpy as np
from numpy.typing import NDArray

from app.engine.request import Expired, Finished, Outcome, Request, TraceStep
from app.engine.runner import Runner
from app.engine.scheduler import Entry, Guesses, Plan, Refill, Scheduler
from app.engine.votes import Votes
from app.puzzles.base import NamedRules, Rules, Tokens, Transform


@dataclass(slots=True, eq=False)
class Track:
    """What the engine remembers of one request: when it came and ran, its current copy and source of chance, its best answer so far."""

    request: Request
    added: float
    started: float | None = None
    symmetry: Transform | None = None
    rng: np.random.Generator = field(init=False)
    violations: float = math.inf
    best: bytes = b""
    halt_probability: float = 0.0
    trace: list[TraceStep] = field(default_factory=list)
    votes: Votes = field(default_factory=Votes)


@dataclass(frozen=True, slots=True)
class Step:
    """What one step did: how many slots it ran, how long it took, how many requests still wait, and who finished."""

    size: int
    seconds: float
    waiting: int
    finished: list[Finished]


def sigmoid(logit: float) -> float:
    """The halting probability of a halting logit."""
    return 1 / (1 + math.exp(-logit)) if logit >= 0 else 1 - 1 / (1 + math.exp(logit))


class Engine:
    """Solves requests with one runner. Not thread-safe: one loop adds, aborts and steps."""

    def __init__(
        self, runner: Runner, rules: Rules, *, refill: Refill = "step", guesses: Guesses | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.runner, self.rules, self.clock = runner, rules, clock
        self.scheduler = Scheduler(runner.slots, refill, guesses)
        self.tracks: dict[str, Track] = {}
        self.inputs: Tokens = np.zeros((runner.slots, runner.cells), dtype=np.uint8)
        self.guessed = self.inputs.copy()
        """What the runner sees: `inputs` with the guesses written in."""

    @property
    def busy(self) -> bool:
        """Whether a step has anything to do."""
        return bool(self.tracks)

    def add(self, request: Request) -> None:
        """Take a request; it runs from the next step at which a slot is free."""
        self.scheduler.add(request)
        self.tracks[request.id] = Track(request, self.clock())

    def abort(self, request_id: str) -> None:
        """Forget a request, running or not; unknown ids are ignored, since it may just have finished."""
        if self.scheduler.abort(request_id):
            del self.tracks[request_id]

    def step(self) -> Step:
        """Schedule, run, update."""
        plan = self.scheduler.schedule(self.clock())
        finished: list[Finished] = [self._expire(entry) for entry in plan.expired]
        if plan.size == 0:
            return Step(0, 0.0, 0, finished)
        self._apply(plan)
        started = self.clock()
        answers, logits = self.runner.step(plan.size)
        now = self.clock()
        violations = self.rules.violations(self.inputs[: plan.size], answers)
        self._trace(answers, logits)
        update = self.scheduler.update((violations == 0).tolist(), (logits > 0).tolist(), now)
        self._guess(update.guess, answers)
        for slot, entry in update.ended:
            self._keep(entry, answers[slot], int(violations[slot]), float(logits[slot]))
            if self._settled(entry) and self.scheduler.settle(entry):
                update.finished.append(entry)
        finished += [self._finish(entry, now) for entry in update.finished]
        return Step(plan.size, now - started, len(self.scheduler.waiting), finished)

    def _apply(self, plan: Plan) -> None:
        """Carry out a plan: move state into gaps, then load new puzzles."""
        for source, target in plan.moves:
            self.runner.move(source, target)
            self.inputs[target], self.guessed[target] = self.inputs[source], self.guessed[source]
        for slot, entry in plan.loads:
            track = self.tracks[entry.request.id]
            track.started = self.clock() if track.started is None else track.started
            tokens = np.frombuffer(entry.request.cells, dtype=np.uint8)
            track.rng = np.random.default_rng([zlib.crc32(entry.request.cells), entry.attempt])
            track.symmetry = self._symmetry(track, entry)
            self.inputs[slot] = self.guessed[slot] = track.symmetry.apply(tokens) if track.symmetry else tokens
            self.runner.load(slot, self.inputs[slot], entry.request.copies[entry.attempt - 1].puzzle_id if entry.request.copies else 0)

    def _symmetry(self, track: Track, entry: Entry) -> Transform | None:
        """What the attempt's copy is made by: the model's name for it, where there are such, else chance; the first attempt takes the puzzle as it is."""
        if entry.request.copies:
            return cast("NamedRules", self.rules).copy(entry.request.copies[entry.attempt - 1].name)  # other families' requests have none
        return None if entry.attempt == 1 else self.rules.symmetry(track.rng)

    def _guess(self, slots: list[tuple[int, Entry]], answers: Tokens) -> None:
        """Let each slot suppose that the model is right about one open cell, picked at random, and go on from there.

        The answer is checked against the puzzle without the guesses, so a wrong one costs an attempt and never a wrong answer.
        """
        if not slots:
            return
        index = [slot for slot, _ in slots]
        fitting = self.rules.guessable(self.guessed[index], answers[index])
        for (slot, entry), cells in zip(slots, fitting, strict=True):
            if cells.any():
                cell = int(self.tracks[entry.request.id].rng.choice(np.flatnonzero(cells)))
                self.guessed[slot, cell] = answers[slot, cell]
                self.runner.write(slot, cell, int(answers[slot, cell]))

    def _keep(self, entry: Entry, answer: Tokens, violations: int, logit: float) -> None:
        """An attempt ended: keep its answer if it breaks fewer rules than those before it, or count it as a vote where no rule can tell."""
        track = self.tracks[entry.request.id]
        if not self.rules.verifiable:
            track.votes.add(self._restored(track, answer), sigmoid(logit))
            track.best, track.halt_probability = track.votes.ranked()[0]
        elif violations < track.violations:
            track.violations, track.halt_probability = violations, sigmoid(logit)
            track.best = self._restored(track, answer)

    def _settled(self, entry: Entry) -> bool:
        """Whether the votes of the attempts that are left could not change the answer any more."""
        left = entry.request.attempts - entry.attempt
        return not self.rules.verifiable and self.tracks[entry.request.id].votes.settled(left)

    def _finish(self, entry: Entry, now: float) -> Outcome:
        track = self.tracks.pop(entry.request.id)
        assert track.started is not None
        return Outcome(
            id=entry.request.id,
            cells=track.best,
            verified=track.violations == 0 if self.rules.verifiable else None,
            steps=entry.total_steps,
            attempts=entry.attempt,
            halt_reason=entry.ended or "deadline",
            halt_probability=track.halt_probability,
            queue_seconds=track.started - track.added,
            solve_seconds=now - track.started,
            trace=tuple(track.trace),
        )

    def _expire(self, entry: Entry) -> Finished:
        """The deadline passed in the queue: with an answer of an earlier attempt that is an outcome, without one it is not."""
        if entry.attempt:
            entry.ended = "deadline"
            return self._finish(entry, self.clock())
        del self.tracks[entry.request.id]
        return Expired(entry.request.id)

    def _trace(self, answers: Tokens, logits: NDArray[np.float32]) -> None:
        for slot, entry in enumerate(self.scheduler.running):
            if entry is not None and entry.request.trace and not entry.ended:
                track = self.tracks[entry.request.id]
                cells = self._restored(track, answers[slot])
                track.trace.append(TraceStep(entry.attempt, entry.step + 1, cells, sigmoid(float(logits[slot]))))

    @staticmethod
    def _restored(track: Track, answer: Tokens) -> bytes:
        """The answer in the orientation of the request."""
        return (track.symmetry.invert(answer) if track.symmetry else answer).tobytes()
