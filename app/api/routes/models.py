"""`GET /v1/models` and `/v1/models/{name}`: what is served, with what limits, and how well it was measured to do."""

from itertools import islice

from fastapi import APIRouter

from app.api.deps import Needs
from app.api.errors import PROBLEMS
from app.api.schemas import ModelOut, ModelsOut
from app.errors import UnknownModel, shown
from app.model.store import WEIGHTS, Entry

router = APIRouter(prefix="/v1/models", tags=["models"])
MOST_IDS = 1000


@router.get("")
async def models(services: Needs) -> ModelsOut:
    """All models that are served."""
    return ModelsOut(models=[describe(entry) for entry in services.store.entries.values()])


@router.get("/{name}", responses={404: PROBLEMS[404]})
async def model(name: str, services: Needs) -> ModelOut:
    """One model that is served."""
    if name not in services.store.entries:
        raise UnknownModel(f"no model is called {shown(name)} here; there are: {', '.join(services.store.entries)}")
    return describe(services.store.entries[name])


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
        accuracy=[each.model_dump() for each in manifest.accuracy],
        sha256=manifest.sha256[WEIGHTS],
        puzzle_ids=None if entry.identifiers is None else list(islice(entry.identifiers, MOST_IDS)),
    )
