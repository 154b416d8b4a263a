"""Training data: puzzles with their answers, from a CSV or a generator, and endless random copies of them.

Knows token arrays and files; knows no model. CSV columns `question` and `answer` are read, all others ignored, so that both the
Sudoku-Extreme form (`source,question,answer,rating`) and lists of 17-clue puzzles work as they are.
"""

import csv
import gzip
import io
import zlib
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from math import isqrt
from pathlib import Path
from typing import NamedTuple, NoReturn, Protocol

import numpy as np
from numpy.typing import NDArray

from app.errors import InvalidPuzzle, InvalidRequest
from app.puzzles.base import Rules, Tokens
from app.puzzles.sudoku import BLANK, BOXES, Sudoku, SudokuRules

MOST_GUESSES, AMONG = 4, 4
"""Guesses at most that a training puzzle begins with, and of how many cells with few candidates each is one."""

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
    try:
        with gzip.open(path, "rt", newline="") if path.suffix == ".gz" else path.open(newline="") as file:
            rows = csv.DictReader(file)
            if not {"question", "answer"} <= set(rows.fieldnames or ()):
                raise InvalidRequest(f"{path}: the first line must name the columns question and answer")
            pairs, lines = [], array("L")
            for row in rows:
                pairs.append((row["question"] or "", row["answer"] or ""))
                lines.append(rows.line_num)  # not the row's number: lines may be empty
    except (OSError, EOFError, UnicodeDecodeError, csv.Error, zlib.error) as error:
        raise InvalidRequest(f"{path}: it cannot be read: {error}") from error
    if not pairs:
        raise InvalidRequest(f"{path}: no puzzles")
    cells = len(pairs[0][0])
    for line, pair in zip(lines, pairs, strict=True):
        if any(len(grid) != cells or not grid.isascii() for grid in pair):
            _refuse(path, line, pair, f"question and answer must have {cells} characters, as the first question has")
    if isqrt(cells) not in BOXES or isqrt(cells) ** 2 != cells:
        _refuse(path, lines[0], pairs[0], "this is no Sudoku")
    questions, answers = (_tokens([pair[column] for pair in pairs], cells) for column in (0, 1))
    rules = Sudoku().rules(isqrt(cells), isqrt(cells))
    wrong = rules.violations(questions, answers) > 0
    if wrong.any():
        first = int(wrong.argmax())
        _refuse(path, lines[first], pairs[first], "the answer does not solve the question")
    return PuzzleSet(questions, answers, rules.side, rules.side)


def _tokens(grids: Sequence[str], cells: int) -> Tokens:
    """Grids of `cells` symbols each as tokens (count, cells); what is no digit becomes a token that no rule accepts."""
    symbols = np.frombuffer("".join(grids).replace(".", "0").encode(), np.uint8)
    return (symbols - (ord("0") - BLANK)).reshape(-1, cells)


def _refuse(path: Path, line: int, pair: tuple[str, str], otherwise: str) -> NoReturn:
    """Say what is wrong with one row: what the codec says of its grids, or `otherwise`."""
    try:
        for grid in pair:
            Sudoku().parse(grid)
    except InvalidPuzzle as error:
        raise InvalidRequest(f"{path}, line {line}: {error.detail}") from error
    raise InvalidRequest(f"{path}, line {line}: {otherwise}")


def write_csv(puzzles: PuzzleSet, path: Path) -> None:
    """Write `question,answer` rows that `read_csv` reads back; the file is there when all of it is written."""
    family, text = Sudoku(), io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["question", "answer"])
    for question, answer in zip(puzzles.questions, puzzles.answers, strict=True):
        writer.writerow([family.render(question.tobytes(), ""), family.render(answer.tobytes(), "")])
    content, partial = text.getvalue().encode(), path.with_suffix(".partial")
    partial.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)
    partial.replace(path)


class Example(NamedTuple):
    """A question and its answer, each (cells,), and which puzzle embedding it goes with, in a family whose puzzles have one each."""

    question: Tokens
    answer: Tokens
    puzzle_id: int = 0


class Source(Protocol):
    """Where a training run's puzzles come from, without end. All chance is from `rng`, so that a run can be resumed."""

    @property
    def rules(self) -> Rules:
        """The rules of every puzzle drawn."""

    @property
    def rng(self) -> np.random.Generator:
        """The source of chance."""

    def draw(self) -> Example:
        """One example."""


class Sampler:
    """Draws random symmetric copies from weighted sets, with up to `reveal` further cells shown.

    A puzzle with cells of its own answer revealed keeps its one answer, so hard lists give every easier grade too. A share `guess` begins with
    guesses, as attempts in service do; each is right with probability `guess_right`, or by chance.
    """

    def __init__(
        self, sets: Sequence[tuple[PuzzleSet, float]], rules: SudokuRules, reveal: int, rng: np.random.Generator, guess: float = 0.0, guess_right: float = 0.75
    ) -> None:
        self.sets, self.rules, self.reveal, self.rng = [puzzles for puzzles, _ in sets], rules, reveal, rng
        self.guess, self.guess_right = guess, guess_right
        weights = np.array([weight for _, weight in sets], dtype=float)
        self.weights = weights / weights.sum()

    def draw(self) -> Example:
        """One example."""
        puzzles = self.sets[self.rng.choice(len(self.sets), p=self.weights)]
        index = self.rng.integers(len(puzzles))
        question, answer = puzzles.questions[index].copy(), puzzles.answers[index]
        blanks = np.flatnonzero(question == self.rules.blank)
        shown = self.rng.choice(blanks, size=min(int(self.rng.integers(self.reveal + 1)), max(0, len(blanks) - 1)), replace=False)
        question[shown] = answer[shown]
        if self.rng.random() < self.guess:
            self._guess(question, answer)
        symmetry = self.rules.symmetry(self.rng)
        return Example(symmetry.apply(question), symmetry.apply(answer))

    def _guess(self, question: Tokens, answer: Tokens) -> None:
        """Write one to `MOST_GUESSES` digits that nothing contradicts into cells with few candidates, as an attempt in service begins."""
        for _ in range(int(self.rng.integers(1, MOST_GUESSES + 1))):
            candidates = self.rules.size.candidates(question.tobytes())
            if candidates.open.bit_count() < 2:
                return
            cell = candidates.scarcest(AMONG, self.rng.random)
            digits = candidates.tokens(cell)
            right = self.rng.random() < self.guess_right or not digits
            question[cell] = answer[cell] if right else self.rng.choice(digits)
