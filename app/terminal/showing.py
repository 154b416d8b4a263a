"""Steps and answers on stdout, in one of three forms: a board to look at, a line for scripts, JSON. Knows neither where answers come from nor rules.

A line is the solution as the contract writes it: a string as it is, rows as JSON; it is empty for a puzzle that was not solved.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from app.api.schemas import PuzzleIn, SolveOut, StepOut
from app.terminal.drawing import draw

Form = Literal["board", "line", "json"]


class Show(Protocol):
    """One form of output."""

    def step(self, puzzle: PuzzleIn, step: StepOut) -> None:
        """Show what the model thought after one step."""

    def answer(self, puzzle: PuzzleIn, answer: SolveOut) -> None:
        """Show what came of a puzzle."""


@contextmanager
def show(form: Form | None, console: Console) -> Iterator[Show]:
    """The form that was asked for; if none was, boards on a terminal and lines elsewhere."""
    board = Board(console)
    forms: dict[Form, Show] = {"board": board, "line": Line(), "json": Json()}
    try:
        yield forms[form or ("board" if console.is_terminal else "line")]
    finally:
        board.live.stop()


class Json:
    """Every step and answer as the API writes it, one a line."""

    def step(self, puzzle: PuzzleIn, step: StepOut) -> None:  # noqa: ARG002  # the step says it all
        """See `Show`."""
        print(step.model_dump_json(), flush=True)

    def answer(self, puzzle: PuzzleIn, answer: SolveOut) -> None:  # noqa: ARG002
        """See `Show`."""
        print(answer.model_dump_json(exclude_unset=True), flush=True)


class Line:
    """Solutions on stdout, one a line; everything else on stderr."""

    def __init__(self) -> None:
        self.count = 0

    def step(self, puzzle: PuzzleIn, step: StepOut) -> None:  # noqa: ARG002
        """See `Show`."""
        print(f"{_progress(step)}  {_written(step.grid)}", file=sys.stderr, flush=True)

    def answer(self, puzzle: PuzzleIn, answer: SolveOut) -> None:  # noqa: ARG002
        """See `Show`."""
        self.count += 1
        print(_written(answer.solution) if answer.status == "solved" else "", flush=True)
        if answer.status != "solved":
            print(f"trm: puzzle {self.count}: {verdict(answer)}", file=sys.stderr)


class Board:
    """Drawings with a line below them. On a terminal the steps of a puzzle are drawn one over the other."""

    def __init__(self, console: Console) -> None:
        self.console, self.live = console, Live(console=console, auto_refresh=False, transient=True)

    def step(self, puzzle: PuzzleIn, step: StepOut) -> None:
        """See `Show`."""
        drawn = Group(draw(puzzle, step.grid, {(row, column) for row, column in step.changed}), Text(_progress(step), "dim"))
        if not self.console.is_terminal:
            self._print(drawn)
            return
        self.live.start()
        self.live.update(drawn, refresh=True)

    def answer(self, puzzle: PuzzleIn, answer: SolveOut) -> None:
        """See `Show`."""
        self.live.stop()
        self._print(Group(draw(puzzle, answer.solution), Text(verdict(answer), "" if answer.status == "solved" else "bold red")))

    def _print(self, drawn: RenderableType) -> None:
        self.console.print(drawn, soft_wrap=True)


def _written(grid: object) -> str:
    return grid if isinstance(grid, str) else json.dumps(grid, separators=(",", ":"))


def _progress(step: StepOut) -> str:
    return f"attempt {step.attempt}, step {step.step}: halting probability {step.halt_probability:.3f}"


def verdict(answer: SolveOut) -> str:
    """What the rules say of an answer and what it took, as one line."""
    found = {None: "by vote, since no rule can check it", True: "verified", False: "NOT solved: the best grid so far"}[answer.verified]
    if answer.verified and answer.optimal is not None:
        found += ", and no path is shorter" if answer.optimal else ", though a path may be shorter"
    if answer.status != "solved" and answer.verified is None:
        found = "NOT solved: the vote was cut short"
    steps, attempts = (f"{count} {name}{'s' * (count != 1)}" for count, name in ((answer.steps, "step"), (answer.attempts, "attempt")))
    cached = ", from the cache" if answer.cache == "hit" else ""
    return f"{found}; {steps}, {attempts}, {answer.timing.total_ms:.1f} ms ({answer.model}{cached})"
