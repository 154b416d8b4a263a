"""ARC grids of 1x1 to 30x30: codec and symmetries. There is no rule that could check an answer. Knows no model.

Tokens are the reference's: 0 pad, 1 end mark, colour c -> c + 2. A grid stands at the upper left of a square canvas, end marks right below it and
right of it (not in the corner between the two); where it reaches the canvas's edge there is no room for marks and none are needed. An answer may
have another size than its question, and ends at its marks.

A model knows a puzzle by its id, and augmented copies of it by names of their own: `<id>|||t<dihedral 0-7>|||<permutation of the ten colours>`.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from math import isqrt
from random import Random

import numpy as np
from numpy.typing import NDArray

from app.errors import FieldError, InvalidPuzzle, shown
from app.puzzles.base import Puzzle, Tokens

PAD, END, FIRST = 0, 1, 2
"""Tokens; colour 0 is `FIRST`."""
COLOURS, LARGEST = 10, 30
SEPARATOR = "|||"
AUGMENTED = re.compile(r"(?P<base>.+)\|\|\|t(?P<dihedral>[0-7])\|\|\|(?P<colours>[0-9]{10})", re.DOTALL)
DIHEDRAL: tuple[Callable[[Tokens], Tokens], ...] = (
    lambda grid: grid,
    lambda grid: np.rot90(grid, 1),
    lambda grid: np.rot90(grid, 2),
    lambda grid: np.rot90(grid, 3),
    np.fliplr,
    np.flipud,
    np.transpose,
    lambda grid: np.fliplr(np.rot90(grid)),
)
"""The turns and reflections of a square, in the reference's order."""
INVERSE = (0, 3, 2, 1, 4, 5, 6, 7)


def on_canvas(grid: Tokens, side: int, corner: tuple[int, int] = (0, 0)) -> Tokens:
    """A grid of colour tokens (height, width) on a canvas (side * side,), its first cell at `corner`, with its end marks."""
    (top, left), (height, width) = corner, grid.shape
    canvas = np.full((side, side), PAD, dtype=np.uint8)
    bottom, right = top + height, left + width
    canvas[top:bottom, left:right] = grid
    canvas[bottom : bottom + 1, left:right] = END
    canvas[top:bottom, right : right + 1] = END
    return canvas.ravel()


def cropped(canvas: Tokens) -> Tokens:
    """The grid (height, width) at the upper left of a canvas (side * side,): the largest rectangle of colours there, 0x0 if there is none."""
    side = isqrt(canvas.size)
    cells = canvas.reshape(side, side)
    widths = np.minimum.accumulate(np.logical_and.accumulate(_coloured(cells), axis=1).sum(1))
    height = int(np.argmax(widths * np.arange(1, side + 1))) + 1
    width = int(widths[height - 1])
    return cells[: height if width else 0, :width]


def _coloured(tokens: Tokens) -> NDArray[np.bool_]:
    return (tokens >= FIRST) & (tokens < FIRST + COLOURS)


@dataclass(frozen=True, slots=True)
class Augmentation:
    """One way to turn or reflect a grid and to exchange its colours: colour c becomes `colours[c]`. Takes and gives canvases (side * side,)."""

    dihedral: int
    colours: tuple[int, ...]

    def apply(self, tokens: Tokens) -> Tokens:
        """The augmented copy of the grid on a canvas."""
        return on_canvas(DIHEDRAL[self.dihedral](_renamed(cropped(tokens), self.colours)), isqrt(tokens.size))

    def invert(self, tokens: Tokens) -> Tokens:
        """The grid of which the one on this canvas is the augmented copy; whatever is outside of the grid becomes pad and end marks."""
        back = tuple(np.argsort(self.colours).tolist())
        return on_canvas(_renamed(DIHEDRAL[INVERSE[self.dihedral]](cropped(tokens)), back), isqrt(tokens.size))

    def name(self, base: str) -> str:
        """What the reference calls this copy of the puzzle `base`."""
        return f"{base}{SEPARATOR}t{self.dihedral}{SEPARATOR}{''.join(map(str, self.colours))}"

    @classmethod
    def random(cls, rng: np.random.Generator) -> "Augmentation":
        """One of the 8 x 9! that leave colour 0, the background, as it is."""
        return cls(int(rng.integers(8)), (0, *(rng.permutation(COLOURS - 1) + 1).tolist()))


IDENTITY = Augmentation(0, tuple(range(COLOURS)))


def base_of(name: str) -> str:
    """The id of the puzzle that a name names, or a copy of. Raises `ValueError` for a name that has the separator but not the form."""
    return _matched(name)["base"] if SEPARATOR in name else name


def augmentation_of(name: str) -> Augmentation:
    """How the copy of that name is made. Raises `ValueError` likewise."""
    if SEPARATOR not in name:
        return IDENTITY
    match = _matched(name)
    return Augmentation(int(match["dihedral"]), tuple(map(int, match["colours"])))


def _matched(name: str) -> re.Match[str]:
    match = AUGMENTED.fullmatch(name)
    if match is None or len(set(match["colours"])) != COLOURS:
        raise ValueError(f"{name!r} is not of the form <id>|||t<0-7>|||<permutation of the ten colours>")
    return match


def _renamed(grid: Tokens, colours: tuple[int, ...]) -> Tokens:
    renaming = np.array([PAD, END, *(colour + FIRST for colour in colours)], dtype=np.uint8)
    return renaming[grid]


class ArcRules:
    """No answer can be judged, but that there is one: only a task's author knows its rule."""

    verifiable, graded, blank = False, False, PAD

    def violations(self, inputs: Tokens, answers: Tokens) -> NDArray[np.intp]:  # noqa: ARG002  # whatever they are
        """1 of every answer, (batch,), since none is verified, and 2 of one without a grid."""
        return np.where(_coloured(answers[:, 0]), 1, 2).astype(np.intp)

    def optimal(self, inputs: Tokens, answers: Tokens) -> None:
        """None: no answer is known to be right."""

    def judged(self, question: bytes, answer: bytes) -> tuple[None, None]:  # noqa: ARG002  # whatever they are
        """Nothing is known of an answer."""
        return None, None

    def excess(self, inputs: Tokens, answers: Tokens) -> NDArray[np.intp]:  # noqa: ARG002  # whatever they are
        """Zeros, (batch,): no answer is verified."""
        return np.zeros(len(answers), dtype=np.intp)

    def guesses(self, question: bytes, cells: int, among: int, rng: Random) -> Iterator[bytes]:  # noqa: ARG002  # whatever they are
        """None: nothing could tell that a guess was wrong."""
        return iter(())

    def canonical(self, question: Tokens) -> None:
        """None: no answer is known to be right for any copy."""

    def symmetry(self, rng: np.random.Generator) -> Augmentation:
        """A random augmentation."""
        return Augmentation.random(rng)

    def copy(self, name: str) -> Augmentation:
        """The map onto the copy that a model knows by this name."""
        return augmentation_of(name)


@cache
def rules() -> ArcRules:
    """The same for all sizes."""
    return ArcRules()


class Arc:
    """The family: lists of rows of colours 0 to 9."""

    name, named = "arc", True

    def rules(self, height: int, width: int) -> ArcRules:
        """The rules. Raises `InvalidPuzzle` for a size that ARC grids do not have."""
        if not (1 <= height <= LARGEST and 1 <= width <= LARGEST):
            raise _wrong(f"an ARC grid has 1 to {LARGEST} rows and as many columns, not {height}x{width}")
        return rules()

    def parse(self, grid: object) -> Puzzle:
        """Read a grid. Raises `InvalidPuzzle` for what is no rectangle of colours."""
        rows = _rows(grid)
        return Puzzle("arc", len(rows), len(rows[0]), bytes(colour + FIRST for row in rows for colour in row))

    def render(self, cells: bytes, like: object) -> list[list[int]]:  # noqa: ARG002  # there is one form only
        """Write the grid on a canvas as rows of colours; no row at all where there is none."""
        return [[int(token) - FIRST for token in row] for row in cropped(np.frombuffer(cells, dtype=np.uint8))]

    def place(self, puzzle: Puzzle, height: int, width: int) -> bytes:  # noqa: ARG002  # the canvas is square
        """The grid on a model's canvas, with end marks."""
        return on_canvas(puzzle.tokens.reshape(puzzle.height, puzzle.width), height).tobytes()

    def crop(self, cells: bytes, puzzle: Puzzle, height: int, width: int) -> bytes:  # noqa: ARG002  # the answer has a size of its own
        """The whole canvas: only with it is it known where the answer's grid ends."""
        return cells


def _wrong(detail: str, pointer: str = "") -> InvalidPuzzle:
    return InvalidPuzzle(detail, fields=(FieldError(pointer, detail),))


def _rows(grid: object) -> list[list[int]]:
    """The rows of a grid, equally long, at least one, all of colours."""
    if not isinstance(grid, list) or not 1 <= len(grid) <= LARGEST:
        shape = f"{len(grid)} of them" if isinstance(grid, list) else shown(grid)
        raise _wrong(f"an ARC grid is a list of 1 to {LARGEST} rows of colours 0 to 9, not {shape}")
    for row, line in enumerate(grid):
        if not isinstance(line, list):
            raise _wrong(f"an ARC grid is a list of rows of colours 0 to 9; row {row + 1} is {shown(line)}", f"/{row}")
        if not 1 <= len(line) <= LARGEST:
            raise _wrong(f"an ARC grid has 1 to {LARGEST} columns; row {row + 1} has {len(line)}", f"/{row}")
        if len(line) != len(grid[0]):
            raise _wrong(f"rows of an ARC grid are equally long; row 1 has {len(grid[0])} cells and row {row + 1} has {len(line)}", f"/{row}")
        for column, colour in enumerate(line):
            if type(colour) is not int or not 0 <= colour < COLOURS:
                raise _wrong(f"cell r{row + 1}c{column + 1} is {shown(colour)}; a colour is 0 to 9", f"/{row}/{column}")
    return grid
