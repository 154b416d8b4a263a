"""Every pool there is, and how to fill one with puzzles that never end."""

import asyncio
from collections.abc import Callable

from app.pool.base import Pool
from app.pool.local import LocalPool
from app.pool.processes import ProcessPool
from tests.support.grids import QUESTIONS, tokens
from tests.support.requests import ask
from tests.support.workers import OraclePool

POOLS = {"oracle threads": OraclePool, "threads": LocalPool, "processes": ProcessPool}
SLOTS, CREDIT = 2, 3
"""Slots of a worker, and how many puzzles it is sent at most."""
CELLS = tokens(QUESTIONS[4]).tobytes()
ENDLESS = {"cells": CELLS, "halt": "never", "max_steps": 10**9}

Tasks = list["asyncio.Task[object]"]


async def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # it watches what other processes do
            await asyncio.sleep(0.005)


async def occupy(pool: Pool, count: int) -> Tasks:
    """Puzzles without an end, all of them held by the worker or waiting."""
    tasks = [asyncio.create_task(pool.solve("four", ask(f"endless-{index}", **ENDLESS))) for index in range(count)]
    await until(lambda: pool.status().running + pool.status().waiting == count)
    return tasks


async def leave(tasks: Tasks) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
