"""Equal puzzles in flight share one solve, and nobody is harmed by who leaves or runs out of time."""

import asyncio

import numpy as np
import pytest

from app.errors import DeadlineExceeded, WorkerLost
from app.preparing import Options
from app.puzzles.families import FAMILIES
from app.puzzles.sudoku import rules
from app.solver import Solution
from tests.support.grids import QUESTIONS, rows, tokens
from tests.support.pools import cut_off, failing, settle, solved


@pytest.fixture
def ask(solver):
    """Start a solve and wait until it waits for the pool."""

    async def started(grid=QUESTIONS[9], **options) -> "asyncio.Task[Solution]":
        task = asyncio.create_task(solver.solve("sudoku", grid, None, Options(**options)))
        await settle()
        return task

    return started


async def test_equal_puzzles_in_flight_are_one_call_of_the_pool(ask, pool, counted) -> None:
    pool.hold()
    tasks = [await ask(), await ask(rows(QUESTIONS[9])), await ask(timeout=20)]
    pool.let_go()
    solutions = await asyncio.gather(*tasks)
    assert len(pool.calls) == 1
    assert [solution.cache for solution in solutions] == ["miss", "coalesced", "coalesced"]
    assert len({solution.answer.cells for solution in solutions}) == 1
    assert counted("trm_coalesced_requests_total") == 2
    assert counted("trm_requests_finished_total", model="nine", outcome="solved") == 1


async def test_different_puzzles_or_options_do_not_share(ask, pool) -> None:
    pool.hold()
    tasks = [await ask(), await ask(QUESTIONS[4]), await ask(halt="never"), await ask(cache="bypass"), await ask(trace=True)]
    pool.let_go()
    assert [(await task).cache for task in tasks] == ["miss", "miss", "miss", "bypass", "bypass"]
    assert len(pool.calls) == 5


async def test_efforts_and_symmetric_copies_share_answers_but_no_solve(ask, pool) -> None:
    pool.hold()
    copy = rules(9).symmetry(np.random.default_rng(1)).apply(tokens(QUESTIONS[9]))
    tasks = [await ask(), await ask(attempts=1), await ask(max_steps=20), await ask(FAMILIES["sudoku"].render(copy.tobytes(), ""))]
    pool.let_go()
    assert [(await task).cache for task in tasks] == ["miss"] * 4
    assert len(pool.calls) == 4


async def test_after_landing_an_equal_puzzle_takes_off_anew(ask, pool) -> None:
    await (await ask())
    await (await ask(cache="refresh"))
    assert len(pool.calls) == 2


async def test_one_who_leaves_does_not_disturb_the_others(ask, pool) -> None:
    pool.hold()
    leader, follower, other = [await ask(), await ask(), await ask()]
    for leaver in (leader, other):
        leaver.cancel()
        await settle()
    pool.let_go()
    assert (await follower).answer.verified
    assert (len(pool.calls), pool.cancelled) == (1, [])
    assert leader.cancelled()
    assert other.cancelled()


async def test_the_last_who_leaves_ends_the_solve(ask, pool, counted) -> None:
    pool.hold()
    for task in [await ask(), await ask()]:
        assert not pool.cancelled
        task.cancel()
        await settle()
    assert pool.cancelled == [pool.calls[0][1].id]
    assert counted("trm_requests_finished_total", model="nine", outcome="abandoned") == 1


async def test_who_comes_as_the_last_one_leaves_is_solved(ask, solver, pool) -> None:
    pool.hold()
    leaver = await ask()
    leaver.cancel()
    comer = asyncio.create_task(solver.solve("sudoku", QUESTIONS[9], None, Options()))
    await settle()
    pool.let_go()
    assert (await comer).answer.verified


async def test_who_has_less_time_does_not_wait_for_one_who_has_more(ask, pool) -> None:
    pool.hold()
    patient, hasty = await ask(timeout=60), await ask(timeout=1)
    assert [request.deadline for _, request in pool.calls] == sorted((request.deadline for _, request in pool.calls), reverse=True)
    pool.let_go()
    assert [(await task).cache for task in (patient, hasty)] == ["miss", "miss"]


async def test_who_has_more_time_goes_on_when_the_leader_is_cut_off(ask, pool) -> None:
    pool.hold()
    leader, follower = await ask(timeout=1), await ask(timeout=60)
    pool.answer = lambda request: cut_off(request) if len(pool.calls) == 1 else solved(request)
    pool.let_go()
    assert (await leader).answer.halt_reason == "deadline"
    assert ((await follower).answer.verified, len(pool.calls)) == (True, 2)


async def test_who_has_more_time_goes_on_when_the_leader_expires_in_the_queue(ask, pool) -> None:
    def expire_first(request):
        if len(pool.calls) == 1:
            raise DeadlineExceeded("the deadline passed before a slot was free")
        return solved(request)

    pool.hold()
    leader, first, second = await ask(timeout=1), await ask(timeout=60), await ask(timeout=90)
    pool.answer = expire_first
    pool.let_go()
    with pytest.raises(DeadlineExceeded):
        await leader
    assert [(await task).answer.verified for task in (first, second)] == [True, True]
    assert len(pool.calls) == 2, "those who go on share a solve again"


async def test_an_error_of_the_shared_solve_reaches_all_who_wait(ask, pool) -> None:
    pool.hold()
    tasks = [await ask(), await ask()]
    pool.answer = failing(WorkerLost("3 workers died on this puzzle"))
    pool.let_go()
    for task in tasks:
        with pytest.raises(WorkerLost):
            await task
    assert len(pool.calls) == 1


async def test_an_answer_is_remembered_though_the_one_who_asked_first_left(ask, pool) -> None:
    pool.hold()
    leader, follower = await ask(), await ask()
    leader.cancel()
    pool.let_go()
    await follower
    assert (await (await ask())).cache == "hit"
