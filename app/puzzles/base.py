"""What every puzzle family offers. Knows grids and rules; knows no model, engine or HTTP.

A family turns a client's grid into a `Puzzle` and back. Its `Rules`, one per grid size, judge and transform whole batches of
token arrays, so that the engine can check every answer inside the step.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Tokens = NDArray[np.uint8]
"""Token ids, (cells,) for one grid or (batch, cells) for many, row-major."""


TOKENS: Tokens = np.arange(256, dtype=np.uint8)


class Puzzle(NamedTuple):
    """One puzzle in canonical form: equal puzzles are equal values, however their grids were written."""

    family: str
    height: int
    width: int
    cells: bytes

    @property
    def tokens(self) -> Tokens:
        """The model's input, (height * width,), read-only."""
        return np.frombuffer(self.cells, dtype=np.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class Symmetry:
    """A map of puzzles onto equally hard puzzles: cell i of the copy is cell `positions[i]`, its token renamed by `renaming`."""

    positions: NDArray[np.intp]
    renaming: Tokens

    def apply(self, tokens: Tokens) -> Tokens:
        """The symmetric copy of one grid or a batch of them."""
        return self.renaming.take(tokens.take(self.positions, axis=-1))

    def invert(self, tokens: Tokens) -> Tokens:
        """The grid of which `tokens` is the symmetric copy."""
        original = np.empty_like(tokens)
        names = np.empty_like(self.renaming)
        names[self.renaming] = TOKENS
        original[..., self.positions] = names[tokens]
        return original


class Transform(Protocol):
    """A map of puzzles onto equally hard puzzles of the same model grid, and back."""

    def apply(self, tokens: Tokens) -> Tokens:
        """The copy of one grid."""

    def invert(self, tokens: Tokens) -> Tokens:
        """The grid of which `tokens` is the copy."""


class Rules(Protocol):
    """The rules of one family at one grid size, for whole batches."""

    @property
    def blank(self) -> int:
        """The token of a cell that the question leaves open."""

    @property
    def verifiable(self) -> bool:
        """Whether `violations` can tell a right answer from a wrong one."""

    @property
    def graded(self) -> bool:
        """Whether one right answer may be better than another, which `excess` tells."""

    def violations(self, inputs: Tokens, answers: Tokens) -> NDArray[np.intp]:
        """How many rules each answer breaks, (batch,); 0 is a verified solution of its input."""

    def judged(self, question: bytes, answer: bytes) -> tuple[bool | None, bool | None]:
        """(verified, optimal) of one answer, as `violations` and `optimal` have them; None where no rule tells."""

    def optimal(self, inputs: Tokens, answers: Tokens) -> NDArray[np.bool_] | None:
        """Whether each answer is verified and none is better, (batch,); None for a family in which all right answers are equally good."""

    def excess(self, inputs: Tokens, answers: Tokens) -> NDArray[np.intp]:
        """How much worse each answer is than the best one, (batch,), of answers that are verified; 0 where all right answers are equally good."""

    def guesses(self, question: bytes, cells: int, among: int, rng: Random) -> Iterator[bytes]:
        """The question with guesses written in, one after the other (see `puzzles.guessing`); none where guesses make no sense."""

    def canonical(self, question: Tokens) -> Transform | None:
        """The symmetry that takes a question, (cells,), onto the one form of all its copies; None where finding it does not pay."""

    def symmetry(self, rng: np.random.Generator) -> Transform:
        """A random symmetry, uniform over the family's group."""


class NamedRules(Rules, Protocol):
    """The rules of a family whose puzzles have ids, of which a model was trained on augmented copies with names of their own."""

    def copy(self, name: str) -> Transform:
        """The map from a puzzle onto the copy of that name."""


class Family(Protocol):
    """One puzzle family: codec and rules."""

    @property
    def name(self) -> str:
        """The `type` that clients send."""

    @property
    def named(self) -> bool:
        """Whether a puzzle has an id, and a model answers those only that it was trained on."""

    def parse(self, grid: object) -> Puzzle:
        """Read a client's grid. Raises `InvalidPuzzle` that names the cells at fault."""

    def render(self, cells: bytes, like: object) -> object:
        """Write a solution in the form (string or rows) of the grid `like`."""

    def place(self, puzzle: Puzzle, height: int, width: int) -> bytes:
        """The puzzle's tokens on a model's grid, which is at least as large; the same puzzle still."""

    def crop(self, cells: bytes, puzzle: Puzzle, height: int, width: int) -> bytes:
        """The part of an answer on that grid that `place` took up."""

    def rules(self, height: int, width: int) -> Rules:
        """The rules for one grid size. Raises `InvalidPuzzle` for a size the family does not have."""
