"""One form that the symmetric copies of a Sudoku share. Knows givens, lines and boxes; no rules, no answers.

The smallest of all 2 * 6^8 * 9! copies would be exact and takes a search. Instead every cell gets a colour that depends on nothing but which givens
share its row, column, box, band, stack and digit, and on their colours in turn (colour refinement, as in tests for graph isomorphism); lines and digits are
sorted by their colours. Where two lines of the same colour are yet different, copies may end in different forms: then the cache misses, and nothing is wrong.
"""

from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

from app.puzzles.base import Symmetry

ROUNDS = 2
"""They leave 5 in 1000 copies of Sudokus without the shared form, which so miss the cache; a third takes two thirds as long again, and leaves none of 3,000."""
REMEMBERED = 4096
"""Grids whose symmetry is kept, some 5 MB: for a puzzle that is asked again the search costs nothing."""
SHIFT, FACTOR = np.uint64(31), np.uint64(0xBF58476D1CE4E5B9)
Colours = NDArray[np.uint64]


def _mixed(colours: Colours) -> Colours:
    """Each colour mapped to one that looks random, whose sums tell what was added up. Half of splitmix64's finaliser; all of it misses no fewer copies."""
    mixed = (colours ^ (colours >> SHIFT)) * FACTOR
    mixed ^= mixed >> SHIFT
    return mixed


class Shape:
    """What all grids of one size share. Lines are rows, then columns; groups are bands, then stacks; parts are rows, columns, boxes, bands, stacks, digits."""

    def __init__(self, tall: int, wide: int) -> None:
        side = self.side = tall * wide
        self.square = tall == wide
        cells = np.arange(side * side)
        row, column = np.divmod(cells, side)
        box = row // tall * tall + column // wide
        self.units = np.stack([np.flatnonzero(of == index) for of in (row, column, box) for index in range(side)])
        """Cells of each row, column and box."""
        self.starts = np.concatenate([np.arange(0, side, tall), np.arange(side, 2 * side, wide)])
        """The first line of each group."""
        self.group = np.repeat(np.arange(len(self.starts)), np.diff([*self.starts, 2 * side]))
        """Of which group each line is."""
        self.digits = 3 * side + len(self.starts)
        """The first of the digits among the parts."""
        self.around = np.stack([row, side + column, 2 * side + box, 3 * side + row // tall, 3 * side + wide + column // wide])
        """The parts, but for its digit, that each cell is of."""
        self.axis = np.arange(2 * side) >= side
        """Whether each line is a column."""
        kinds = [0, side, 2 * side, 3 * side, 3 * side + wide, self.digits]  # where each kind of parts begins
        kind = np.searchsorted(kinds, np.arange(self.digits + side), side="right")
        if self.square:  # a grid and its transpose shall have the same colours
            kind[kind == 2], kind[kind == 5] = 1, 4
        self.salt = _mixed(kind.astype(np.uint64))
        """What makes the colours of each kind of parts other ones."""


shape_of = cache(Shape)


@lru_cache(REMEMBERED)
def canonical(cells: bytes, box: tuple[int, int], blank: int) -> Symmetry:
    """The symmetry that takes a question, (side * side) tokens, onto its form. Transposes only where boxes are square."""
    shape = shape_of(*box)
    side, digit = shape.side, np.frombuffer(cells, dtype=np.uint8).astype(np.intp) - (blank + 1)
    lines, groups, digits = _colours(shape, digit)
    order = np.lexsort((lines, shape.group, groups.take(shape.group), shape.axis))
    rows, columns = order[:side], order[side:] - side
    sorted_lines = lines.take(order)
    if shape.square and sorted_lines[:side].tobytes() > sorted_lines[side:].tobytes():
        positions = (columns[:, None] + rows * side).ravel()
    else:
        positions = (rows[:, None] * side + columns).ravel()
    renaming = np.arange(256, dtype=np.uint8)
    renaming[digits.argsort(kind="stable") + (blank + 1)] = np.arange(blank + 1, blank + 1 + side)
    return Symmetry(positions, renaming)


def _colours(shape: Shape, digit: NDArray[np.intp]) -> tuple[Colours, Colours, Colours]:
    """The colours of lines, groups and digits. `digit` is that of each cell, counted from 0; -1 of one without, which the last of `parts` stands for."""
    side, given = shape.side, digit >= 0
    holders = (digit == np.arange(side)[:, None]).astype(np.uint64)
    parts = np.zeros(shape.digits + side + 1, dtype=np.uint64)
    of_digit = np.where(given, digit + shape.digits, len(parts) - 1)
    colours, known = given.astype(np.uint64), given * shape.salt[-1]
    units, digits = parts[: 3 * side], parts[shape.digits : -1]
    for turn in range(ROUNDS):
        if turn:
            colours = _mixed(np.add.reduce(parts.take(shape.around), axis=0) + parts.take(of_digit) + known)
        np.add.reduce(colours.take(shape.units), axis=1, out=units)
        np.matmul(holders, colours, out=digits)
        units[:] = _mixed(units + shape.salt[: 3 * side])
        np.add.reduceat(units[: 2 * side], shape.starts, out=parts[3 * side : shape.digits])
        parts[3 * side : -1] = _mixed(parts[3 * side : -1] + shape.salt[3 * side :])
    return parts[: 2 * side], parts[3 * side : shape.digits], digits
