"""What the routes are given: the services of the application, and the client's patience. Knows no routes."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Annotated, TypeVar

from fastapi import Depends, Request

from app.access.door import Door
from app.api.lines import Lines
from app.api.uploads import Caller
from app.batch import Batches
from app.jobs.base import JobStore
from app.jobs.consumer import Consumer
from app.metrics import Metrics
from app.model.store import ModelStore
from app.pool.base import Pool
from app.solver import Solver

T = TypeVar("T")
WATCHED_AFTER = 1.0
"""Seconds that work takes before it is worth a watch for the client to leave: nearly all puzzles are done sooner, in a full queue too."""


@dataclass(frozen=True, slots=True)
class Jobs:
    """All that jobs need. One has at most `puzzles`, each of `line_bytes` at most; a body that is one JSON document has at most `document_bytes`."""

    store: JobStore
    lines: Lines
    consumer: Consumer
    puzzles: int
    line_bytes: int
    document_bytes: int


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that a request may need; made once by `main`."""

    solver: Solver
    pool: Pool
    store: ModelStore
    metrics: Metrics
    batches: Batches
    jobs: Jobs
    door: Door | None = None
    """Who asks for API keys; None lets everybody in."""


async def services(request: Request) -> Services:
    """The services of the application that this request came to. Async, since the framework runs any other dependency in a thread."""
    found: Services = request.state.services
    return found


Needs = Annotated[Services, Depends(services)]


async def client(request: Request) -> Caller:
    """Who has sent a request, as far as whoever let it in has said."""
    return Caller(getattr(request.state, "client", ""), getattr(request.state, "job_quota", None))


Client = Annotated[Caller, Depends(client)]


class ClientGone(Exception):
    """The client closed the connection before its answer was there."""


async def while_connected(request: Request, work: Coroutine[object, object, T]) -> T:
    """Await `work`, which is cancelled when the client leaves, after `WATCHED_AFTER` at the soonest. Raises `ClientGone` then. The body must have been read."""
    task, watching, gone = asyncio.current_task(), None, False
    assert task is not None

    async def watch() -> None:
        nonlocal gone
        while (await request.receive())["type"] != "http.disconnect":
            pass
        gone = True
        task.cancel()

    def begin() -> None:
        nonlocal watching
        watching = asyncio.ensure_future(watch())

    beginning = asyncio.get_running_loop().call_later(WATCHED_AFTER, begin)
    try:
        return await work
    except asyncio.CancelledError:
        if gone and not task.uncancel():  # nobody else wants an end
            raise ClientGone from None
        raise
    finally:
        beginning.cancel()
        if watching is not None:
            watching.cancel()
