"""What every pool does with puzzles, cancellations and deadlines; one pool of each kind serves all of these tests."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from app.errors import DeadlineExceeded
from app.metrics import Metrics
from app.pool.base import Pool, PoolStatus
from app.pool.messages import WorkerSpec
from tests.contract.pools import CELLS, CREDIT, ENDLESS, POOLS, SLOTS, leave, occupy, until
from tests.support.requests import ask

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=POOLS)
async def pool(request: pytest.FixtureRequest, real_store) -> AsyncIterator[Pool]:
    spec = WorkerSpec(store=real_store, models=("four", "nine"), slots=SLOTS)
    made = POOLS[request.param](spec, 1, 50, Metrics(("four", "nine")))
    await made.start()
    yield made
    await made.close()


async def test_a_started_pool_is_ready_idle_and_live(pool: Pool) -> None:
    assert pool.status() == PoolStatus(waiting=0, running=0, places=CREDIT, capacity=50, workers=1, ready=1, live=True)
    assert pool.retry_after() >= 1


async def test_a_puzzle_runs_as_it_was_asked_to(pool: Pool) -> None:
    outcome = await pool.solve("four", ask("a", cells=CELLS, max_steps=4, attempts=3))
    assert (outcome.id, outcome.verified, outcome.steps, outcome.attempts, outcome.halt_reason) == ("a", False, 12, 3, "max_steps")
    assert len(outcome.cells) == 16
    assert outcome.solve_seconds > 0 <= outcome.queue_seconds
    assert 0 <= outcome.halt_probability <= 1


async def test_a_trace_has_every_step(pool: Pool) -> None:
    outcome = await pool.solve("four", ask("a", cells=CELLS, max_steps=2, attempts=2, trace=True))
    assert [(each.attempt, each.step, len(each.cells)) for each in outcome.trace] == [(1, 1, 16), (1, 2, 16), (2, 1, 16), (2, 2, 16)]


async def test_everyone_gets_the_answer_to_their_own_puzzle(pool: Pool) -> None:
    requests = [ask(str(index), cells=CELLS, max_steps=1 + index % 5) for index in range(30)]
    outcomes = await asyncio.gather(*(pool.solve("four", request) for request in requests))
    assert [(outcome.id, outcome.steps) for outcome in outcomes] == [(request.id, request.max_steps) for request in requests]
    assert len({(outcome.steps, outcome.cells) for outcome in outcomes}) <= 5, "equal puzzles get equal answers"


async def test_those_who_leave_hold_nothing_any_more(pool: Pool) -> None:
    await leave(await occupy(pool, CREDIT + 1))
    assert (pool.status().running, pool.status().waiting) == (0, 0)


async def test_leaving_frees_slots_for_those_who_wait(pool: Pool) -> None:
    blockers = await occupy(pool, CREDIT + 1)
    waiting = asyncio.create_task(pool.solve("four", ask("patient", cells=CELLS, max_steps=3)))
    await until(lambda: pool.status().waiting == 2)
    assert pool.status().running == CREDIT
    await leave(blockers)
    assert (await asyncio.wait_for(waiting, 10)).steps == 3


@pytest.mark.parametrize("bulk", [False, True])
async def test_puzzles_of_endless_attempts_keep_no_other_out(pool: Pool, bulk: bool) -> None:
    stubborn = [asyncio.create_task(pool.solve("four", ask(f"stubborn {n}", **{**ENDLESS, "max_steps": 2, "attempts": 10**9}, bulk=bulk))) for n in range(9)]
    await until(lambda: pool.status().running + pool.status().waiting == 9)
    outcome = await asyncio.wait_for(pool.solve("four", ask("a", cells=CELLS, max_steps=3)), 20)
    assert (outcome.steps, pool.status().running, pool.status().waiting) == (3, CREDIT, 9 - CREDIT)
    await leave(stubborn)


async def test_a_deadline_that_passes_while_running_gives_an_answer(pool: Pool) -> None:
    outcome = await pool.solve("four", ask("a", **ENDLESS, deadline=time.monotonic() + 0.1))
    assert (outcome.halt_reason, outcome.verified, len(outcome.cells)) == ("deadline", False, 16)
    assert outcome.steps >= 1


@pytest.mark.parametrize("before", [SLOTS, CREDIT], ids=["at the worker", "in the pool"])
async def test_a_deadline_that_passes_while_waiting_gives_none(pool: Pool, before: int) -> None:
    blockers = await occupy(pool, before)
    late = asyncio.create_task(pool.solve("four", ask("late", cells=CELLS, deadline=time.monotonic() + 0.1)))
    await until(lambda: pool.status().waiting == before - SLOTS)
    with pytest.raises(DeadlineExceeded):
        await asyncio.wait_for(late, 10)
    await leave(blockers)


async def test_a_pool_that_is_full_of_work_is_live(pool: Pool) -> None:
    blockers = await occupy(pool, SLOTS)
    await asyncio.sleep(0.1)
    assert pool.status().live
    await leave(blockers)
