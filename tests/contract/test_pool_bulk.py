"""What every pool does with puzzles of batches that find no room: they wait outside, in order, and are refused by their deadline only."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from app.errors import DeadlineExceeded, Draining, QueueFull
from app.metrics import Metrics
from app.pool.base import Pool
from app.pool.messages import WorkerSpec
from tests.contract.pools import CELLS, CREDIT, ENDLESS, POOLS, SLOTS, leave, occupy, until
from tests.support.requests import ask


@pytest.fixture(params=POOLS)
async def pool(request: pytest.FixtureRequest, real_store) -> AsyncIterator[Pool]:
    """A pool with room for one waiting puzzle."""
    made = POOLS[request.param](WorkerSpec(store=real_store, models=("four",), slots=SLOTS), 1, 1, Metrics(("four",)))
    await made.start()
    yield made
    await made.close()


def bulk(pool: Pool, name: str, **fields: object) -> "asyncio.Task[object]":
    return asyncio.create_task(pool.solve("four", ask(name, **{"cells": CELLS, "max_steps": 2, **fields}, bulk=True)))


async def test_far_more_of_them_than_there_is_room_for_are_all_solved(pool: Pool) -> None:
    outcomes = await asyncio.wait_for(asyncio.gather(*(bulk(pool, str(index)) for index in range(40))), 30)
    assert [outcome.id for outcome in outcomes] == [str(index) for index in range(40)]
    assert (pool.status().running, pool.status().waiting) == (0, 0)


async def test_where_others_are_refused_they_wait_and_leaving_makes_room(pool: Pool) -> None:
    held = await occupy(pool, CREDIT + 1)
    waiting = [bulk(pool, str(index)) for index in range(3)]
    with pytest.raises(QueueFull):
        await pool.solve("four", ask("single", **ENDLESS))
    assert (pool.status().waiting, [task.done() for task in waiting]) == (1, [False] * 3)
    await leave(held)
    assert [outcome.id for outcome in await asyncio.wait_for(asyncio.gather(*waiting), 10)] == ["0", "1", "2"]


async def test_their_deadline_passes_outside_as_well(pool: Pool) -> None:
    held = await occupy(pool, CREDIT + 1)
    waiting = [bulk(pool, str(index), deadline=time.monotonic() + 0.1) for index in range(3)]
    for task in waiting:
        with pytest.raises(DeadlineExceeded):
            await asyncio.wait_for(task, 10)
    await leave(held)
    assert (pool.status().running, pool.status().waiting) == (0, 0)


async def test_who_leaves_while_it_waits_outside_does_not_keep_the_next_from_room(pool: Pool) -> None:
    held = await occupy(pool, CREDIT + 1)
    first, second = bulk(pool, "first"), bulk(pool, "second")
    await asyncio.sleep(0.05)
    await leave([first])
    await leave(held)
    assert (await asyncio.wait_for(second, 10)).id == "second"


async def test_a_pool_that_closes_lets_nobody_wait_outside(pool: Pool) -> None:
    held = await occupy(pool, CREDIT + 1)
    waiting = [bulk(pool, str(index)) for index in range(3)]
    await until(lambda: pool.status().waiting == 1)
    await pool.close()
    refusals = await asyncio.wait_for(asyncio.gather(*held, *waiting, return_exceptions=True), 20)
    assert {type(error) for error in refusals} == {Draining}
