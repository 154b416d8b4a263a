"""The TRM step in C on one thread: of the default model 2.4 times ONNX Runtime's speed with vectors of bfloat16, 6 times with AMX.

Knows slots and arrays; no requests, and of rules only whom to ask: the answers of a Sudoku are judged in C while they are in the caches.
"""

import copy
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray

from app.engine.native.judge import Judge
from app.engine.native.library import Library
from app.engine.runner import Judged
from app.errors import InvalidModel
from app.model.config import TRMConfig
from app.model.stored import TABLE, Stored
from app.puzzles.base import Tokens
from app.puzzles.sudoku import SudokuRules

LINE = 64
"""Bytes of a cache line: vectors that lie across two of them take longer."""


def _aligned(shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """Zeros that begin with a cache line."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    room = np.zeros(size + LINE, dtype=np.uint8)
    start = -room.ctypes.data % LINE
    return room[start : start + size].view(dtype).reshape(shape)


class NativeRunner:
    """Slots as preallocated arrays around one model in one build of `step.c`, on one thread."""

    device = "cpu"

    def __init__(self, path: Path, config: TRMConfig, slots: int, build: str, rules: SudokuRules | None = None) -> None:
        """With the rules of a Sudoku it judges its answers. Raises `InvalidModel` for weights that do not fit their config."""
        self.library, self.slots, self.sized = Library(path, config, build), slots, config.mixer != "local"
        self.build, self.rules = build, rules
        self.puzzles = None
        if config.prefix_len:
            self.puzzles = Stored(path, TABLE, (config.num_puzzle_identifiers, config.puzzle_emb_ndim))
        self._allocate(*(config.grid_shape or (1, config.seq_len)))  # only mixer `local` asks where a row ends

    def on(self, height: int, width: int) -> Self:
        """Other slots, for puzzles of another size, around the same weights. Raises `InvalidModel` for weights of one size."""
        if self.sized and height * width != self.cells:
            raise InvalidModel(f"these weights are for {self.cells} cells, not for {height}x{width}")
        other = copy.copy(self)
        other._allocate(height, width)
        return other

    def _allocate(self, height: int, width: int) -> None:
        self.cells = height * width
        self.rows = np.arange(self.slots, dtype=np.int32)
        """Which row of the arrays each slot is: slots change places by these numbers alone."""
        self.tokens, self.questions = (np.zeros((self.slots, self.cells), dtype=np.uint8) for _ in range(2))
        self.fresh = np.zeros(self.slots, dtype=np.uint8)
        hidden, prefix = self.library.hidden, self.library.prefix
        self.puzzle = _aligned((self.slots, prefix * hidden), np.float32)
        self.z_H, self.z_L = (_aligned((self.slots, prefix + self.cells, hidden), np.float32) for _ in range(2))
        self.stepped = np.zeros(self.slots, dtype=np.int32)
        self.answers, self.q = np.zeros((self.slots, self.cells), dtype=np.uint8), np.zeros((self.slots, 2), dtype=np.float32)
        self.space = _aligned((self.library.space(self.cells),), np.float32)
        self.run = self.library.bind(height, width, self.stepped, self.fresh, self.tokens, self.puzzle, self.z_H, self.z_L, self.answers, self.q, self.space)
        self.judge = Judge(self.build, self.rules, self.stepped, self.questions, self.answers) if self.rules else None

    def load(self, slot: int, tokens: Tokens, puzzle_id: int = 0, question: Tokens | None = None) -> None:
        """Put a puzzle (cells,) into a slot, with a fresh carry and that row of the puzzle embedding, where the model has one."""
        row = self.rows[slot]
        self.tokens[row], self.fresh[row] = tokens, True
        self.questions[row] = tokens if question is None else question
        if self.puzzles:
            embedding = self.puzzles[puzzle_id]
            self.puzzle[row, : len(embedding)] = embedding * self.library.scale

    def swap(self, one: int, other: int) -> None:
        """Let two slots exchange what they hold."""
        self.rows[one], self.rows[other] = self.rows[other], self.rows[one]

    def step(self, size: int, first: int = 0) -> tuple[Tokens | Judged, NDArray[np.float32]]:
        """One step of slots first..first+size-1: answers (size, cells) and the logits (size, 2) of halting and of a contradiction in the input."""
        self.stepped[:size] = self.rows[first : first + size]
        self.run(size)
        q = self.q[:size].copy()
        return Judged(self.judge(size), self.answers.__getitem__) if self.judge else self.answers[:size].copy(), q
