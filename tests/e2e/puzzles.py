"""Puzzles to post: one known to everybody, and as many equally hard ones as a test needs."""

import json
from functools import cache

import numpy as np

from app.puzzles.sudoku import BLANK, Sudoku, rules
from app.training.generator import generate
from tests.e2e.serving import MODELS, STORE

NEWSPAPER = "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79"
ANSWER = "534678912672195348198342567859761423426853791713924856961537284287419635345286179"

IMPOSSIBLE = "12345678........9" + "." * 64
"""No two givens contradict each other, yet r1c9 can only be 9 and may not be: it takes every step and attempt there is."""

EASY_CLUES = {4: (6, 8), 6: (16, 20), 9: (34, 40)}
"""Clues of generated puzzles that any trained model solves."""


def rows(text: str) -> list[list[int]]:
    side = int(len(text) ** 0.5)
    return [[0 if symbol == "." else int(symbol) for symbol in text[start : start + side]] for start in range(0, len(text), side)]


def distinct(count: int, seed: int = 0) -> list[str]:
    """Copies of the newspaper's puzzle with eight more cells filled in, always others: no answer serves two of them, as it would two symmetric copies."""
    family, rng = Sudoku(), np.random.default_rng(seed)
    question, answer = (family.parse(grid).tokens for grid in (NEWSPAPER, ANSWER))
    found: dict[str, None] = {}
    while len(found) < count:
        shown = question.copy()
        cells = rng.choice(np.flatnonzero(question == BLANK), 8, replace=False)
        shown[cells] = answer[cells]
        found[symmetric_copy(str(family.render(shown.tobytes(), "")), seed=int(rng.integers(2**32)))] = None
    return list(found)


def symmetric_copy(grid: str, seed: int) -> str:
    """A puzzle that looks different and is not."""
    family = Sudoku()
    return str(family.render(rules(9).symmetry(np.random.default_rng(seed)).apply(family.parse(grid).tokens).tobytes(), ""))


def family_of(model: str) -> str:
    """The family of puzzles that a model of the store reads."""
    return str(json.loads((STORE / model / "config.json").read_text())["puzzle"]["family"])


def side_of(model: str) -> int:
    """The side of the grids that a model of the store reads."""
    return int(json.loads((STORE / model / "config.json").read_text())["puzzle"]["height"])


SUDOKUS, MAZES = ([model for model in MODELS if family_of(model) == family] for family in ("sudoku", "maze"))
"""The models of the store, by what they read."""


@cache
def easy(side: int, count: int = 4) -> list[tuple[str, str]]:
    """(question, answer) of generated puzzles."""
    family, puzzles = Sudoku(), generate(side, count, EASY_CLUES[side], np.random.default_rng(side))
    return [
        (str(family.render(question.tobytes(), "")), str(family.render(answer.tobytes(), "")))
        for question, answer in zip(puzzles.questions, puzzles.answers, strict=True)
    ]
