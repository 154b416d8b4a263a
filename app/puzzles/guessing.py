"""Guesses at a Sudoku: digits that are supposed before an attempt begins. Knows the rules; no model, and not which guess is right."""

from collections.abc import Iterator
from itertools import islice
from random import Random
from typing import Protocol

from app.puzzles.candidates import Candidates, Size, nth

ROUNDS = 8
"""Combinations of rounds before each question that is filled, where there may be one solution or several."""


class Grid(Protocol):
    """What guessing needs of the rules. A question of fewer than `fewest` givens has no solution or several; up to `enough` it is filled."""

    size: Size
    fewest: int
    enough: int


def guesses(grid: Grid, question: bytes, cells: int, among: int, rng: Random) -> Iterator[bytes]:
    """The question with digits supposed, without end: by rounds, and every ninth time, or always with fewer givens than `fewest`, by filling it.

    Where there are several solutions a model gives something in between, and a few guesses, however right, leave several.
    """
    candidates = grid.size.candidates(question)
    given = len(question) - candidates.open.bit_count()
    combinations = rounds(question, candidates, cells, among, rng)
    while True:
        if given >= grid.fewest:
            yield from islice(combinations, ROUNDS)
        yield filled(question, candidates, max(grid.enough - given, cells + 2), rng)


def filled(question: bytes, candidates: Candidates, cells: int, rng: Random) -> bytes:
    """The question with digits supposed at so many random cells, each a candidate beside those before; fewer once a cell has none."""
    supposed = bytearray(question)
    while candidates.open and cells:
        cell = nth(candidates.open, int(rng.random() * candidates.open.bit_count()))
        digits = candidates.tokens(cell)
        if not digits:
            break
        supposed[cell] = digit = digits[int(rng.random() * len(digits))]
        candidates, cells = candidates.supposing(cell, digit), cells - 1
    return bytes(supposed)


def rounds(question: bytes, candidates: Candidates, cells: int, among: int, rng: Random) -> Iterator[bytes]:
    """The question with `cells` digits supposed, without end and without repeating one combination before its round is over.

    A round picks cells one after the other, each at random from the `among` with the fewest candidates, and gives every combination of digits that
    contradicts nothing. So one of each round is right, and another round tries other cells.
    """
    while True:
        combination = question
        for combination in _combinations(question, candidates, cells, among, rng):
            yield combination
        if combination is question:  # the question contradicts itself, so there is nothing to suppose
            yield question


def _combinations(question: bytes, candidates: Candidates, cells: int, among: int, rng: Random) -> Iterator[bytes]:
    if not cells or not candidates.open:
        yield question
        return
    cell = candidates.scarcest(among, rng.random)
    for digit in sorted(candidates.tokens(cell), key=lambda _: rng.random()):
        supposed = b"%b%c%b" % (question[:cell], digit, question[cell + 1 :])
        yield from _combinations(supposed, candidates.supposing(cell, digit), cells - 1, among, rng)
