"""Guesses at a Sudoku: digits that are supposed before an attempt begins. Knows the rules; no model, and not which guess is right."""

from collections.abc import Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from app.puzzles.base import Tokens


class Candidates(Protocol):
    """What guessing needs of the rules."""

    @property
    def blank(self) -> int:
        """The token of an open cell."""

    def candidates(self, inputs: Tokens) -> NDArray[np.uint16]:
        """The tokens that each open cell may still hold, one bit each, 0 for other cells, (batch, cells)."""


def guesses(rules: Candidates, question: Tokens, cells: int, among: int, rng: np.random.Generator) -> Iterator[Tokens]:
    """The question, (cells,), with `cells` digits supposed, without end and without repeating one combination before its round is over.

    A round picks cells one after the other, each at random from the `among` with the fewest candidates, and gives every combination of digits that
    contradicts nothing. So one of each round is right, and another round tries other cells.
    """
    while True:
        combination = question
        for combination in _combinations(rules, question, cells, among, rng):
            yield combination
        if combination is question:  # the question contradicts itself, so there is nothing to suppose
            yield question


def _combinations(rules: Candidates, question: Tokens, cells: int, among: int, rng: np.random.Generator) -> Iterator[Tokens]:
    if not cells or not (question == rules.blank).any():
        yield question
        return
    cell, digits = pick(rules, question, among, rng)
    for digit in rng.permutation(digits):
        supposed = question.copy()
        supposed[cell] = digit
        yield from _combinations(rules, supposed, cells - 1, among, rng)


def pick(rules: Candidates, question: Tokens, among: int, rng: np.random.Generator) -> tuple[int, Tokens]:
    """One of the `among` open cells with the fewest candidates, and these, as tokens; none of them where some cell has none."""
    open_cells, candidates = np.flatnonzero(question == rules.blank), rules.candidates(question[None])[0]
    counts = np.bitwise_count(candidates[open_cells])
    fewest = open_cells[np.argsort(counts + rng.random(len(counts)))]
    cell = int(fewest[0 if not counts.all() else rng.integers(min(among, len(fewest)))])
    return cell, np.flatnonzero(candidates[cell] >> np.arange(16, dtype=np.uint16) & 1).astype(np.uint8)
