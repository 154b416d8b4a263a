"""Between the contract's JSON and the solver's values: options in, answers and steps out. Knows no routes."""

import time
from math import isqrt

from app.answers import is_solved
from app.api.schemas import JobOptionsIn, OptionsIn, SolveOut, StepOut, TimingOut, TraceOut
from app.engine.request import TraceStep
from app.preparing import Options
from app.puzzles.base import Family
from app.solver import Solution


def options(given: OptionsIn | JobOptionsIn) -> Options:
    """The options in the solver's units."""
    trace = isinstance(given, OptionsIn) and given.trace
    return Options(halt=given.halt, max_steps=given.max_steps, attempts=given.attempts, timeout=given.timeout_ms / 1000, trace=trace, cache=given.cache)


def answer(solution: Solution, family: Family, grid: object, identity: str, started: float) -> SolveOut:
    """The answer to a puzzle in the form of `grid`; `started` is the `perf_counter` value of its arrival."""
    given = solution.answer
    body = SolveOut(
        id=identity,
        model=solution.entry.name,
        model_version=solution.entry.version,
        type=solution.puzzle.family,
        status="solved" if is_solved(given.verified, given.halt_reason) else "unsolved",
        verified=given.verified,
        solution=family.render(given.cells, grid),
        steps=given.steps,
        attempts=given.attempts,
        halt_reason=given.halt_reason,
        halt_probability=round(given.halt_probability, 6),
        cache=solution.cache,
        timing=TimingOut(
            queue_ms=round(solution.queue_seconds * 1000, 3),
            solve_ms=round(solution.solve_seconds * 1000, 3),
            total_ms=round((time.perf_counter() - started) * 1000, 3),
        ),
    )
    if given.optimal is not None:
        body.optimal = given.optimal
    if solution.trace:
        body.trace = [traced(each, family, grid) for each in solution.trace]
    return body


def traced(step: TraceStep, family: Family, grid: object) -> TraceOut:
    """The answer after one step in the form of `grid`."""
    return TraceOut(attempt=step.attempt, step=step.step, grid=family.render(step.cells, grid), halt_probability=round(step.halt_probability, 6))


def shown(step: TraceStep, family: Family, grid: object, before: object) -> StepOut:
    """The same with the cells in which it differs from the grid `before` it, in the same form."""
    given = traced(step, family, grid)
    return StepOut(**dict(given), changed=[list(cell) for cell in changed(before, given.grid)])


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
