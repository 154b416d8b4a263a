"""Sudokus of our own: uniquely solvable, 4x4, 6x6 or 9x9, at graded difficulty. Knows rules and a plain search; no model.

A puzzle is a random full grid from which cells are taken while its answer stays unique. Difficulty is graded by clues left and
measured by `guesses`: how often a most-constrained-cell search has to guess on it.
"""

from dataclasses import dataclass

import numpy as np

from app.puzzles.base import Tokens
from app.puzzles.sudoku import BLANK, rules
from app.training.data import PuzzleSet

MINIMAL = {4: (4, 6), 6: (8, 14), 9: (22, 30)}
"""Clues of generated puzzles, by side: from as few as digging reaches to easy."""


@dataclass(slots=True)
class Found:
    """What a search found: up to `limit` solutions, and how many cells it had to guess."""

    solutions: list[list[int]]
    guesses: int = 0


class Search:
    """Depth-first over the most constrained empty cell, candidates as bit masks. Digits 1..side, 0 empty."""

    def __init__(self, side: int) -> None:
        self.side, self.all = side, (1 << side) - 1
        units = rules(side).units.tolist()
        self.units_of = [[number for number, unit in enumerate(units) if cell in unit] for cell in range(side * side)]

    def run(self, digits: list[int], limit: int, rng: np.random.Generator | None = None) -> Found:
        """Solve, stopping at `limit` solutions; with `rng`, candidates are tried in random order."""
        used, cells, found = [0] * (3 * self.side), list(digits), Found([])
        for cell, digit in enumerate(cells):
            if digit:
                for unit in self.units_of[cell]:
                    used[unit] |= 1 << (digit - 1)
        self._descend(cells, [cell for cell, digit in enumerate(cells) if not digit], used, limit, rng, found)
        return found

    def _descend(self, cells: list[int], empty: list[int], used: list[int], limit: int, rng: np.random.Generator | None, found: Found) -> None:
        if not empty:
            found.solutions.append(list(cells))
            return
        best, fewest, choices = -1, self.side + 1, 0
        for index, cell in enumerate(empty):
            a, b, c = self.units_of[cell]
            free = self.all & ~(used[a] | used[b] | used[c])
            if (count := free.bit_count()) < fewest:
                best, fewest, choices = index, count, free
                if count <= 1:
                    break
        found.guesses += fewest > 1
        cell, units = empty[best], self.units_of[empty[best]]
        rest = empty[:best] + empty[best + 1 :]
        digits = [digit for digit in range(self.side) if choices >> digit & 1]
        for digit in rng.permutation(digits).tolist() if rng else digits:
            cells[cell] = digit + 1
            for unit in units:
                used[unit] |= 1 << digit
            self._descend(cells, rest, used, limit, rng, found)
            for unit in units:
                used[unit] &= ~(1 << digit)
            if len(found.solutions) >= limit:
                return
        cells[cell] = 0


def full_grid(side: int, rng: np.random.Generator) -> list[int]:
    """A random solved grid."""
    return Search(side).run([0] * side * side, 1, rng).solutions[0]


def dig(solved: list[int], clues: int, rng: np.random.Generator) -> list[int]:
    """Take cells from a solved grid, in random order, until `clues` are left or none can go without a second answer."""
    side, digits = int(len(solved) ** 0.5), list(solved)
    search, left = Search(side), len(solved)
    for cell in rng.permutation(len(solved)).tolist():
        if left <= clues:
            break
        kept, digits[cell] = digits[cell], 0
        if len(search.run(digits, 2).solutions) > 1:
            digits[cell] = kept
        else:
            left -= 1
    return digits


def generate(side: int, count: int, clues: tuple[int, int], rng: np.random.Generator) -> PuzzleSet:
    """`count` puzzles, each dug towards a clue count drawn from `clues` (lowest, highest); the same `rng` gives the same puzzles."""
    questions, answers = np.empty((count, side * side), np.uint8), np.empty((count, side * side), np.uint8)
    for index in range(count):
        solved = full_grid(side, rng)
        questions[index] = dig(solved, int(rng.integers(clues[0], clues[1] + 1)), rng)
        answers[index] = solved
    return PuzzleSet(questions + BLANK, answers + BLANK, side, side)


def guesses(question: Tokens) -> int:
    """Difficulty of a puzzle (cells,) of tokens: how often the plain search has to guess."""
    return Search(int(len(question) ** 0.5)).run([int(token) - BLANK for token in question], 2).guesses
