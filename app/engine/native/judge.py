"""The rules of Sudoku in C, as Python calls them. Knows arrays; no slots or requests, and no model."""

import ctypes
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.engine.native.builds import path_of
from app.engine.native.library import pointer
from app.puzzles.sudoku import SudokuRules

MOST_CELLS = 256
"""As many as `judge.c` has room for."""


class Judge:
    """`trm_judge` of one build on these arrays: slots (slots,) int32, questions and answers (slots, cells) uint8."""

    def __init__(self, build: str, rules: SudokuRules, slots: NDArray[np.int32], questions: NDArray[np.uint8], answers: NDArray[np.uint8]) -> None:
        self._judge = ctypes.CDLL(str(path_of(build))).trm_judge
        self._judge.restype = None
        (count, side), cells = rules.units.shape, questions.shape[1]
        assert cells <= MOST_CELLS
        self.broken = np.zeros(len(slots), dtype=np.int32)
        """How many rules each answer breaks, as `Rules.violations` counts them, (slots,)."""
        table = rules.units.astype(np.int32)
        self._arrays: tuple[NDArray[Any], ...] = slots, table, questions, answers, self.broken
        sizes = [ctypes.c_int(number) for number in (cells, count, side, rules.blank)]
        self._arguments = pointer(slots), *sizes, *(pointer(array) for array in self._arrays[1:])

    def __call__(self, count: int) -> NDArray[np.int32]:
        """How many rules each of the first `count` answers breaks, (count,), of the questions in the rows that `slots` names; good until the next call."""
        self._judge(ctypes.c_int(count), *self._arguments)
        return self.broken[:count]
