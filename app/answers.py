"""Answers, and how they are remembered: under which key, in which form, for how long and for whom. Knows no cache, pool or HTTP.

An answer that the rules call right is right whatever effort found it, and right of every symmetric copy of its puzzle: all of them share one entry, which
holds the canonical copy. Any other answer is kept for the very puzzle, and for those only who allow no more effort than was spent on it.
"""

import hashlib
from collections.abc import Hashable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import ConfigDict, Field, TypeAdapter

from app.engine.request import HaltReason, Request
from app.model.store import Entry
from app.puzzles.base import Puzzle, Transform

CHECKED = ConfigDict(ser_json_bytes="hex", val_json_bytes="hex", strict=True, extra="forbid")


def is_solved(verified: bool | None, halt_reason: HaltReason) -> bool:
    """Verified; or, where no rule can tell, halted before its deadline."""
    return halt_reason != "deadline" if verified is None else verified


@dataclass(slots=True)
class Answer:
    """What is worth remembering of a solve. All of it is checked where it is read, for a cache may hold anything."""

    __pydantic_config__: ClassVar = CHECKED
    cells: bytes
    verified: bool | None
    optimal: bool | None
    steps: Annotated[int, Field(ge=1)]
    attempts: Annotated[int, Field(ge=1)]
    halt_reason: HaltReason
    halt_probability: Annotated[float, Field(ge=0, le=1)]

    @property
    def right(self) -> bool:
        """Whether no effort could find a better one."""
        return self.verified is True and self.optimal is not False


@dataclass(slots=True)
class Remembered:
    """An answer in the cache, its cells those of the canonical copy; to which puzzle, and with how much effort allowed."""

    __pydantic_config__: ClassVar = CHECKED
    version: Literal[1]
    puzzle: bytes
    max_steps: int
    attempts: int
    answer: Answer


STORED = TypeAdapter(Remembered)
"""How answers are written into the cache and read from it."""


@dataclass(frozen=True, slots=True)
class Keep:
    """How long answers are remembered, in seconds: solved ones, and others."""

    solved: float
    unsolved: float

    def seconds(self, answer: Answer) -> float:
        """How long this one is."""
        return self.solved if is_solved(answer.verified, answer.halt_reason) else self.unsolved


@dataclass(frozen=True)
class Question:
    """A puzzle put to a model. `form` maps it onto the canonical one of its symmetric copies; None where they share nothing."""

    entry: Entry
    puzzle: Puzzle
    request: Request
    form: Transform | None

    @cached_property
    def key(self) -> str:
        """Equal where answers may be shared. A client who does not halt at a verified answer gets one of just the effort and puzzle that were asked for."""
        request, puzzle = self.request, self.puzzle
        if request.halt == "verified":
            asked: tuple[object, ...] = (self._turned(puzzle.cells).hex(),)
        else:
            asked = (puzzle.cells.hex(), request.max_steps, request.attempts, request.copies)
        parts = (self.entry.name, self.entry.version, request.halt, puzzle.height, puzzle.width, *asked)
        return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()

    @property
    def flight(self) -> Hashable:
        """Equal where one solve serves both: of this very puzzle, with this very effort."""
        return self.key, self.puzzle.cells, self.request.max_steps, self.request.attempts

    def write(self, answer: Answer) -> bytes:
        """The answer as a cache holds it."""
        kept = replace(answer, cells=self._turned(answer.cells))
        return STORED.dump_json(Remembered(1, self.puzzle.cells, self.request.max_steps, self.request.attempts, kept))

    def read(self, data: bytes, cells: int) -> Answer | None:
        """What a cache holds, if it answers this question. Raises `ValueError` for what is no answer of so many cells."""
        found = STORED.validate_json(data)
        if len(found.answer.cells) != cells:
            raise ValueError("an answer of another size")
        enough = found.max_steps >= self.request.max_steps and found.attempts >= self.request.attempts
        if not found.answer.right and not (enough and found.puzzle == self.puzzle.cells):
            return None
        return replace(found.answer, cells=self._turned(found.answer.cells, back=True))

    def _turned(self, cells: bytes, *, back: bool = False) -> bytes:
        if self.form is None:
            return cells
        tokens = np.frombuffer(cells, dtype=np.uint8)
        return (self.form.invert(tokens) if back else self.form.apply(tokens)).tobytes()
