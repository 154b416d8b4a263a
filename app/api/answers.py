"""Between the contract's JSON and the solver's values: options in, answers and steps out. Knows no routes."""

import time
from collections.abc import AsyncIterator
from math import isqrt

from pydantic_core import to_json

from app.api.schemas import JobOptionsIn, OptionsIn, SolveOut, StepOut, TraceOut
from app.engine.request import TraceStep
from app.preparing import Options
from app.puzzles.base import Family
from app.solver import Solution
from app.watching import Watching


def options(given: OptionsIn | JobOptionsIn) -> Options:
    """The options in the solver's units."""
    trace = isinstance(given, OptionsIn) and given.trace
    return Options(halt=given.halt, max_steps=given.max_steps, attempts=given.attempts, timeout=given.timeout_ms / 1000, trace=trace, cache=given.cache)


def answer(solution: Solution, family: Family, grid: object, identity: str, started: float) -> SolveOut:
    """The answer to a puzzle in the form of `grid`; `started` is the `perf_counter` value of its arrival."""
    return SolveOut.model_validate(_fields(solution, family, grid, identity, started))


def written(solution: Solution, family: Family, grid: object, identity: str, started: float) -> bytes:
    """The same as JSON, of which a fifth of the time is left where no model is made of it first."""
    return to_json(_fields(solution, family, grid, identity, started), inf_nan_mode="null")


def _fields(solution: Solution, family: Family, grid: object, identity: str, started: float) -> dict[str, object]:
    """What a `SolveOut` says, in its order."""
    given = solution.answer
    fields: dict[str, object] = {
        "id": identity,
        "model": solution.entry.name,
        "model_version": solution.entry.version,
        "type": solution.puzzle.family,
        "status": solution.status,
        "verified": given.verified,
        "optimal": given.optimal,
        "solution": family.render(given.cells, grid),
        "steps": given.steps,
        "attempts": given.attempts,
        "halt_reason": given.halt_reason,
        "halt_probability": round(given.halt_probability, 6),
        "cache": solution.cache,
        "timing": {
            "queue_ms": round(solution.queue_seconds * 1000, 3),
            "solve_ms": round(solution.solve_seconds * 1000, 3),
            "total_ms": round((time.perf_counter() - started) * 1000, 3),
        },
    }
    if given.optimal is None:
        del fields["optimal"]
    if solution.trace:
        fields["trace"] = [traced(each, family, grid) for each in solution.trace]
    return fields


def traced(step: TraceStep, family: Family, grid: object) -> TraceOut:
    """The answer after one step in the form of `grid`."""
    return TraceOut(attempt=step.attempt, step=step.step, grid=family.render(step.cells, grid), halt_probability=round(step.halt_probability, 6))


def shown(step: TraceStep, family: Family, grid: object, before: object) -> StepOut:
    """The same with the cells in which it differs from the grid `before` it, in the same form."""
    given = traced(step, family, grid)
    return StepOut(**dict(given), changed=[list(cell) for cell in changed(before, given.grid)])


async def told(watch: Watching, family: Family, grid: object, question: bytes, identity: str, started: float) -> AsyncIterator[StepOut | SolveOut]:
    """What a watcher sees of the puzzle `grid`, whose cells are `question`: step after step, then the answer. Raises what `watch` raises."""
    before = family.render(question, grid)
    async for each in watch:
        if isinstance(each, TraceStep):
            step = shown(each, family, grid, before)
            before = step.grid
            yield step
        else:
            yield answer(each, family, grid, identity, started)


def changed(before: object, after: object) -> list[tuple[int, int]]:
    """Row and column, from 0, of the cells of a grid that were other ones before, or none."""
    old, new = _cells(before), _cells(after)
    return [place for place, symbol in new.items() if old.get(place) != symbol]


def _cells(grid: object) -> dict[tuple[int, int], object]:
    """A grid's symbols by row and column, whichever its form."""
    if isinstance(grid, str):
        side = isqrt(len(grid))
        return {divmod(index, side): symbol for index, symbol in enumerate(grid)}
    assert isinstance(grid, list)
    return {(row, column): symbol for row, line in enumerate(grid) for column, symbol in enumerate(line)}
