"""What every pool shows of a puzzle that is watched: each step as it comes, in order, and the same as its trace has at the end."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from app.engine.request import TraceStep
from app.metrics import Metrics
from app.pool.base import Pool
from app.pool.messages import WorkerSpec
from tests.contract.pools import CELLS, ENDLESS, POOLS, SLOTS, until
from tests.support.requests import ask

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=POOLS)
async def pool(request: pytest.FixtureRequest, real_store) -> AsyncIterator[Pool]:
    made = POOLS[request.param](WorkerSpec(store=real_store, models=("four", "nine"), slots=SLOTS), 1, 50, Metrics(("four", "nine")))
    await made.start()
    yield made
    await made.close()


async def test_the_steps_that_are_shown_are_those_of_the_trace(pool: Pool) -> None:
    shown: list[TraceStep] = []
    outcome = await pool.solve("four", ask("a", cells=CELLS, max_steps=3, attempts=3, trace=True, watched=True), shown.append)
    assert len(shown) == 9
    assert tuple(shown) == outcome.trace


async def test_a_watched_puzzle_that_is_not_traced_has_no_trace(pool: Pool) -> None:
    shown: list[TraceStep] = []
    outcome = await pool.solve("four", ask("a", cells=CELLS, max_steps=3, watched=True), shown.append)
    assert ([(each.attempt, each.step) for each in shown], outcome.trace) == ([(1, 1), (1, 2), (1, 3)], ())


async def test_steps_are_shown_while_the_puzzle_runs(pool: Pool) -> None:
    shown: list[TraceStep] = []
    task = asyncio.create_task(pool.solve("four", ask("a", **ENDLESS, watched=True), shown.append))
    await until(lambda: len(shown) >= 20)
    assert not task.done()
    assert [each.step for each in shown] == list(range(1, len(shown) + 1))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    seen = len(shown)
    await pool.solve("four", ask("b", cells=CELLS, max_steps=5))
    assert (len(shown), pool.status().running) == (seen, 0), "nothing is shown to who left"


async def test_everyone_is_shown_their_own_steps_and_others_none(pool: Pool) -> None:
    shown = [list[TraceStep]() for _ in range(6)]
    requests = [ask(str(index), cells=CELLS, max_steps=1 + index, watched=index % 2 == 0) for index in range(6)]
    await asyncio.gather(*(pool.solve("four", request, steps.append) for request, steps in zip(requests, shown, strict=True)))
    assert [len(steps) for steps in shown] == [1, 0, 3, 0, 5, 0]
