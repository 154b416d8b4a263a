"""Engines around an oracle, and the loop that a worker has around an engine."""

from collections.abc import Callable
from zlib import crc32

from app.engine.engine import Engine
from app.engine.request import Finished, Outcome, Request
from app.engine.scheduler import Guesses, Refill
from app.puzzles.sudoku import rules
from tests.support.runners import NEVER, Clock, Oracle


def varied(question: bytes) -> float:
    """A depth of 1 to 7, fixed by the puzzle."""
    return 1 + crc32(question) % 7


def copies_only(*questions: bytes, depth: float = 2) -> Callable[[bytes], float]:
    """Never the puzzles themselves, their symmetric copies after `depth` steps."""
    return lambda question: NEVER if question in questions else depth


def engine(
    side: int = 9,
    slots: int = 4,
    depth: Callable[[bytes], float] = varied,
    refill: Refill = "step",
    clock: Clock | None = None,
    guesses: Guesses | None = None,
) -> Engine:
    clock = clock or Clock()
    return Engine(Oracle(slots, side * side, depth, clock), rules(side), refill=refill, guesses=guesses, clock=clock)


def run(engine: Engine, *requests: Request) -> dict[str, Finished]:
    """Solve all of `requests`; what came of each."""
    for request in requests:
        engine.add(request)
    finished: dict[str, Finished] = {}
    while engine.busy:
        for each in engine.step().finished:
            assert each.id not in finished, "finished twice"
            finished[each.id] = each
    return finished


def solve(engine: Engine, request: Request) -> Outcome:
    """Solve one request that gets its turn."""
    finished = run(engine, request)[request.id]
    assert isinstance(finished, Outcome)
    return finished
