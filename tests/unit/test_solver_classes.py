"""Equal puzzles of a batch and of somebody who waits for one alone: sharing must not make the one wait like the other."""

import asyncio

import pytest

from app.errors import NoWorker, QueueFull
from app.preparing import Options
from tests.support.grids import QUESTIONS
from tests.support.pools import settle, solved


@pytest.fixture
def ask(solver):
    """Start a solve and wait until it waits for the pool."""

    async def started(bulk):
        task = asyncio.create_task(solver.run(solver.prepare("sudoku", QUESTIONS[9], None, Options(), bulk=bulk)))
        await settle()
        return task

    return started


@pytest.mark.parametrize(("first", "second", "calls"), [(False, False, 1), (False, True, 1), (True, True, 1), (True, False, 2)])
async def test_only_a_single_puzzle_does_not_wait_for_an_equal_one_of_a_batch(ask, pool, first, second, calls) -> None:
    pool.hold()
    tasks = [await ask(first), await ask(second)]
    assert [request.bulk for _, request in pool.calls] == [first, second][:calls]
    pool.let_go()
    assert [(await task).answer.verified for task in tasks] == [True, True]


async def test_a_later_one_of_a_batch_waits_for_the_single_one(ask, pool) -> None:
    pool.hold()
    tasks = [await ask(True), await ask(False), await ask(True)]
    assert len(pool.calls) == 2
    pool.let_go()
    assert [(await task).cache for task in tasks] == ["miss", "miss", "coalesced"]


@pytest.mark.parametrize("refusal", [QueueFull("full"), NoWorker("none")])
async def test_one_of_a_batch_is_not_refused_with_the_single_one_that_it_waited_for(ask, pool, refusal) -> None:
    def refuse_first(request):
        if not request.bulk:
            raise refusal
        return solved(request)

    pool.hold()
    single, other, bulk = await ask(False), await ask(False), await ask(True)
    pool.answer = refuse_first
    pool.let_go()
    assert (await bulk).answer.verified
    for task in (single, other):
        with pytest.raises(type(refusal)):
            await task
    assert [request.bulk for _, request in pool.calls] == [False, True]
