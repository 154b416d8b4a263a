"""Hard Sudokus of our own: minimal, uniquely solvable, and graded by the guesses of a search that takes singles first. Knows rules; no model.

Clues left say little about difficulty, and so do the guesses of a plain search: puzzles of 17 clues make it guess thousands of times, though singles alone
solve most of them. Guesses after naked and hidden singles tell them from the hardest known (medians 1 and 139).
"""

import numpy as np

from app.errors import InvalidRequest
from app.puzzles.base import Tokens
from app.puzzles.sudoku import BLANK, rules
from app.training.data import PuzzleSet
from app.training.generator import full_grid

TRIES = 1000
"""How often one puzzle is dug anew before it is given up; a 9x9 of 10 guesses takes about 15 times."""


class Singles:
    """Depth-first over the most constrained cell, after every naked and hidden single. Candidates are bit masks, a cell each."""

    def __init__(self, side: int) -> None:
        self.all, self.units = (1 << side) - 1, rules(side).units.tolist()
        self.peers = [sorted({other for unit in self.units if cell in unit for other in unit} - {cell}) for cell in range(side * side)]
        self.solutions = self.guesses = 0

    def run(self, digits: list[int], limit: int = 2) -> None:
        """Count `solutions`, stopping at `limit`, and the `guesses` taken; digits 1..side, 0 empty."""
        self.solutions = self.guesses = 0
        candidates = [self.all] * len(digits)
        if all(self._take(candidates, cell, 1 << (digit - 1)) for cell, digit in enumerate(digits) if digit):
            self._descend(candidates, limit)

    def _descend(self, candidates: list[int], limit: int) -> None:
        if not self._take_hidden(candidates):
            return
        cell = min((cell for cell, left in enumerate(candidates) if left & (left - 1)), key=lambda cell: candidates[cell].bit_count(), default=-1)
        if cell < 0:
            self.solutions += 1
            return
        self.guesses += 1
        for bit in _bits(candidates[cell]):
            supposed = list(candidates)
            if self._take(supposed, cell, bit):
                self._descend(supposed, limit)
            if self.solutions >= limit:
                return

    def _take(self, candidates: list[int], cell: int, bit: int) -> bool:
        """Write one digit, and all naked singles that follow; False where a cell is left with none."""
        queue = [(cell, bit)] if candidates[cell] & bit else []
        if not queue:
            return False
        while queue:
            cell, bit = queue.pop()
            if not candidates[cell] & bit:
                return False
            candidates[cell] = bit
            for peer in self.peers[cell]:
                if candidates[peer] & bit:
                    candidates[peer] = left = candidates[peer] & ~bit
                    if not left:
                        return False
                    if not left & (left - 1):
                        queue.append((peer, left))
        return True

    def _take_hidden(self, candidates: list[int]) -> bool:
        """Write the digits that have one place left in a unit, until there is none; False where a digit has no place."""
        found = True
        while found:
            found = False
            for unit in self.units:
                once = twice = written = 0
                for cell in unit:
                    left = candidates[cell]
                    once, twice = once | left, twice | once & left
                    written |= 0 if left & (left - 1) else left
                if once != self.all:
                    return False
                for bit in _bits(once & ~twice & ~written):
                    places = [cell for cell in unit if candidates[cell] & bit]
                    if not places or not self._take(candidates, places[0], bit):
                        return False
                    found = True
        return True


def _bits(mask: int) -> list[int]:
    return [1 << place for place in range(mask.bit_length()) if mask >> place & 1]


def grade(question: Tokens) -> int:
    """Guesses that the search with singles takes to prove the one answer of a puzzle (cells,) of tokens."""
    search = Singles(int(len(question) ** 0.5))
    search.run([int(token) - BLANK for token in question])
    return search.guesses


def hard(side: int, count: int, least: int, rng: np.random.Generator) -> PuzzleSet:
    """`count` minimal puzzles of at least `least` guesses; the same `rng` gives the same puzzles. Raises `InvalidRequest` where none is found."""
    pairs = [_climb(side, least, rng) for _ in range(count)]
    questions, answers = (np.array([pair[column] for pair in pairs], np.uint8).reshape(count, side * side) + BLANK for column in (0, 1))
    return PuzzleSet(questions, answers, side, side)


def _climb(side: int, least: int, rng: np.random.Generator) -> tuple[list[int], list[int]]:
    """(question, answer): cells of a minimal puzzle are given back and it is dug anew, and the harder one kept, until it is hard enough."""
    search, solved = Singles(side), full_grid(side, rng)
    digits, reached = _minimal(search, solved, rng)
    for _ in range(TRIES):
        if reached >= least:
            return digits, solved
        shown = list(digits)
        for cell in rng.choice(np.flatnonzero(np.array(digits) == 0), side - 1, replace=False).tolist():
            shown[cell] = solved[cell]
        again, guesses = _minimal(search, shown, rng)
        if guesses >= reached:
            digits, reached = again, guesses
    raise InvalidRequest(f"no {side}x{side} puzzle of {least} guesses was found in {TRIES} tries; the hardest took {reached}")


def _minimal(search: Singles, digits: list[int], rng: np.random.Generator) -> tuple[list[int], int]:
    """Take away, in random order, all clues that can go without a second answer; the puzzle that is left and its guesses."""
    left = list(digits)
    for cell in rng.permutation(np.flatnonzero(digits)).tolist():
        kept, left[cell] = left[cell], 0
        search.run(left)
        if search.solutions > 1:
            left[cell] = kept
    search.run(left)
    return left, search.guesses
