"""One form that the symmetric copies of a Sudoku share. Knows givens, lines and boxes; no rules, no answers.

The smallest of all 2 * 6^8 * 9! copies would be exact and takes a search. Instead every cell gets a colour that depends on nothing but which givens
share its row, column, box, band, stack and digit, and on their colours in turn (colour refinement, as in tests for graph isomorphism); lines and digits are
sorted by their colours. Where two lines of the same colour are yet different, copies may end in different forms: then the cache misses, and nothing is wrong.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from app.puzzles.base import Symmetry

ROUNDS = 2
"""They leave 3 in 1000 copies of hard Sudokus without the shared form, which so miss the cache; with a third any new puzzle takes two fifths as long again."""
REMEMBERED = 4096
"""Grids whose symmetry is kept, some 5 MB: for a puzzle that is asked again the search costs nothing."""
Colours = NDArray[np.uint64]


def _mixed(colours: Colours, salt: int) -> Colours:
    """Each colour mapped to one that looks random (the finaliser of splitmix64)."""
    mixed = colours + np.uint64(salt * 0x9E3779B97F4A7C15 & (1 << 64) - 1)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


@lru_cache(REMEMBERED)
def canonical(cells: bytes, box: tuple[int, int], blank: int) -> Symmetry:
    """The symmetry that takes a question, (side * side) tokens, onto its form. Transposes only where boxes are square."""
    tall, wide = box
    side = tall * wide
    grid = np.frombuffer(cells, dtype=np.uint8).reshape(side, side)
    turned = np.stack([grid, grid.T]) if tall == wide else grid[None]
    orders = _orders(turned, tall, wide, blank)
    positions = np.arange(side * side).reshape(side, side)
    forms = []
    for which, (rows, columns, digits) in enumerate(zip(*orders, strict=True)):
        renaming = np.arange(256, dtype=np.uint8)
        renaming[blank + 1 + digits] = np.arange(blank + 1, blank + 1 + side)
        symmetry = Symmetry((positions.T if which else positions)[rows][:, columns].ravel(), renaming)
        forms.append((symmetry.apply(grid.ravel()).tobytes(), which, symmetry))
    return min(forms)[2]


def _orders(grids: NDArray[np.uint8], tall: int, wide: int, blank: int) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """For each of some grids, (n, side, side), the order of its rows, of its columns and of its digits, (n, side) each."""
    count, side = len(grids), tall * wide
    given = grids != blank
    of_digit = (grids[:, None] == np.arange(blank + 1, blank + 1 + side, dtype=np.uint8)[:, None, None]).reshape(count, side, -1).astype(np.uint64)
    colours = given.astype(np.uint64)
    for _ in range(ROUNDS):
        rows, columns = _mixed(colours.sum(2), 1), _mixed(colours.sum(1), 2)
        bands, stacks = _mixed(rows.reshape(count, -1, tall).sum(2), 3), _mixed(columns.reshape(count, -1, wide).sum(2), 4)
        boxes = _mixed(colours.reshape(count, side // tall, tall, side // wide, wide).sum((2, 4)), 5)
        digits = _mixed(of_digit @ colours.reshape(count, -1, 1), 6)
        around = np.repeat(rows + np.repeat(bands, tall, 1), side, 1).reshape(count, side, side) + (columns + np.repeat(stacks, wide, 1))[:, None]
        around += np.repeat(np.repeat(boxes, tall, 1), wide, 2) + (of_digit.swapaxes(1, 2) @ digits).reshape(count, side, side)
        colours = _mixed(around, 7) * given + _mixed(around, 8) * ~given
    return _grouped(rows, bands, tall), _grouped(columns, stacks, wide), np.argsort(digits[..., 0], axis=1, kind="stable")


def _grouped(lines: Colours, groups: Colours, size: int) -> NDArray[np.intp]:
    """Lines in the order of their colours, inside groups of `size` in the order of theirs."""
    index = np.broadcast_to(np.arange(lines.shape[1]), lines.shape)
    order: NDArray[np.intp] = np.lexsort((lines, index // size, np.repeat(groups, size, 1)), axis=1)
    return order
