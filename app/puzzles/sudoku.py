"""Sudoku of 4x4, 6x6 and 9x9: codec, rule check and symmetries. Knows no model.

Tokens are the reference's: 0 pad (unused here), 1 blank, digit d -> d + 1.
"""

from collections.abc import Iterator
from functools import cache
from math import isqrt
from random import Random

import numpy as np
from numpy.typing import NDArray

from app.errors import FieldError, InvalidPuzzle, shown
from app.puzzles.base import Puzzle, Symmetry, Tokens
from app.puzzles.candidates import Size
from app.puzzles.canonical import canonical
from app.puzzles.guessing import guesses
from app.puzzles.units import Units

BLANK = 1
BOXES = {4: (2, 2), 6: (2, 3), 9: (3, 3)}
"""Height and width of a box, by side of the grid."""
SIDES = {side * side: side for side in BOXES}
"""The side of a grid of so many cells."""
FEWEST, ENOUGH = {4: 4, 6: 8, 9: 17}, {4: 8, 6: 14, 9: 28}
"""Givens by side of the grid: the fewest of a puzzle with one solution (of 9x9 by McGuire and others, 2012), and up to how many guesses fill a question."""
SYMBOLS = {side: frozenset(".0123456789"[: side + 2]) for side in BOXES}
"""What may stand in a cell of a string, by side of the grid."""
TOKENS = bytes(symbol - ord("0") + BLANK if chr(symbol) in "0123456789" else BLANK for symbol in range(256))
"""The token of each character."""
GIVEN = bytes(0 if token == BLANK else 0xFF for token in range(256))
"""All bits of each token that a question gives."""
DIGITS = bytes(token - BLANK + ord("0") if BLANK < token <= BLANK + 9 else ord("0") for token in range(256))
"""The character of each token, 0 of one that is no digit."""


class SudokuRules:
    """Rules of one side. Every row, column and box holds each digit once, and the givens stand."""

    verifiable, graded, blank = True, False, BLANK

    def __init__(self, side: int) -> None:
        self.side, self.box = side, BOXES[side]
        cells = np.arange(side * side).reshape(side, side)
        tall, wide = self.box
        boxes = cells.reshape(side // tall, tall, side // wide, wide).swapaxes(1, 2).reshape(side, side)
        self.units: NDArray[np.intp] = np.concatenate([cells, cells.T, boxes])
        """Cell indices of every row, column and box, (3 * side, side)."""
        self.places = np.ascontiguousarray(self.units.T)
        """The same turned, over which a reduction is quicker."""
        self.each = Units(self.units.tolist(), side * side, BLANK + 1)
        """The same for one grid at a time."""
        self.size = Size(self.units.tolist(), side * side, BLANK + 1)
        self.fewest, self.enough = FEWEST[side], ENOUGH[side]
        self.complete = sum(1 << (digit + 1) for digit in range(1, side + 1))
        self.bits = np.array([1 << token if 2 <= token <= side + 1 else 0 for token in range(256)], dtype=np.uint16)

    def violations(self, inputs: Tokens, answers: Tokens) -> NDArray[np.intp]:
        """Units without all digits plus givens overwritten, (batch,)."""
        incomplete = np.bitwise_or.reduce(self.bits.take(answers.T).take(self.places, axis=0), axis=0) != self.complete  # grids last: all in one pass
        overwritten = (inputs != BLANK) & (inputs != answers)
        broken: NDArray[np.intp] = np.add.reduce(incomplete, axis=0, dtype=np.intp) + np.add.reduce(overwritten, axis=1, dtype=np.intp)
        return broken

    def contradictory(self, question: bytes) -> bool:
        """Whether a row, column or box of a question holds a digit twice."""
        return self.each.repeated_in(question)

    def judged(self, question: bytes, answer: bytes) -> tuple[bool, None]:
        """Whether all units are complete and the givens stand; None is better than another."""
        given, asked, told = (int.from_bytes(cells) for cells in (question.translate(GIVEN), question, answer))
        return self.each.complete_in(answer) and not (asked ^ told) & given, None

    def optimal(self, inputs: Tokens, answers: Tokens) -> None:
        """None: a Sudoku is solved or it is not."""

    def excess(self, inputs: Tokens, answers: Tokens) -> NDArray[np.intp]:  # noqa: ARG002  # whatever they are
        """None at all, (batch,): no solved Sudoku is better than another."""
        return np.zeros(len(inputs), dtype=np.intp)

    def guesses(self, question: bytes, cells: int, among: int, rng: Random) -> Iterator[bytes]:
        """The question with digits supposed, without end; see `puzzles.guessing`."""
        return guesses(self, question, cells, among, rng)

    def canonical(self, question: Tokens) -> Symmetry | None:
        """See `puzzles.canonical`. Finding the form takes a 25th of a solve at 9x9, but a fifth of one at 6x6 and a third at 4x4 (bench/canonical)."""
        return canonical(question.tobytes(), self.box, BLANK) if self.side == 9 else None

    def symmetry(self, rng: np.random.Generator) -> Symmetry:
        """Digits relabelled; bands, stacks, rows and columns inside them permuted; transposed where boxes are square."""
        tall, wide = self.box
        cells = np.arange(self.side**2).reshape(self.side, self.side)
        cells = cells[_shuffled_lines(rng, self.side, tall)][:, _shuffled_lines(rng, self.side, wide)]
        if tall == wide and rng.integers(2):
            cells = cells.T
        renaming = np.arange(256, dtype=np.uint8)
        renaming[2 : self.side + 2] = rng.permutation(self.side) + 2
        return Symmetry(cells.ravel(), renaming)


def _shuffled_lines(rng: np.random.Generator, side: int, group: int) -> NDArray[np.intp]:
    """A random order of rows (or columns) that keeps groups of `group` together."""
    lines = rng.permuted(np.arange(side).reshape(-1, group), axis=1)
    order: NDArray[np.intp] = rng.permutation(lines, axis=0).ravel()
    return order


rules = cache(SudokuRules)


class Sudoku:
    """The family: strings such as `53..7....` (`.` or `0` empty) or rows of integers (0 empty)."""

    name, named = "sudoku", False

    def rules(self, height: int, width: int) -> SudokuRules:
        """The rules for one grid size. Raises `InvalidPuzzle` for a size that Sudoku does not have."""
        if height != width or height not in BOXES:
            raise InvalidPuzzle(f"a Sudoku is 4x4, 6x6 or 9x9, not {height}x{width}")
        return rules(height)

    def parse(self, grid: object) -> Puzzle:
        """Read a grid. Raises `InvalidPuzzle` for a wrong shape or symbol, or givens that already contradict each other."""
        cells = _from_string(grid) if isinstance(grid, str) else _from_rows(grid)
        side = isqrt(len(cells))
        puzzle = Puzzle("sudoku", side, side, cells)
        if rules(side).contradictory(cells):
            errors = tuple(_contradictions(cells, side))
            raise InvalidPuzzle("the givens contradict the rules: " + "; ".join(e.detail for e in errors), fields=errors)
        return puzzle

    def render(self, cells: bytes, like: object) -> str | list[list[int]]:
        """Write a solution as a string or as rows, whichever `like` is; a token that is no digit is written as empty."""
        text = cells.translate(DIGITS).decode("ascii")
        if isinstance(like, str):
            return text
        side = isqrt(len(text))
        return [[int(digit) for digit in text[start : start + side]] for start in range(0, len(text), side)]

    def place(self, puzzle: Puzzle, height: int, width: int) -> bytes:  # noqa: ARG002  # a Sudoku fits its own size only
        """The puzzle as it is."""
        return puzzle.cells

    def crop(self, cells: bytes, puzzle: Puzzle, height: int, width: int) -> bytes:  # noqa: ARG002  # nothing was added, so nothing is cut off
        """The answer as it is."""
        return cells


def _wrong(detail: str, pointer: str = "") -> InvalidPuzzle:
    return InvalidPuzzle(detail, fields=(FieldError(pointer, detail),))


def _from_string(grid: str) -> bytes:
    if len(grid) not in SIDES:
        raise _wrong(f"a Sudoku string has 16, 36 or 81 characters, one a cell, row by row; this one has {len(grid)}")
    side = SIDES[len(grid)]
    if not SYMBOLS[side].issuperset(grid):
        index, symbol = next((index, symbol) for index, symbol in enumerate(grid) if symbol not in SYMBOLS[side])
        raise _wrong(f"cell {_cell(index, side)} is {symbol!r}; a {side}x{side} cell is 1 to {side}, or '.' or '0' for empty")
    return grid.encode("ascii").translate(TOKENS)


def _from_rows(grid: object) -> bytes:
    if not isinstance(grid, list) or len(grid) not in BOXES:
        shape = f"{len(grid)} rows" if isinstance(grid, list) else shown(grid)
        raise _wrong(f"a Sudoku is a string or a list of 4, 6 or 9 rows, not {shape}")
    side, tokens = len(grid), bytearray()
    for row, line in enumerate(grid):
        if not isinstance(line, list) or len(line) != side:
            raise _wrong(f"a Sudoku is one string or a list of rows; row {row + 1} is not a list of {side} integers", f"/{row}")
        for column, digit in enumerate(line):
            if type(digit) is not int or not 0 <= digit <= side:
                cell = _cell(row * side + column, side)
                raise _wrong(f"cell {cell} is {shown(digit)}; a {side}x{side} cell is 1 to {side}, or 0 for empty", f"/{row}/{column}")
            tokens.append(digit + BLANK)
    return bytes(tokens)


def _cell(index: int, side: int) -> str:
    return f"r{index // side + 1}c{index % side + 1}"


def _contradictions(cells: bytes, side: int) -> Iterator[FieldError]:
    kinds = [f"{kind} {number + 1}" for kind in ("row", "column", "box") for number in range(side)]
    for kind, unit in zip(kinds, rules(side).units.tolist(), strict=True):
        for digit in range(1, side + 1):
            places = [_cell(index, side) for index in unit if cells[index] == digit + BLANK]
            if len(places) > 1:
                yield FieldError("", f"{kind} has {digit} in {' and '.join(places)}")
