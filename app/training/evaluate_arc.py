"""Measure an ARC model on the test grids of tasks that it was trained on: answers equal to the tasks' own, by one attempt, by vote, and by two guesses.

Every copy runs through the engine that serves it, as a request of its own, so that one run tells all three. Knows no files.
"""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from app.engine.engine import Engine
from app.engine.request import Copy, Outcome, Request
from app.engine.votes import Votes
from app.errors import InvalidRequest
from app.model.identifiers import Identifiers
from app.puzzles.arc import cropped, on_canvas
from app.puzzles.base import Tokens
from app.training.arc import Task
from app.training.evaluate import Budget, answered, markdown

FIGURES = ("tasks", "test grids", "1 attempt", "by vote", "best two", "attempts", "steps / attempt", "ms / attempt")


@dataclass(frozen=True, slots=True)
class ArcReport:
    """Shares of the `tests` grids solved: by the `first` attempt alone, by the vote of `attempts` at most, and by one of the two answers with most votes.

    `missed` names the tasks that the vote does not solve.
    """

    data: str
    tasks: int
    tests: int
    first: float
    voted: float
    best_two: float
    attempts: int
    mean_steps: float
    ms_per_attempt: float
    missed: tuple[str, ...]

    def to_json(self) -> dict[str, object]:
        """The report as JSON values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A test grid: its task, its answer on the canvas, and what its copies are."""

    task: str
    question: Tokens
    answer: bytes
    copies: list[tuple[int, str]]


def evaluate(engine: Engine, known: Identifiers, tasks: Sequence[Task], side: int, budget: Budget, data: str) -> ArcReport:
    """Ask for every test grid of the tasks. Raises `InvalidRequest` for a task that cannot be asked for, `StepFailed` where the model fails."""
    asked = [each for task in tasks for each in _asked(task, known, side, budget.attempts)]
    started, outcomes = time.perf_counter(), dict[str, Outcome]()
    for number, each in enumerate(asked):
        for row, name in each.copies:
            engine.add(_request(f"{number} {row}", each, Copy(row, name), budget))
    while engine.busy:
        outcomes |= answered(engine.step().finished)
    seconds = time.perf_counter() - started
    ranks = [_rank(each, [outcomes[f"{number} {row}"] for row, _ in each.copies]) for number, each in enumerate(asked)]
    first = [outcomes[f"{number} {each.copies[0][0]}"].cells == each.answer for number, each in enumerate(asked)]
    return ArcReport(
        data=data,
        tasks=len(tasks),
        tests=len(asked),
        first=round(sum(first) / len(asked), 5),
        voted=round(sum(rank == 0 for rank in ranks) / len(asked), 5),
        best_two=round(sum(rank < 2 for rank in ranks) / len(asked), 5),
        attempts=budget.attempts,
        mean_steps=round(sum(outcome.steps for outcome in outcomes.values()) / len(outcomes), 2),
        ms_per_attempt=round(seconds * 1000 / len(outcomes), 2),
        missed=tuple(dict.fromkeys(each.task for each, rank in zip(asked, ranks, strict=True) if rank)),
    )


def _asked(task: Task, known: Identifiers, side: int, attempts: int) -> list[_Asked]:
    if task.name not in known:
        raise InvalidRequest(f"the model was not trained on the task {task.name}, and answers only those that it was trained on")
    if task.side > side:
        raise InvalidRequest(f"task {task.name} has grids of up to {task.side} cells a side, the model's canvas has {side}")
    asked, copies = [], known.copies(task.name, attempts)
    for number, pair in enumerate(task.test, start=1):
        if pair.answer is None:
            raise InvalidRequest(f"task {task.name}: test pair {number} has no output to compare with")
        asked.append(_Asked(task.name, on_canvas(pair.question, side), on_canvas(pair.answer, side).tobytes(), copies))
    return asked


def _request(identity: str, asked: _Asked, copy: Copy, budget: Budget) -> Request:
    cells = asked.question.tobytes()
    return Request(id=identity, cells=cells, halt=budget.halt, max_steps=budget.max_steps, attempts=1, deadline=float("inf"), copies=(copy,))


def _rank(asked: _Asked, outcomes: Sequence[Outcome]) -> int:
    """The place of the right answer among those voted for, from 0; how many there are if it is not among them."""
    votes = Votes()
    for outcome in outcomes:
        votes.add(outcome.cells, outcome.halt_probability, void=not cropped(np.frombuffer(outcome.cells, dtype=np.uint8)).size)
    answers = [answer for answer, _ in votes.ranked()]
    return answers.index(asked.answer) if asked.answer in answers else max(2, len(answers))


def table(reports: Sequence[ArcReport]) -> str:
    """The reports as Markdown."""
    return markdown(("data", *FIGURES), [_figures(report) for report in reports])


def _figures(report: ArcReport) -> list[object]:
    shares = [f"{share:.1%}" for share in (report.first, report.voted, report.best_two)]
    return [report.data, report.tasks, report.tests, *shares, report.attempts, report.mean_steps, report.ms_per_attempt]
