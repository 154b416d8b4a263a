"""Who is next: lanes in order of precedence, first come first served within each, none starved. A value; knows nothing of what waits in them."""

from collections import OrderedDict
from collections.abc import Hashable, Iterator
from itertools import chain
from typing import Generic, TypeVar

Item = TypeVar("Item", bound=Hashable)

TURNS = 8
"""How often a lane is passed over before it is next: with two lanes the second gets every ninth turn at least."""


class Lanes(Generic[Item]):
    """A queue. The first lane goes first, but one that has been passed over `turns` times in a row is next.

    So whoever is at the head of one of `count` lanes, two or more, goes after at most `turns + count - 2` others, whatever else arrives.
    """

    def __init__(self, count: int, turns: int = TURNS) -> None:
        self.lanes = [OrderedDict[Item, None]() for _ in range(count)]
        self.passed, self.turns = [0] * count, turns

    def add(self, item: Item, lane: int, *, first: bool = False) -> None:
        """Put an item at the end of a lane, or at its head."""
        if not self.lanes[lane]:
            self.passed[lane] = 0
        self.lanes[lane][item] = None
        self.lanes[lane].move_to_end(item, last=not first)

    def head(self, count: int | None = None) -> Item | None:
        """Whom `take` would give; None where nobody waits."""
        waiting = [lane for lane, items in enumerate(self.lanes[:count]) if items]
        return next(iter(self.lanes[self._next_of(waiting)])) if waiting else None

    def take(self, count: int | None = None) -> Item | None:
        """Remove who is next, of the first `count` lanes if given, and count the lanes that were passed over; None where nobody waits."""
        lanes = self.lanes[:count]
        waiting = [lane for lane, items in enumerate(lanes) if items]
        if not waiting:
            return None
        chosen = waiting[0]
        if len(waiting) > 1:  # else nobody is passed over
            chosen = self._next_of(waiting)
            for lane in waiting:
                self.passed[lane] += 1
        self.passed[chosen] = 0
        return lanes[chosen].popitem(last=False)[0]

    def discard(self, item: Item) -> bool:
        """Remove an item wherever it waits; False if it does not."""
        for lane in self.lanes:
            if item in lane:
                del lane[item]
                return True
        return False

    def _next_of(self, waiting: list[int]) -> int:
        """Which of the lanes that have somebody."""
        longest = max(waiting, key=self.passed.__getitem__)
        return longest if self.passed[longest] >= self.turns else waiting[0]

    def __iter__(self) -> Iterator[Item]:
        return chain.from_iterable(self.lanes)

    def __bool__(self) -> bool:
        return any(self.lanes)

    def __len__(self) -> int:
        return sum(map(len, self.lanes))

    def __contains__(self, item: object) -> bool:
        return any(item in lane for lane in self.lanes)
