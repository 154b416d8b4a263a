"""The composition root: builds everything from `Settings`, opens it in order and closes it in reverse."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from importlib.metadata import version
from typing import TypedDict

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
from starlette.middleware.cors import CORSMiddleware

from app.access import keys
from app.access.door import Door
from app.access.limits import LocalLimits
from app.access.redis import SharedLimits
from app.answers import Keep
from app.api import errors
from app.api.deps import Jobs, Services
from app.api.envelope import Envelope
from app.api.express import Express
from app.api.guard import Guard, declare
from app.api.layers import Layered
from app.api.lines import Lines
from app.api.routes import batch, inference, jobs, models, operations, solve, stream, web
from app.api.turnstile import Turnstile
from app.api.visits import Visits
from app.batch import Batches
from app.cache.address import parse
from app.cache.base import Cache
from app.cache.link import Link
from app.cache.memory import MemoryCache
from app.cache.redis import RedisCache
from app.cache.tiered import TieredCache
from app.energy import Energy
from app.errors import TRMError
from app.jobs.base import JobStore, Limits
from app.jobs.consumer import Consumer
from app.jobs.memory import MemoryJobs
from app.jobs.redis import RedisJobs
from app.metrics import Metrics
from app.model.store import ModelStore
from app.pool.messages import WorkerSpec
from app.pool.processes import ProcessPool
from app.puzzles.families import FAMILIES
from app.settings import CORES, Settings
from app.solver import Solver
from app.tracing.base import create_tracer

log = logging.getLogger(__name__)


class State(TypedDict):
    """What the lifespan hands to every request."""

    services: Services
    turnstile: Turnstile | None
    express: Express | None
    """For the connection, which comes before all else; None where nothing is solved."""


LOOPBACK = ("127.0.0.1", "::1", "localhost")
"""Addresses that nobody but this machine reaches."""
SHOWN = ("X-Request-ID", "Retry-After", "Location")
"""Headers that pages of other origins may read."""
UNTOLD = TelemetryConfig(tracing=False, metrics=False, logs=False, auto_configure=False)
"""FastAPI's own telemetry is off: `tracing` and `metrics` say what there is to say, once."""
CPU_SLOTS, GPU_SLOTS = 32, 256
"""Slots of a worker where the settings leave them open. A CPU steps more of them no faster, each; a GPU wants many."""


def worker_spec(settings: Settings, store: ModelStore) -> WorkerSpec:
    """How the settings want a worker."""
    return WorkerSpec(
        store=settings.model_store,
        models=tuple(store.entries),
        backend=settings.backend,
        device=settings.device,
        compiled=settings.compile,
        slots=settings.slots or (CPU_SLOTS if settings.device == "cpu" else GPU_SLOTS),
        batch=settings.batch,
        threads=settings.threads,
        cores=max(1, CORES // settings.workers),
        refill=settings.refill,
    )


def create_link(settings: Settings, metrics: Metrics) -> Link | None:
    """The way to Redis, where there is one."""
    url = settings.redis_url.get_secret_value()
    return Link(parse(url), metrics, settings.redis_timeout_seconds) if url else None


def create_cache(settings: Settings, link: Link | None) -> Cache:
    """Answers in memory, and on Redis too where there is one."""
    memory = MemoryCache(settings.cache_entries)
    return TieredCache(memory, RedisCache(link)) if link else memory


def create_door(settings: Settings, link: Link | None, metrics: Metrics) -> Door | None:
    """Who may come in, if not everybody. Raises `InvalidRequest` for a file of keys that is none."""
    found = keys.read(settings.api_keys.get_secret_value(), settings.api_keys_file)
    if not found:
        return None
    return Door(keys.Keys(found), SharedLimits(link) if link else LocalLimits(), metrics)


def create_jobs(settings: Settings, solver: Solver) -> Jobs:
    """Jobs on Redis, or in memory where there is none."""
    limits = Limits(settings.jobs_client_open, settings.jobs_client_puzzles, settings.jobs_keep_seconds, settings.jobs_lease_seconds)
    url, lines = settings.jobs_redis_url.get_secret_value(), Lines(solver)
    store: JobStore = RedisJobs(parse(url), limits) if url else MemoryJobs(limits, settings.jobs_memory_puzzles)
    consumer = Consumer(store, lines, solver.pool.status, solver.metrics, limits.lease, lambda: solver.draining)
    return Jobs(store, lines, consumer, settings.jobs_puzzles, settings.max_body_bytes, settings.max_batch_bytes)


def create_services(settings: Settings) -> Services:
    """Everything that a request may need; nothing is started yet. Raises `InvalidModel` for an unusable store."""
    store = ModelStore(settings.model_store, settings.models)
    metrics = Metrics(tuple(store.entries), Energy(settings.device).read)
    for entry in store.entries.values():
        entry.identifiers  # noqa: B018  # read now, so that a wrong file ends the start and not a request
        metrics.model_info.labels(entry.name, entry.version, entry.manifest.puzzle.family).set(1)
    pool = ProcessPool(worker_spec(settings, store), settings.workers, settings.queue_capacity, metrics, stall_seconds=settings.stall_seconds)
    keep = Keep(solved=settings.cache_seconds, unsolved=settings.cache_unsolved_seconds)
    link = create_link(settings, metrics)
    solver = Solver(FAMILIES, store, pool, create_cache(settings, link), metrics, keep, create_tracer())
    batches = Batches(solver, settings.batch_puzzles, settings.batch_backlog)
    return Services(solver, pool, store, metrics, batches, create_jobs(settings, solver), create_door(settings, link, metrics))


SOLVING = (solve.router, batch.router, stream.router, jobs.router, models.router, inference.router, web.router)
"""What `trm worker` does not have."""


def create_app(settings: Settings, services: Services | None = None, *, solving: bool = True) -> Layered:
    """The ASGI application; its lifespan starts the workers and stops them. Without `solving` it answers to operators only, and works on jobs."""
    made = services or create_services(settings)
    visits = Visits(made.metrics, made.solver.tracer)
    express = Express(partial(solve.answered, made), visits, settings.max_body_bytes, made.door) if solving else None

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[State]:
        try:
            await made.pool.start()
        except TRMError as error:
            log.critical(error.detail)
            raise
        try:
            await made.solver.cache.start()
            made.jobs.consumer.start()
            yield {"services": made, "turnstile": Turnstile(made.pool, made.metrics) if solving else None, "express": express}
        finally:
            made.solver.draining = True
            await made.jobs.consumer.close()
            await made.jobs.store.close()
            await made.pool.close()
            await made.solver.close()
            if made.solver.tracer is not None:
                await asyncio.to_thread(made.solver.tracer.close)

    app = Layered(
        title="TRM Serve",
        version=version("trm-serve"),
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        telemetry=UNTOLD,
        description="Solves puzzles with Tiny Recursive Models.",
    )
    errors.install(app, made.metrics)
    for router in SOLVING if solving else ():
        app.include_router(router)
    if settings.metrics_port is None or not solving:
        app.include_router(operations.router)
    if solving:
        protect(app, settings, made)
    larger = {"/v1/solve/batch": settings.max_batch_bytes, "/v1/jobs": settings.max_job_bytes}
    app.surround(Envelope, visits=visits, max_body_bytes=settings.max_body_bytes, larger=larger)
    return app


def protect(app: Layered, settings: Settings, services: Services) -> None:
    """Ask for keys where there are some, and say so where there are none; let pages of other origins in where that is set."""
    declare(app, needed=services.door is not None)
    if services.door is None:
        level = logging.INFO if settings.host in LOOPBACK else logging.WARNING
        log.log(level, "no API keys are configured: whoever reaches this server may use it")
    else:
        log.info("API keys are asked for", extra={"clients": [key.name for key in services.door.keys.all]})
        app.surround(Guard, door=services.door, metrics=services.metrics)
    if settings.cors_origins:  # outside of the guard, since a browser asks without a key whether it may ask with one
        app.surround(CORSMiddleware, allow_origins=settings.cors_origins, allow_methods=["GET", "POST", "DELETE"], allow_headers=["*"], expose_headers=SHOWN)


def create_operations(settings: Settings, services: Services) -> Layered:
    """What operators ask, for a port of its own; everything is started and stopped by the application's lifespan, not by this one."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[dict[str, Services]]:
        yield {"services": services}

    app = Layered(title="TRM Serve operations", lifespan=lifespan, openapi_url=None, telemetry=UNTOLD)
    errors.install(app, services.metrics)
    app.include_router(operations.router)
    app.surround(Envelope, visits=Visits(services.metrics), max_body_bytes=settings.max_body_bytes)
    return app
