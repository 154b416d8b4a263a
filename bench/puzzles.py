"""The puzzles of every benchmark: a third easy, a third medium, a third hard, from our own generator, the same in every run."""

from pathlib import Path

import numpy as np

from app.training.data import PuzzleSet, read_csv, write_csv
from app.training.evaluate import with_clues
from app.training.generator import generate, guesses

CACHE = Path(__file__).resolve().parent.parent / "build" / "bench_puzzles.csv.gz"
MINIMAL = 240
"""Minimal puzzles generated; the harder half of them is the hard third."""


def minimal_puzzles() -> PuzzleSet:
    """Minimal 9x9 puzzles (no clue can go), hardest first; generated once and kept under `build/`."""
    if not CACHE.exists():
        puzzles = generate(9, MINIMAL, (17, 17), np.random.default_rng(0))
        order = np.argsort([-guesses(question) for question in puzzles.questions], kind="stable")
        CACHE.parent.mkdir(exist_ok=True)
        write_csv(puzzles.take(order), CACHE)
    return read_csv(CACHE)


def mix(count: int, clues: tuple[int, int] = (36, 28), hard: PuzzleSet | None = None) -> PuzzleSet:
    """`count` distinct puzzles: a third with 36 clues, a third with 28, a third minimal and hard (of our own, or `hard`, which has the fewest clues); shuffled.

    There are fewer hard puzzles than that may take: the rest are random symmetric copies, which are just as hard.
    """
    from app.puzzles.sudoku import rules

    rng, hard = np.random.default_rng(1), hard or minimal_puzzles().take(np.arange(MINIMAL // 2))
    thirds = [*(with_clues(hard, shown, rng) for shown in clues), hard]
    questions, answers = [], []
    for index in range(count):
        puzzles, symmetry = thirds[index % 3], rules(9).symmetry(rng)
        pick = (index // 3) % len(hard)
        questions.append(symmetry.apply(puzzles.questions[pick]))
        answers.append(symmetry.apply(puzzles.answers[pick]))
    order = rng.permutation(count)
    return PuzzleSet(np.array(questions)[order], np.array(answers)[order], 9, 9)
