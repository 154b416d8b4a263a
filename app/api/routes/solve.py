"""`POST /v1/solve`: one puzzle in, its answer out."""

import time

from fastapi import APIRouter, Request, Response

from app.api.answers import options, written
from app.api.deps import ClientGone, Services, while_connected
from app.api.errors import PROBLEMS
from app.api.schemas import SolveIn, SolveOut
from app.api.visits import CLIENT_GONE
from app.logs import request_id

router = APIRouter(prefix="/v1", tags=["solve"])


@router.post("/solve", response_model=SolveOut, responses=PROBLEMS)
async def solve(body: SolveIn, request: Request) -> Response:
    """Solve one puzzle. The solution comes back in the form that was sent; `verified` is what the rules say of it."""
    work = answered(request.state.services, body, request_id.get() or "", time.perf_counter())
    try:
        return Response(await while_connected(request, work), media_type="application/json")
    except ClientGone:
        return Response(status_code=CLIENT_GONE)


async def answered(services: Services, body: SolveIn, identity: str, started: float) -> bytes:
    """The answer to one puzzle as JSON; `started` is the `perf_counter` value of its arrival. Raises `TRMError`."""
    solver, puzzle = services.solver, body.puzzle
    solution = await solver.run(solver.prepare(puzzle.type, puzzle.grid, body.model, options(body.options), puzzle.puzzle_id))
    return written(solution, solver.families[puzzle.type], puzzle.grid, identity, started)
