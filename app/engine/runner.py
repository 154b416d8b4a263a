"""What the engine needs of something that runs a model's step: slots with state. Knows no requests, rules or policy."""

from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from app.puzzles.base import Tokens


class Runner(Protocol):
    """Preallocated state (z_H, z_L, inputs) for a fixed number of slots, and the step over the first n of them."""

    device: str
    slots: int
    cells: int

    def on(self, height: int, width: int) -> Self:
        """Other slots, for puzzles of another size, around the same weights. Only for weights that fit every size."""

    def load(self, slot: int, tokens: Tokens, puzzle_id: int = 0) -> None:
        """Put a puzzle (cells,) into a slot, with a fresh carry and that row of the puzzle embedding, where the model has many."""

    def move(self, source: int, target: int) -> None:
        """Copy the state of one slot over another."""

    def step(self, size: int, first: int = 0) -> tuple[Tokens, NDArray[np.float32]]:
        """One step of slots first..first+size-1: answers (size, cells) and the logits (size, 2) of halting and of a contradiction in the input.

        May raise anything its runtime does; then every slot is as it was before.
        """
