"""`POST /v1/solve`: one puzzle in, its answer out."""

import time

from fastapi import APIRouter, Request, Response

from app.answers import is_solved
from app.api.deps import ClientGone, Needs, while_connected
from app.api.envelope import CLIENT_GONE, request_id
from app.api.errors import PROBLEMS
from app.api.schemas import OptionsIn, SolveIn, SolveOut, TimingOut, TraceOut
from app.errors import InvalidPuzzle
from app.puzzles.base import Family
from app.solver import Options, Solution

router = APIRouter(prefix="/v1", tags=["solve"])


@router.post("/solve", response_model=SolveOut, response_model_exclude_unset=True, responses=PROBLEMS)
async def solve(body: SolveIn, request: Request, services: Needs) -> SolveOut | Response:
    """Solve one puzzle. The solution comes back in the form that was sent; `verified` is what the rules say of it."""
    started, solver = time.perf_counter(), services.solver
    work = solver.solve(body.puzzle.type, body.puzzle.grid, body.model, options(body.options), body.puzzle.puzzle_id)
    try:
        solution = await while_connected(request, work)
    except ClientGone:
        return Response(status_code=CLIENT_GONE)
    except InvalidPuzzle as error:
        raise error.at("/puzzle/grid") from error
    return answer(solution, solver.families[body.puzzle.type], body.puzzle.grid, started)


def options(given: OptionsIn) -> Options:
    """The options in the solver's units."""
    return Options(halt=given.halt, max_steps=given.max_steps, attempts=given.attempts, timeout=given.timeout_ms / 1000, trace=given.trace, cache=given.cache)


def answer(solution: Solution, family: Family, grid: object, started: float) -> SolveOut:
    """The response; `started` is a `perf_counter` value."""
    given = solution.answer
    body = SolveOut(
        id=request_id.get() or "",
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
        body.trace = [
            TraceOut(attempt=each.attempt, step=each.step, grid=family.render(each.cells, grid), halt_probability=round(each.halt_probability, 6))
            for each in solution.trace
        ]
    return body
