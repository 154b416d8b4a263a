"""Measure a model of the store through the very engine that serves it: verified share, steps, attempts, time; by clues and depth.

Knows puzzles with answers and the engine; nothing of training or HTTP. Mazes have no clues; of them also the share with a shortest path is told.
"""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from app.energy import Energy
from app.engine.engine import Engine
from app.engine.request import Failed, Finished, Halt, Outcome, Request
from app.errors import StepFailed
from app.puzzles.sudoku import BLANK
from app.training.data import PuzzleSet

DEPTHS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
ATTEMPTS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
FIGURES = ("puzzles", "count", "verified", "wrong", "optimal", "mean steps", "median steps", "mean attempts", "ms / puzzle")


@dataclass(frozen=True, slots=True)
class Budget:
    """What each puzzle may take."""

    halt: Halt
    max_steps: int
    attempts: int


@dataclass(frozen=True, slots=True)
class Report:
    """The figures of one list. Shares are of all `puzzles`; `wrong` counts answers the rules accept but the list does not.

    `optimal`: share verified than which no answer is better, None for a family that has no better and worse.
    `by_depth`: share verified in the first attempt within so many steps. `by_attempts`: share verified within so many attempts.
    `ms_per_puzzle` is at full slots, on this machine, and so is `joules_per_puzzle`: of its whole devices, whatever else they did meanwhile; None
    where the machine does not tell. `median_ms_alone` and `p99_ms_alone` are of puzzles that were solved one at a time, None where they were not.
    """

    data: str
    puzzles: int
    verified: float
    optimal: float | None
    wrong: int
    mean_steps: float
    median_steps: float
    mean_attempts: float
    ms_per_puzzle: float
    joules_per_puzzle: float | None
    median_ms_alone: float | None
    p99_ms_alone: float | None
    by_depth: dict[int, float]
    by_attempts: dict[int, float]

    def to_json(self) -> dict[str, object]:
        """The report as JSON values, without joules and milliseconds that were not measured."""
        return {name: value for name, value in asdict(self).items() if value is not None or name == "optimal"}


def with_clues(puzzles: PuzzleSet, clues: int, rng: np.random.Generator) -> PuzzleSet:
    """Easier puzzles: cells of each answer revealed until `clues` are shown; those that show more already stay as they are."""
    questions = puzzles.questions.copy()
    for question, answer in zip(questions, puzzles.answers, strict=True):
        blanks = np.flatnonzero(question == BLANK)
        shown = rng.choice(blanks, size=min(len(blanks), max(0, clues - (len(question) - len(blanks)))), replace=False)
        question[shown] = answer[shown]
    return PuzzleSet(questions, puzzles.answers, puzzles.height, puzzles.width)


def answered(finished: Sequence[Finished]) -> dict[str, Outcome]:
    """The outcomes by id. Raises `StepFailed` for a puzzle that the model failed on: then there is nothing to measure."""
    for each in finished:
        if isinstance(each, Failed):
            raise StepFailed(f"puzzle {each.id}: {each.detail}: {each.cause}")
    return {each.id: each for each in finished if isinstance(each, Outcome)}


def evaluate(engine: Engine, puzzles: PuzzleSet, budget: Budget, data: str, energy: Energy, alone: bool = False) -> Report:
    """Solve every puzzle of a list and report; all at once, or each `alone`. Raises `StepFailed` for a puzzle that the model failed on."""
    before = after = energy.read()
    requests = [
        Request(id=str(index), cells=question.tobytes(), halt=budget.halt, max_steps=budget.max_steps, attempts=budget.attempts, deadline=float("inf"))
        for index, question in enumerate(puzzles.questions)
    ]
    outcomes, spans = dict[str, Outcome](), list[float]()
    for group in [[request] for request in requests] if alone else [requests]:
        started = time.perf_counter()
        for request in group:
            engine.add(request)
        while engine.busy:
            outcomes |= answered(engine.step().finished)
            after = energy.read()  # often enough that no counter starts again twice
        spans.append(time.perf_counter() - started)
    joules = sum(after.values()) - sum(before.values()) if before and before.keys() == after.keys() else None
    ordered = [outcomes[str(index)] for index in range(len(puzzles))]
    best = engine.rules.optimal(puzzles.questions, np.frombuffer(b"".join(outcome.cells for outcome in ordered), dtype=np.uint8).reshape(len(puzzles), -1))
    report = _report(ordered, puzzles, budget, data, sum(spans), joules, None if best is None else float(best.mean()))
    median, p99 = (round(float(value) * 1000, 2) for value in np.percentile(spans, (50, 99)))
    return replace(report, median_ms_alone=median, p99_ms_alone=p99) if alone else report


def _report(outcomes: Sequence[Outcome], puzzles: PuzzleSet, budget: Budget, data: str, seconds: float, joules: float | None, optimal: float | None) -> Report:
    count, steps = len(outcomes), np.array([outcome.steps for outcome in outcomes])
    verified = np.array([bool(outcome.verified) for outcome in outcomes])
    attempts = np.array([outcome.attempts for outcome in outcomes])
    matches = np.array([outcome.cells == answer.tobytes() for outcome, answer in zip(outcomes, puzzles.answers, strict=True)])
    first = verified & (attempts == 1)
    return Report(
        data=data,
        puzzles=count,
        verified=round(float(verified.mean()), 5),
        optimal=None if optimal is None else round(optimal, 5),
        wrong=int((verified & ~matches).sum()),
        mean_steps=round(float(steps.mean()), 2),
        median_steps=float(np.median(steps)),
        mean_attempts=round(float(attempts.mean()), 3),
        ms_per_puzzle=round(seconds * 1000 / count, 2),
        joules_per_puzzle=None if joules is None else round(joules / count, 4),
        median_ms_alone=None,
        p99_ms_alone=None,
        by_depth={depth: round(float((first & (steps <= depth)).mean()), 5) for depth in DEPTHS if depth <= budget.max_steps},
        by_attempts={most: round(float((verified & (attempts <= most)).mean()), 5) for most in ATTEMPTS if most <= budget.attempts},
    )


def table(reports: Sequence[Report]) -> str:
    """The reports as Markdown: the figures, then shares verified by depth of one attempt, then by attempts."""
    figures = markdown(FIGURES, [_figures(report) for report in reports])
    if any(report.joules_per_puzzle is not None for report in reports):
        figures += "\n\n" + markdown(["whole device", "joules / puzzle"], [[report.data, report.joules_per_puzzle] for report in reports])
    if any(report.median_ms_alone is not None for report in reports):
        figures += "\n\n" + markdown(["one at a time", "median ms", "99 % within ms"], [[r.data, r.median_ms_alone, r.p99_ms_alone] for r in reports])
    depths = markdown(["one attempt, steps", *reports[0].by_depth], [[r.data, *(f"{share:.1%}" for share in r.by_depth.values())] for r in reports])
    tries = markdown(["attempts", *reports[0].by_attempts], [[r.data, *(f"{share:.1%}" for share in r.by_attempts.values())] for r in reports])
    return "\n\n".join((figures, depths, tries))


def _figures(report: Report) -> list[object]:
    optimal = "" if report.optimal is None else f"{report.optimal:.2%}"
    steps = [report.mean_steps, report.median_steps, report.mean_attempts]
    return [report.data, report.puzzles, f"{report.verified:.2%}", report.wrong, optimal, *steps, report.ms_per_puzzle]


def markdown(head: Sequence[object], rows: Sequence[Sequence[object]]) -> str:
    """A table."""
    return "\n".join("| " + " | ".join(map(str, row)) + " |" for row in (head, ["---"] * len(head), *rows))
