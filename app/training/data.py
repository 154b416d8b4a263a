"""Training data: puzzles with their answers, from a CSV or a generator, and endless random copies of them.

Knows token arrays and files; knows no model. CSV columns `question` and `answer` are read, all others ignored, so that both the
Sudoku-Extreme form (`source,question,answer,rating`) and lists of 17-clue puzzles work as they are.
"""

import csv
import gzip
import io
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.errors import InvalidPuzzle, InvalidRequest
from app.puzzles.base import Rules, Tokens
from app.puzzles.sudoku import BLANK, Sudoku

HOLDOUT_SHARE = 32
"""One puzzle in this many is held out for evaluation, chosen by a checksum of its question, whatever file it is in."""


@dataclass(frozen=True, slots=True)
class PuzzleSet:
    """Questions and answers of one grid size, each (count, cells)."""

    questions: Tokens
    answers: Tokens
    height: int
    width: int

    def __len__(self) -> int:
        return len(self.questions)

    def split(self) -> tuple["PuzzleSet", "PuzzleSet"]:
        """(training part, held-out part): the same puzzles fall on the same side in every run."""
        held = np.array([zlib.crc32(question.tobytes()) % HOLDOUT_SHARE == 0 for question in self.questions], dtype=bool)
        return self.take(~held), self.take(held)

    def take(self, index: NDArray[np.bool_] | NDArray[np.intp]) -> "PuzzleSet":
        """The puzzles that an index or a mask selects."""
        return PuzzleSet(self.questions[index], self.answers[index], self.height, self.width)


def read_csv(path: Path) -> PuzzleSet:
    """Read a Sudoku CSV, gzipped or not. Raises `InvalidRequest` naming the file and line of the first wrong row."""
    questions, answers, family, size = [], [], Sudoku(), None
    with gzip.open(path, "rt", newline="") if path.suffix == ".gz" else path.open(newline="") as file:
        rows = csv.DictReader(file)
        if not {"question", "answer"} <= set(rows.fieldnames or ()):
            raise InvalidRequest(f"{path}: the first line must name the columns question and answer")
        for line, row in enumerate(rows, start=2):
            try:
                question, answer = family.parse(row["question"]), family.parse(row["answer"])
            except InvalidPuzzle as error:
                raise InvalidRequest(f"{path}, line {line}: {error.detail}") from error
            size = size or (question.height, question.width)
            wrong = family.rules(*size).violations(question.tokens[None], answer.tokens[None]) if len(answer.cells) == len(question.cells) else [1]
            if (question.height, question.width) != size or wrong[0]:
                raise InvalidRequest(f"{path}, line {line}: the answer does not solve the question, or the size changes")
            questions.append(question.tokens)
            answers.append(answer.tokens)
    if size is None:
        raise InvalidRequest(f"{path}: no puzzles")
    return PuzzleSet(np.array(questions), np.array(answers), *size)


def write_csv(puzzles: PuzzleSet, path: Path) -> None:
    """Write `question,answer` rows that `read_csv` reads back."""
    family, text = Sudoku(), io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["question", "answer"])
    for question, answer in zip(puzzles.questions, puzzles.answers, strict=True):
        writer.writerow([family.render(question.tobytes(), ""), family.render(answer.tobytes(), "")])
    path.write_bytes(gzip.compress(text.getvalue().encode(), mtime=0) if path.suffix == ".gz" else text.getvalue().encode())


class Sampler:
    """Draws random symmetric copies from weighted sets, with up to `reveal` further cells shown.

    A puzzle with cells of its own answer revealed keeps its one answer, so hard lists give every easier grade too.
    """

    def __init__(self, sets: Sequence[tuple[PuzzleSet, float]], rules: Rules, reveal: int, rng: np.random.Generator) -> None:
        self.sets, self.rules, self.reveal, self.rng = [puzzles for puzzles, _ in sets], rules, reveal, rng
        weights = np.array([weight for _, weight in sets], dtype=float)
        self.weights = weights / weights.sum()

    def draw(self) -> tuple[Tokens, Tokens]:
        """One (question, answer), each (cells,)."""
        puzzles = self.sets[self.rng.choice(len(self.sets), p=self.weights)]
        index = self.rng.integers(len(puzzles))
        question, answer = puzzles.questions[index].copy(), puzzles.answers[index]
        blanks = np.flatnonzero(question == BLANK)
        shown = self.rng.choice(blanks, size=min(int(self.rng.integers(self.reveal + 1)), len(blanks) - 1), replace=False)
        question[shown] = answer[shown]
        symmetry = self.rules.symmetry(self.rng)
        return symmetry.apply(question), symmetry.apply(answer)
