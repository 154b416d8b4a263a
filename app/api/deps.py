"""What the routes are given: the services of the application, and the client's patience. Knows no routes."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Annotated, TypeVar

from fastapi import Depends, Request

from app.access.door import Door
from app.batch import Batches
from app.metrics import Metrics
from app.model.store import ModelStore
from app.pool.base import Pool
from app.solver import Solver

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that a request may need; made once by `main`."""

    solver: Solver
    pool: Pool
    store: ModelStore
    metrics: Metrics
    batches: Batches
    door: Door | None = None
    """Who asks for API keys; None lets everybody in."""


async def services(request: Request) -> Services:
    """The services of the application that this request came to. Async, since the framework runs any other dependency in a thread."""
    found: Services = request.state.services
    return found


Needs = Annotated[Services, Depends(services)]


class ClientGone(Exception):
    """The client closed the connection before its answer was there."""


async def while_connected(request: Request, work: Coroutine[object, object, T]) -> T:
    """Await `work`, cancelling it as soon as the client leaves. Raises `ClientGone` then. The body must have been read."""
    task, watch = asyncio.ensure_future(work), asyncio.ensure_future(_disconnected(request))
    try:
        await asyncio.wait((task, watch), return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientGone
        return await task
    finally:
        task.cancel()
        watch.cancel()


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
