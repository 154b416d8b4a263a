"""What the rows, columns and boxes of one grid hold, all of them at once, in Python's integers. Knows cells and digits; no codec.

For one grid numpy takes two to ten times as long, the more since what it does around its loops is driven out of the caches between two requests; of many it is
the quicker one.
"""

from collections.abc import Sequence
from functools import reduce
from operator import or_

LANE = 2
"""Bytes of each unit in an integer: a bit for each of up to nine digits, with room to add up nine of them."""


class Units:
    """All units of one size of grid, each given by the indices of its cells; a token is a digit from `first` on, as many as a unit has cells."""

    def __init__(self, units: Sequence[Sequence[int]], cells: int, first: int) -> None:
        side = len(units[0])
        bits = [1 << (token - first) if first <= token < first + side else 0 for token in range(256)]
        self.low, self.high = bytes(bit & 0xFF for bit in bits), bytes(bit >> 8 for bit in bits)
        self.order = bytes(half for place in zip(*units, strict=True) for cell in place for half in (cells + cell, cell))
        """Where each byte of the integers stands in the high and low halves of all cells' bits: first the first cell of every unit, then the second, ..."""
        self.size = LANE * len(units)
        self.complete = int.from_bytes(((1 << side) - 1).to_bytes(LANE) * len(units))

    def complete_in(self, cells: bytes) -> bool:
        """Whether every unit holds every digit."""
        return reduce(or_, self._held(cells)) == self.complete

    def repeated_in(self, cells: bytes) -> bool:
        """Whether some unit holds a digit twice."""
        held = self._held(cells)
        return reduce(or_, held) != sum(held)

    def _held(self, cells: bytes) -> list[int]:
        """An integer for each place in a unit: the bits of the digits that all units hold there."""
        found = self.order.translate((cells.translate(self.low) + cells.translate(self.high)).ljust(256))
        return [int.from_bytes(found[start : start + self.size]) for start in range(0, len(found), self.size)]
