"""The Open Inference Protocol v2 (KServe, Triton) in front of the same solver: `/v2/...`. Knows the protocol's addresses; its errors are `api.errors`'.

A request's puzzles are solved as those of `/v1/solve`, or of `/v1/solve/batch` if there are several: same checks, cache, queue and limits.
"""

import json
import time
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect

from app.api import grids, tensors
from app.api.answers import answer, options
from app.api.deps import ClientGone, Needs, Services, while_connected
from app.api.errors import INFERENCE
from app.api.routes.batch import begun
from app.api.schemas import BatchIn, OptionsIn, SolveOut
from app.api.visits import CLIENT_GONE
from app.errors import InvalidRequest, UnsupportedMediaType, mistakes
from app.logs import request_id
from app.model.store import Entry
from app.puzzles.families import FAMILIES
from app.solver import Solution

HEADER_LENGTH = "Inference-Header-Content-Length"
NOT_OPTIONS = {"binary_data_output"}


class ErrorOut(BaseModel):
    """Why there is no answer, in the protocol's form."""

    error: str


ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorOut, "description": meaning}
    for status, meaning in {
        404: "Unknown model or puzzle id",
        413: "Body over the limit",
        415: "Compressed body",
        422: "Not the protocol's JSON; wrong tensors, grids or parameters",
        503: "Queue full, draining, no worker ready, or the model failed on this puzzle; see Retry-After",
        504: "The deadline passed while the puzzle was waiting",
    }.items()
}
BINARY = {"schema": {"type": "string", "format": "binary"}}
BODY = {"required": True, "content": {"application/json": {"schema": tensors.InferIn.model_json_schema()}, "application/octet-stream": BINARY}}
router = APIRouter(prefix=INFERENCE, tags=["open inference protocol"])


@router.get("")
async def server() -> dict[str, object]:
    """Name, version and extensions of this server."""
    return {"name": "trm-serve", "version": version("trm-serve"), "extensions": ["binary_tensor_data"]}


@router.get("/health/live", responses={503: {"description": "A worker holds puzzles but does not step"}})
async def live(services: Needs) -> Response:
    """Whether the server lives, as `/healthz` says."""
    return _told("live", services.pool.status().live)


@router.get("/health/ready", responses={503: {"description": "Shutting down, or no worker is ready"}})
async def ready(services: Needs) -> Response:
    """Whether the server is ready, as `/readyz` says."""
    return _told("ready", _is_ready(services))


def _told(state: str, yes: bool, **more: object) -> Response:
    return JSONResponse({**more, state: yes}, 200 if yes else 503)


def _is_ready(services: Services) -> bool:
    return bool(services.pool.status().ready) and not services.solver.draining


@router.get("/models/{name}", responses={404: ERRORS[404]})
async def metadata(name: str, services: Needs) -> dict[str, object]:
    """The tensors that a model takes and gives; -1 is any size, and first comes the number of puzzles."""
    entry = services.store.called(name)
    return {"name": entry.name, "versions": [entry.version], "platform": "trm", "inputs": grids.inputs(entry), "outputs": grids.outputs(entry)}


@router.get("/models/{name}/ready", responses={404: ERRORS[404], 503: {"description": "Shutting down, or no worker is ready"}})
async def model_ready(name: str, services: Needs) -> Response:
    """Whether a model can be asked; all models of a server are ready together."""
    return _told("ready", _is_ready(services), name=services.store.called(name).name)


@router.post("/models/{name}/infer", responses=ERRORS, openapi_extra={"requestBody": BODY})
async def infer(name: str, request: Request, services: Needs) -> Response:
    """Solve the puzzles of a request; the options of `/v1/solve` go into `parameters`. If one of several fails, all do, since the protocol has no other way."""
    started, entry = time.perf_counter(), services.store.called(name)
    if request.headers.get("content-encoding", "identity") != "identity":
        raise UnsupportedMediaType("send the body as it is, not compressed")
    try:
        header, given = tensors.read(await request.body(), request.headers.get(HEADER_LENGTH))
        body = BatchIn(puzzles=grids.puzzles(entry, given), model=entry.name, options=_options(header))
        chosen = dict(tensors.wanted(header, [str(each["name"]) for each in grids.outputs(entry)]))
        answers = await while_connected(request, _solved(body, request, services, started))
    except (ClientGone, ClientDisconnect):
        return Response(status_code=CLIENT_GONE)
    return _response(entry, header, grids.results(entry, answers), chosen)


def _options(header: tensors.InferIn) -> OptionsIn:
    """The options among the parameters. Raises `InvalidRequest` for what is neither."""
    try:
        return OptionsIn.model_validate({name: value for name, value in header.parameters.items() if name not in NOT_OPTIONS})
    except ValidationError as error:
        raise InvalidRequest(mistakes(error, "parameters.")) from error


async def _solved(body: BatchIn, request: Request, services: Services, started: float) -> list[SolveOut]:
    """The answers, in order. Raises what is raised for any of the puzzles."""

    def told(index: int, solution: Solution) -> SolveOut:
        puzzle = body.puzzles[index]
        return answer(solution, FAMILIES[puzzle.type], puzzle.grid, request_id.get() or "", started)

    if len(body.puzzles) == 1:
        (puzzle,) = body.puzzles
        return [told(0, await services.solver.solve(puzzle.type, puzzle.grid, body.model, options(body.options), puzzle.puzzle_id))]
    answers = dict[int, SolveOut]()
    async with begun(body, request, services) as batch:
        async for index, result in batch:
            if not isinstance(result, Solution):
                raise result
            answers[index] = told(index, result)
    return [answers[index] for index in sorted(answers)]


def _response(entry: Entry, header: tensors.InferIn, results: dict[str, tensors.Tensor], chosen: dict[str, bool]) -> Response:
    """The answers in the form that was asked for."""
    parts = [tensors.written(results[name], binary=binary) for name, binary in chosen.items()]
    document = {"model_name": entry.name, "model_version": entry.version, "id": header.id or request_id.get(), "outputs": [head for head, _ in parts]}
    content = json.dumps(document).encode()
    if not any(chosen.values()):
        return Response(content, media_type="application/json")
    return Response(b"".join([content, *(data for _, data in parts)]), media_type="application/octet-stream", headers={HEADER_LENGTH: str(len(content))})
