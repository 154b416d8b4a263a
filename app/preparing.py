"""From what a client sent to what a pool can be given: grid, model, options. Refuses whatever is wrong with it and starts nothing.

Knows families and models; knows no cache, pool or HTTP.
"""

import time
from collections.abc import Mapping
from functools import lru_cache
from itertools import count, islice
from typing import Literal, NamedTuple

from app.engine.request import Copy, Halt, Request
from app.errors import FieldError, InvalidPuzzle, InvalidRequest, UnknownPuzzle, shown
from app.model.identifiers import IDENTIFIERS
from app.model.store import Entry, ModelStore
from app.puzzles.base import Family, Puzzle

CacheUse = Literal["use", "refresh", "bypass"]
MOST_NAMED = 5
"""Puzzle ids that one sentence names."""
KEPT = 64
"""Terms that are kept; a client may make up as many as it likes."""
NUMBERS = count(1)
"""Of requests, of which no two in one process have the same."""


class Options(NamedTuple):
    """What a client may choose; None means the model's default. `timeout` is in seconds."""

    halt: Halt | None = None
    max_steps: int | None = None
    attempts: int | None = None
    timeout: float = 10.0
    trace: bool = False
    cache: CacheUse = "use"


class Prepared(NamedTuple):
    """A puzzle with the model that reads it and all that is asked of it: it can be refused for want of room or time only."""

    puzzle: Puzzle
    entry: Entry
    request: Request
    cache: CacheUse


class Terms(NamedTuple):
    """What follows from all that is asked of a puzzle but its cells and its time: the same for most puzzles of a client, so worked out once."""

    entry: Entry
    grid: tuple[int, int]
    """The model's grid that it is put on, height and width."""
    halt: Halt
    max_steps: int
    attempts: int
    copies: tuple[Copy, ...]


class Desk:
    """Where puzzles are handed in: the families that can be read and the models that are served."""

    def __init__(self, families: Mapping[str, Family], store: ModelStore) -> None:
        self.families, self.store = families, store
        self.terms = lru_cache(KEPT)(self._terms)

    def prepare(self, name: str, grid: object, model: str | None, options: Options, puzzle_id: str | None, *, place: str, bulk: bool) -> Prepared:
        """Read one grid, which stands at `place` in the body, and fill in the model's defaults; `bulk` if it is one of many.

        Raises `InvalidRequest` for a wrong grid or options beyond the model's limits, `UnknownModel`, and `UnknownPuzzle` for an id it was not trained on.
        """
        family = self.families[name]
        try:
            puzzle = family.parse(grid)
        except InvalidPuzzle as error:
            raise error.at(f"{place}/grid") from error
        _check_id(family, puzzle_id, f"{place}/puzzle_id")
        entry, size, halt, max_steps, attempts, copies = self.terms(
            name, model, puzzle.height, puzzle.width, puzzle_id, options.halt, options.max_steps, options.attempts
        )
        request = Request(
            id=str(next(NUMBERS)),
            cells=family.place(puzzle, *size),
            halt=halt,
            max_steps=max_steps,
            attempts=attempts,
            deadline=time.monotonic() + options.timeout,
            trace=options.trace,
            copies=copies,
            bulk=bulk,
        )
        return Prepared(puzzle, entry, request, options.cache)

    def _terms(
        self, name: str, model: str | None, height: int, width: int, puzzle_id: str | None, halt: Halt | None, max_steps: int | None, attempts: int | None
    ) -> Terms:
        entry = self.store.resolve(model, name, height, width, puzzle_id)
        limits, defaults = entry.manifest.limits, entry.manifest.defaults
        for option, value, most in (("max_steps", max_steps, limits.max_steps), ("attempts", attempts, limits.attempts)):
            if value is not None and not 1 <= value <= most:
                raise _refused(option, f"{option} is 1 to {most} for {entry.name}, not {value}")
        if halt == "verified" and not self.families[name].rules(height, width).verifiable:
            raise _refused("halt", f"no rule can verify {name}; use learned or never")
        tries = attempts or defaults.attempts
        copies = _copies(entry, puzzle_id, tries)
        return Terms(entry, entry.grid(height, width), halt or defaults.halt, max_steps or defaults.max_steps, len(copies) or tries, copies)


def _check_id(family: Family, puzzle_id: str | None, pointer: str) -> None:
    """Raise `InvalidRequest` unless there is an id exactly where puzzles have one."""
    if (puzzle_id is not None) != family.named:
        needed = f"{family.name} needs a puzzle_id: a model answers the tasks that it was trained on, by name"
        detail = needed if puzzle_id is None else f"{family.name} puzzles have no puzzle_id"
        raise InvalidRequest(detail, fields=(FieldError(pointer, detail),))


def _refused(option: str, detail: str) -> InvalidRequest:
    return InvalidRequest(detail, fields=(FieldError(f"/options/{option}", detail),))


def _copies(entry: Entry, puzzle_id: str | None, most: int) -> tuple[Copy, ...]:
    """The trained copies of a puzzle that its attempts run on, at most so many; none where puzzles have no ids."""
    if puzzle_id is None:
        return ()
    known = entry.identifiers
    if known is None:
        raise UnknownPuzzle(f"{entry.name} knows no puzzle ids: it was imported without its {IDENTIFIERS}, so no puzzle can be named")
    if puzzle_id not in known:
        some = ", ".join(islice(known, MOST_NAMED))
        raise UnknownPuzzle(
            f"{entry.name} was not trained on {shown(puzzle_id)}, and such a model answers only the tasks that it was trained on; it knows "
            f"{len(known.rows)} puzzle ids, such as {some}; GET /v1/models/{entry.name} lists them"
        )
    return tuple(Copy(row, name) for row, name in known.copies(puzzle_id, most))
