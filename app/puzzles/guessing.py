"""Guesses at a Sudoku: digits that are supposed before an attempt begins. Knows the rules; no model, and not which guess is right."""

from collections.abc import Iterator
from functools import cache
from itertools import islice
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from app.puzzles.base import Tokens

ROUNDS = 8
"""Combinations of rounds before each question that is filled, where there may be one solution or several."""


class Candidates(Protocol):
    """What guessing needs of the rules. A question of fewer than `fewest` givens has no solution or several; up to `enough` it is filled."""

    fewest: int
    enough: int

    @property
    def blank(self) -> int:
        """The token of an open cell."""

    @property
    def remaining(self) -> NDArray[np.uint16]:
        """For each cell and token, (cells, tokens, cells): what open cells may hold still once it stands there, one bit a token."""

    def candidates(self, inputs: Tokens) -> NDArray[np.uint16]:
        """The tokens that each open cell may still hold, one bit each, 0 for other cells, (batch, cells)."""


def guesses(rules: Candidates, question: Tokens, cells: int, among: int, rng: np.random.Generator) -> Iterator[Tokens]:
    """The question, (cells,), with digits supposed, without end: by rounds, and every ninth time, or always with fewer givens than `fewest`, by filling it.

    Where there are several solutions a model gives something in between, and a few guesses, however right, leave several.
    """
    combinations, given = rounds(rules, question, cells, among, rng), int(np.count_nonzero(question != rules.blank))
    while True:
        if given >= rules.fewest:
            yield from islice(combinations, ROUNDS)
        yield filled(rules, question, max(rules.enough - given, cells + 2), rng)


def filled(rules: Candidates, question: Tokens, cells: int, rng: np.random.Generator) -> Tokens:
    """The question, (cells,), with digits supposed at so many random cells, each a candidate beside those before; fewer once a cell has none."""
    supposed, candidates = question.copy(), rules.candidates(question[None])[0]
    for cell in rng.permutation((question == rules.blank).nonzero()[0])[:cells].tolist():
        digits = tokens_of(int(candidates[cell]))
        if not digits:
            break
        supposed[cell] = digit = digits[int(rng.random() * len(digits))]
        candidates = candidates & rules.remaining[cell, digit]
    return supposed


def rounds(rules: Candidates, question: Tokens, cells: int, among: int, rng: np.random.Generator) -> Iterator[Tokens]:
    """The question, (cells,), with `cells` digits supposed, without end and without repeating one combination before its round is over.

    A round picks cells one after the other, each at random from the `among` with the fewest candidates, and gives every combination of digits that
    contradicts nothing. So one of each round is right, and another round tries other cells.
    """
    candidates = rules.candidates(question[None])[0]
    while True:
        combination = question
        for combination in _combinations(rules, question, candidates, cells, among, rng):
            yield combination
        if combination is question:  # the question contradicts itself, so there is nothing to suppose
            yield question


def _combinations(rules: Candidates, question: Tokens, candidates: NDArray[np.uint16], cells: int, among: int, rng: np.random.Generator) -> Iterator[Tokens]:
    if not cells or not len(open_cells := (question == rules.blank).nonzero()[0]):
        yield question
        return
    cell, digits = pick(candidates, open_cells, among, rng)
    for digit in sorted(digits, key=lambda _: rng.random()):
        supposed = question.copy()
        supposed[cell] = digit
        yield from _combinations(rules, supposed, candidates & rules.remaining[cell, digit], cells - 1, among, rng)


def pick(candidates: NDArray[np.uint16], open_cells: NDArray[np.intp], among: int, rng: np.random.Generator) -> tuple[int, tuple[int, ...]]:
    """One of the `among` open cells with the fewest candidates, and these, as tokens; none of them where some cell has none."""
    counts = np.bitwise_count(candidates.take(open_cells))
    order = (counts + rng.random(len(counts))).argsort()
    which = int(rng.random() * min(among, len(order))) if counts[order[0]] else 0
    cell = int(open_cells[order[which]])
    return cell, tokens_of(int(candidates[cell]))


@cache
def tokens_of(bits: int) -> tuple[int, ...]:
    """The tokens of which the bits are set."""
    return tuple(token for token in range(16) if bits >> token & 1)
