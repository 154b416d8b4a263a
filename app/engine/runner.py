"""What the engine needs of something that runs a model's step: slots with state. Knows no requests, rules or policy."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from app.puzzles.base import Tokens


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """Answers of a step that stay where the runner has them, with how many rules each breaks, (size,), as `Rules.violations` counts them.

    `fetch` brings those of some rows of the step, (rows, cells). Both are good until the next step only.
    """

    violations: NDArray[np.signedinteger]
    fetch: Callable[[list[int]], Tokens]


class Runner(Protocol):
    """Preallocated state (z_H, z_L, inputs) for a fixed number of slots, and the step over the first n of them."""

    device: str
    slots: int
    cells: int

    def on(self, height: int, width: int) -> Self:
        """Other slots, for puzzles of another size, around the same weights. Only for weights that fit every size."""

    def load(self, slot: int, tokens: Tokens, puzzle_id: int = 0, question: Tokens | None = None) -> None:
        """Put a puzzle (cells,) into a slot, with a fresh carry and that row of the puzzle embedding, where the model has many.

        `question` is the puzzle as it is judged, where the tokens have guesses in it; a runner that does not judge has no use for it.
        """

    def swap(self, one: int, other: int) -> None:
        """Let two slots exchange what they hold."""

    def step(self, size: int, first: int = 0) -> tuple[Tokens | Judged, NDArray[np.float32]]:
        """One step of slots first..first+size-1: answers (size, cells) and the logits (size, 2) of halting and of a contradiction in the input.

        May raise anything its runtime does; then every slot is as it was before.
        """
