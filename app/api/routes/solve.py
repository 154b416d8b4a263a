"""`POST /v1/solve`: one puzzle in, its answer out."""

import time

from fastapi import APIRouter, Request, Response

from app.api.answers import options, written
from app.api.deps import ClientGone, Services, while_connected
from app.api.envelope import CLIENT_GONE
from app.api.errors import PROBLEMS
from app.api.schemas import SolveIn, SolveOut
from app.logs import request_id

router = APIRouter(prefix="/v1", tags=["solve"])


@router.post("/solve", response_model=SolveOut, responses=PROBLEMS)
async def solve(body: SolveIn, request: Request) -> Response:
    """Solve one puzzle. The solution comes back in the form that was sent; `verified` is what the rules say of it."""
    services: Services = request.state.services  # no dependency, which the framework takes longer to resolve than we to read a grid
    started, solver = time.perf_counter(), services.solver
    prepared = solver.prepare(body.puzzle.type, body.puzzle.grid, body.model, options(body.options), body.puzzle.puzzle_id)
    try:
        solution = await while_connected(request, solver.run(prepared))
    except ClientGone:
        return Response(status_code=CLIENT_GONE)
    found = written(solution, solver.families[body.puzzle.type], body.puzzle.grid, request_id.get() or "", started)
    return Response(found, media_type="application/json")
