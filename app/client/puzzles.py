"""What a client asks: puzzles and options. Knows the form of a request; no rules, no answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypedDict

from app.api.schemas import family_of

Grid = str | Sequence[str] | Sequence[Sequence[int]]
"""A Sudoku as a string (`.` or `0` for empty) or rows of integers; a maze as a list of strings; an ARC grid as rows of colours."""


class JobOptions(TypedDict, total=False):
    """How to solve; what is left out is the model's default, or the service's."""

    max_steps: int
    halt: Literal["verified", "learned", "never"]
    attempts: int
    timeout_ms: int
    cache: Literal["use", "refresh", "bypass"]


class Options(JobOptions, total=False):
    """The same of puzzles whose answers are waited for."""

    trace: bool


OnError = Literal["stop", "continue"]
"""Whether a puzzle that cannot be read refuses a whole job, or has the reason as its result."""


@dataclass(frozen=True, slots=True)
class Puzzle:
    """A grid and its family; of ARC also the task that it belongs to."""

    type: str
    grid: Grid
    puzzle_id: str | None = None

    @classmethod
    def of(cls, grid: "Grid | Puzzle") -> "Puzzle":
        """A grid alone is a maze if it is a list of strings, else a Sudoku; an ARC grid cannot be told from one, nor be solved without its id."""
        return grid if isinstance(grid, Puzzle) else cls(family_of(grid, None), grid)

    def document(self) -> dict[str, object]:
        """The puzzle as JSON."""
        named = {} if self.puzzle_id is None else {"puzzle_id": self.puzzle_id}
        return {"type": self.type, "grid": self.grid, **named}
