"""A runner without a model: it knows the answer of every Sudoku, or of what else it is told, and shows it after as many steps as it is told to take."""

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from app.puzzles.base import Tokens
from app.training.generator import Search

NEVER = math.inf


@lru_cache(4096)
def answer_to(question: bytes) -> bytes:
    """The answer of a puzzle, both as tokens; the first in search order where there are several."""
    side = int(len(question) ** 0.5)
    return bytes(digit + 1 for digit in Search(side).run([token - 1 for token in question], 1).solutions[0])


class Clock:
    """Time that goes on only when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Oracle:
    """Shows one more blank at every step, and the whole answer from step `depth(tokens)` on; then its halting logit turns positive.

    With a clock, every step takes a second of it.
    """

    device = "cpu"

    def __init__(
        self, slots: int, cells: int, depth: Callable[[bytes], float], clock: Clock | None = None, answers: Callable[[bytes], bytes] = answer_to
    ) -> None:
        self.slots, self.cells, self.depth, self.clock, self.answers = slots, cells, depth, clock, answers
        self.tokens = np.zeros((slots, cells), dtype=np.uint8)
        self.steps = np.zeros(slots, dtype=int)
        self.sizes: list[int] = []

    def load(self, slot: int, tokens: Tokens, puzzle_id: int = 0, question: Tokens | None = None) -> None:
        self.tokens[slot], self.steps[slot] = tokens, 0

    def swap(self, one: int, other: int) -> None:
        for state in (self.tokens, self.steps):
            state[[one, other]] = state[[other, one]]

    def step(self, size: int, first: int = 0) -> tuple[Tokens, NDArray[np.float32]]:
        self.sizes.append(size)
        slots = range(first, first + size)
        self.steps[slots] += 1
        if self.clock is not None:
            self.clock.now += 1
        left = [self.depth(self.tokens[slot].tobytes()) - self.steps[slot] for slot in slots]
        return np.stack([self._shown(slot, remaining <= 0) for slot, remaining in zip(slots, left, strict=True)]), self.logits(np.array(left))

    def logits(self, left: NDArray[np.float64]) -> NDArray[np.float32]:
        """Halt when the answer is there; no question contradicts itself."""
        return np.stack([np.clip(0.5 - left, -9, 9), np.full(len(left), -9)], axis=-1).astype(np.float32)

    def _shown(self, slot: int, everything: bool) -> Tokens:
        question = self.tokens[slot]
        answer = np.frombuffer(self.answers(question.tobytes()), dtype=np.uint8)
        if everything:
            return answer.copy()
        shown, blanks = question.copy(), np.flatnonzero(question == 1)
        some = blanks[: min(self.steps[slot], len(blanks) - 1)]
        shown[some] = answer[some]
        return shown
