"""What the open cells of one Sudoku may still hold, in Python's integers, a bit a cell: quick for one grid whose code is not in the caches. Knows no codec.

`Size` is one size of grid; `Candidates` is what a question of that size leaves open, a value.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple


class Size:
    """The cells that share a row, column or box with each one. A token is a digit from `first` on, as many as a unit has cells."""

    def __init__(self, units: Sequence[Sequence[int]], cells: int, first: int) -> None:
        self.all, self.first, self.last = (1 << cells) - 1, first, first + len(units[0]) - 1
        bits = [sum(1 << cell for cell in unit) for unit in units]
        around = [0] * cells
        for unit, of_unit in zip(units, bits, strict=True):
            for cell in unit:
                around[cell] |= of_unit
        self.others = [self.all & ~of_cell for of_cell in around]
        """For each cell, the cells that may hold what it holds."""

    def candidates(self, question: bytes) -> "Candidates":
        """What a question leaves open, as far as the digits in each cell's row, column and box go."""
        blank, open_cells, left = self.first - 1, 0, [self.all] * (self.last - self.first + 1)
        for cell, token in enumerate(question):
            if token > blank:
                left[token - self.first] &= self.others[cell]
            else:
                open_cells |= 1 << cell
        return Candidates(self, open_cells, [of_digit & open_cells for of_digit in left])


class Candidates(NamedTuple):
    """The open cells, and of each digit those that may hold it."""

    size: Size
    open: int
    left: list[int]

    def tokens(self, cell: int) -> list[int]:
        """What an open cell may hold."""
        return [token for token, of_digit in enumerate(self.left, self.size.first) if of_digit >> cell & 1]

    def supposing(self, cell: int, token: int) -> "Candidates":
        """What is left once a token stands in a cell."""
        others = ~(1 << cell)
        left = [of_digit & others for of_digit in self.left]
        left[token - self.size.first] &= self.size.others[cell]
        return Candidates(self.size, self.open & others, left)

    def scarcest(self, among: int, chance: Callable[[], float]) -> int:
        """One of the `among` open cells with the fewest candidates, equally many in random order; one must be open. `chance` gives 0 to below 1."""
        which = int(chance() * min(among, self.open.bit_count()))
        for count, cells in enumerate(self._by_count()):
            alike = cells.bit_count()
            if which < alike or (alike and not count):
                return nth(cells, int(chance() * alike))
            which -= alike
        raise AssertionError("every open cell has some number of candidates")

    def _by_count(self) -> Iterator[int]:
        """The cells with no candidate, those with one, with two, ..."""
        ones = twos = fours = eights = 0  # the digits of all cells' counts
        for cells in self.left:
            carry, ones = ones & cells, ones ^ cells
            carry, twos = twos & carry, twos ^ carry
            carry, fours = fours & carry, fours ^ carry
            eights |= carry
        for high in (self.open & ~eights, self.open & eights):
            for middle in (high & ~fours, high & fours):
                for low in (middle & ~twos, middle & twos):
                    yield low & ~ones
                    yield low & ones


def nth(cells: int, index: int) -> int:
    """The cell at that place in a set of cells."""
    for _ in range(index):
        cells &= cells - 1
    return (cells & -cells).bit_length() - 1
