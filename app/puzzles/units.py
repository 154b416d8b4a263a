"""What the rows, columns and boxes of one grid hold, all of them at once, in Python's integers. Knows cells and digits; no codec.

For one grid numpy takes two to four times as long, the more since what it does around its loops is driven out of the caches between two requests; of many it is
the quicker one.
"""

from collections.abc import Sequence

LANE = 2
"""Bytes of each unit in an integer: a bit for each of up to nine digits, with room to add up nine of them."""


class Units:
    """All units of one size of grid, each given by the indices of its cells; a token is a digit from `first` on, as many as a unit has cells."""

    def __init__(self, units: Sequence[Sequence[int]], cells: int, first: int) -> None:
        side, lanes = len(units[0]), LANE * len(units)
        bits = [1 << (token - first) if first <= token < first + side else 0 for token in range(256)]
        self.low, self.high = bytes(bit & 0xFF for bit in bits), bytes(bit >> 8 for bit in bits)
        self.order = bytes(half for place in zip(*units, strict=True) for cell in place for half in (cells + cell, cell))
        """Where each byte stands in the low and high halves of all cells' bits: the first cells of all units, then the second ones, ..."""
        self.shifts = [8 * lanes * places for places in (1, 2, 4, 8)]
        """What brings every place, of 16 at most, down to the last one, each once."""
        self.last = (1 << 8 * lanes) - 1
        self.complete = int.from_bytes(((1 << side) - 1).to_bytes(LANE) * len(units))

    def complete_in(self, cells: bytes) -> bool:
        """Whether every unit holds every digit."""
        return self._any(self._held(cells)) == self.complete

    def repeated_in(self, cells: bytes) -> bool:
        """Whether some unit holds a digit twice."""
        total = held = self._held(cells)
        for shift in self.shifts:
            total += total >> shift
        return total & self.last != self._any(held)

    def _held(self, cells: bytes) -> int:
        """The bits of the digits in all places of all units."""
        return int.from_bytes(self.order.translate((cells.translate(self.low) + cells.translate(self.high)).ljust(256)))

    def _any(self, held: int) -> int:
        """The bits that any place of a unit has."""
        for shift in self.shifts:
            held |= held >> shift
        return held & self.last
