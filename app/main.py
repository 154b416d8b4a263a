"""The composition root: builds everything from `Settings`, opens it in order and closes it in reverse."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import TypedDict

from fastapi import FastAPI

from app.answers import Keep
from app.api import errors
from app.api.deps import Services
from app.api.envelope import Envelope
from app.api.routes import batch, models, operations, solve, stream, web
from app.batch import Batches
from app.cache.address import parse
from app.cache.base import Cache
from app.cache.memory import MemoryCache
from app.cache.redis import RedisCache
from app.cache.tiered import TieredCache
from app.energy import Energy
from app.errors import TRMError
from app.metrics import Metrics
from app.model.store import ModelStore
from app.pool.messages import WorkerSpec
from app.pool.processes import ProcessPool
from app.puzzles.families import FAMILIES
from app.settings import Settings
from app.solver import Solver

log = logging.getLogger(__name__)


class State(TypedDict):
    """What the lifespan hands to every request."""

    services: Services


CPU_SLOTS, GPU_SLOTS = 32, 256
"""Slots of a worker where the settings leave them open. A CPU steps more of them no faster, each; a GPU wants many."""


def worker_spec(settings: Settings, store: ModelStore) -> WorkerSpec:
    """How the settings want a worker."""
    return WorkerSpec(
        store=settings.model_store,
        models=tuple(store.entries),
        backend=settings.backend,
        device=settings.device,
        slots=settings.slots or (CPU_SLOTS if settings.device == "cpu" else GPU_SLOTS),
        batch=settings.batch,
        threads=settings.threads,
        refill=settings.refill,
    )


def create_cache(settings: Settings, metrics: Metrics) -> Cache:
    """Answers in memory, and on Redis too where there is one."""
    memory, url = MemoryCache(settings.cache_entries), settings.redis_url.get_secret_value()
    return TieredCache(memory, RedisCache(parse(url), metrics, settings.redis_timeout_seconds)) if url else memory


def create_services(settings: Settings) -> Services:
    """Everything that a request may need; nothing is started yet. Raises `InvalidModel` for an unusable store."""
    store = ModelStore(settings.model_store, settings.models)
    metrics = Metrics(tuple(store.entries), Energy(settings.device).read)
    for entry in store.entries.values():
        entry.identifiers  # noqa: B018  # read now, so that a wrong file ends the start and not a request
        metrics.model_info.labels(entry.name, entry.version, entry.manifest.puzzle.family).set(1)
    pool = ProcessPool(worker_spec(settings, store), settings.workers, settings.queue_capacity, metrics, stall_seconds=settings.stall_seconds)
    keep = Keep(solved=settings.cache_seconds, unsolved=settings.cache_unsolved_seconds)
    solver = Solver(FAMILIES, store, pool, create_cache(settings, metrics), metrics, keep)
    batches = Batches(solver, settings.batch_puzzles, settings.batch_backlog)
    return Services(solver, pool, store, metrics, batches)


def create_app(settings: Settings, services: Services | None = None) -> FastAPI:
    """The ASGI application; its lifespan starts the workers and stops them."""
    made = services or create_services(settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[State]:
        try:
            await made.pool.start()
        except TRMError as error:
            log.critical(error.detail)
            raise
        try:
            await made.solver.cache.start()
            yield {"services": made}
        finally:
            made.solver.draining = True
            await made.pool.close()
            await made.solver.close()

    app = FastAPI(
        title="TRM Serve",
        version=version("trm-serve"),
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        description="Solves puzzles with Tiny Recursive Models.",
    )
    errors.install(app, made.metrics)
    for router in (solve.router, batch.router, stream.router, models.router, operations.router, web.router):
        app.include_router(router)
    app.add_middleware(Envelope, metrics=made.metrics, max_body_bytes=settings.max_body_bytes, larger={"/v1/solve/batch": settings.max_batch_bytes})
    return app
