"""What goes over the wire between the benchmark and a peer: grids of 81 digits, in JSON. Knows no model and no server."""

from typing import TypedDict

import numpy as np

from app.puzzles.base import Tokens
from app.puzzles.sudoku import BLANK

DIGIT = ord("0") - BLANK
"""What to add to a token for its symbol, blank cells being 0."""


class Asked(TypedDict):
    """`grid`: 81 digits, 0 for empty. `guessed`: whether digits were supposed, so that fewer steps will do and the model may doubt them."""

    grid: str
    guessed: bool


class Answer(TypedDict):
    """`grid`: the 81 digits of the last step; `verified`: whether they solve the grid that was asked."""

    grid: str
    verified: bool


def tokens(grid: str) -> Tokens:
    """A grid of 81 digits as tokens (81,)."""
    return np.frombuffer(grid.encode(), np.uint8) - np.uint8(DIGIT)


def text(cells: Tokens) -> str:
    """Tokens (81,) as digits; a token that is no digit comes out as some other symbol."""
    return (cells + np.uint8(DIGIT)).tobytes().decode("latin-1")
