"""`GET /v1/models` and `/v1/models/{name}`: what is served, with what limits, how well it was measured to do, and the step itself."""

from itertools import islice

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse

from app.api.deps import Needs
from app.api.errors import PROBLEMS
from app.api.schemas import ModelOut, ModelsOut
from app.errors import NotFound
from app.model.store import GRAPH, WEIGHTS, Entry

router = APIRouter(prefix="/v1/models", tags=["models"])
MOST_IDS, ONNX = 1000, "application/octet-stream"


@router.get("")
async def models(services: Needs) -> ModelsOut:
    """All models that are served."""
    return ModelsOut(models=[describe(entry) for entry in services.store.entries.values()])


@router.get("/{name}", responses={404: PROBLEMS[404]})
async def model(name: str, services: Needs) -> ModelOut:
    """One model that is served."""
    return describe(services.store.called(name))


@router.get(
    "/{name}/step.onnx",
    response_class=FileResponse,
    responses={200: {"content": {ONNX: {"schema": {"type": "string", "format": "binary"}}}}, 404: PROBLEMS[404]},
)
async def graph(name: str, services: Needs, request: Request) -> Response:
    """The model's step as an ONNX graph, with which anybody can solve without this server; the playground does."""
    entry = services.store.called(name)
    if GRAPH not in entry.manifest.sha256:
        raise NotFound(f"{name} has no {GRAPH}")
    tag = f'"{entry.manifest.sha256[GRAPH]}"'
    headers = {"etag": tag, "cache-control": "no-cache"}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return FileResponse(entry.file(GRAPH), media_type=ONNX, headers=headers)


def describe(entry: Entry) -> ModelOut:
    """A store entry as JSON."""
    manifest = entry.manifest
    return ModelOut(
        name=entry.name,
        version=entry.version,
        description=manifest.description,
        type=manifest.puzzle.family,
        height=manifest.puzzle.height,
        width=manifest.puzzle.width,
        arch=manifest.arch,
        defaults=manifest.defaults.model_dump(),
        limits=manifest.limits.model_dump(),
        guesses=None if manifest.guesses is None else manifest.guesses.model_dump(),
        accuracy=[each.model_dump() for each in manifest.accuracy],
        sha256=manifest.sha256[WEIGHTS],
        puzzle_ids=None if entry.identifiers is None else list(islice(entry.identifiers, MOST_IDS)),
    )
