"""Many puzzles through the solver: fed in order, answered as they halt, given up together."""

import asyncio

import pytest

from app.batch import Batch, Batches
from app.errors import QueueFull, WorkerLost
from app.preparing import Options
from app.solver import Solution
from tests.support.grids import QUESTIONS
from tests.support.pools import FakePool, settle, solved


@pytest.fixture
def prepared(solver):
    """Puzzles that are ready to run; equal ones, each to be solved for itself."""

    def made(count, bulk=True, **options):
        each = [Options(**{"cache": "bypass", **options})] * count
        return [solver.prepare("sudoku", QUESTIONS[4], None, chosen, bulk=bulk) for chosen in each]

    return made


async def filled(solver, puzzles, window: int) -> Batch:
    batch = Batch(solver, window)
    for each in puzzles:
        await batch.add(each)
    return batch


async def indices(batch: Batch, count: int = 10**6) -> list[int]:
    found = []
    async for index, _ in batch:
        found.append(index)
        if len(found) == count:
            break
    return found


async def test_puzzles_are_started_in_order_and_marked_as_bulk(solver, pool, prepared) -> None:
    puzzles = prepared(20)
    assert sorted(await indices(await filled(solver, puzzles, 5))) == list(range(20))
    assert [request.id for _, request in pool.calls] == [each.request.id for each in puzzles]
    assert all(request.bulk for _, request in pool.calls)


async def test_a_result_comes_as_soon_as_its_puzzle_halts(solver, pool, prepared) -> None:
    gates = [asyncio.Event() for _ in range(3)]

    async def solve(model, request, watch=None):
        index = next(index for index, each in enumerate(puzzles) if each.request.id == request.id)
        await gates[index].wait()
        return solved(request)

    pool.solve, puzzles = solve, prepared(3)
    batch = aiter(await filled(solver, puzzles, 3))
    for index in (1, 2, 0):
        gates[index].set()
        assert (await anext(batch))[0] == index


async def test_no_more_than_its_window_is_started_while_nobody_takes_results(solver, pool, prepared) -> None:
    batch = aiter(await filled(solver, prepared(20), 4))
    await anext(batch)
    await settle()
    assert len(pool.calls) == 5, "one was taken, four wait to be"
    for _ in range(3):
        await anext(batch)
    await settle()
    assert len(pool.calls) == 8


async def test_what_fails_is_a_result_among_the_others(solver, pool, prepared) -> None:
    def answer(request):
        if request.id == puzzles[1].request.id:
            raise WorkerLost("3 workers died on this puzzle")
        if request.id == puzzles[2].request.id:
            raise RuntimeError("a bug")
        return solved(request)

    pool.answer, puzzles = answer, prepared(4)
    results = dict([each async for each in await filled(solver, puzzles, 4)])
    assert [type(results[index]) for index in range(4)] == [Solution, WorkerLost, RuntimeError, Solution]


async def test_closing_gives_up_what_was_started_and_starts_no_more(solver, pool, prepared) -> None:
    pool.hold()
    batch = await filled(solver, prepared(20), 4)
    reader = asyncio.create_task(indices(batch))
    await settle()
    reader.cancel()
    await batch.close()
    pool.let_go()
    await settle()
    assert (len(pool.calls), len(pool.cancelled)) == (4, 4)


async def test_equal_puzzles_of_a_batch_share_one_solve(solver, pool, prepared) -> None:
    results = dict([each async for each in await filled(solver, prepared(30, cache="use"), 10)])
    assert len(pool.calls) == 1
    caches = [results[index].cache for index in range(30)]
    assert caches[0] == "miss"
    assert set(caches[1:]) <= {"coalesced", "hit"}


@pytest.mark.parametrize("window", [1, 7, 1000])
async def test_every_puzzle_has_one_result_whatever_the_window(solver, prepared, window) -> None:
    assert sorted(await indices(await filled(solver, prepared(100), window))) == list(range(100))


async def test_batches_are_bounded_together_and_counted(solver, pool, counted) -> None:
    batches = Batches(solver, 10, 12)
    async with batches.open(10):
        assert counted("trm_batch_puzzles") == 10
        with pytest.raises(QueueFull, match="10 puzzles are open") as refused:
            async with batches.open(3):
                pass
        assert refused.value.retry_after == 7
        async with batches.open(2):
            assert counted("trm_batch_puzzles") == 12
    assert (counted("trm_batch_puzzles"), pool.calls) == (0, [])


async def test_a_batch_larger_than_the_bound_is_taken_alone(solver, prepared) -> None:
    async with Batches(solver, 10, 3).open(5) as batch:
        for each in prepared(5):
            await batch.add(each)
        assert len(await indices(batch)) == 5


async def test_its_window_is_half_of_the_queue(solver, monkeypatch) -> None:
    status = FakePool().status()
    for capacity, window in ((1, 1), (9, 4), (1024, 512)):
        monkeypatch.setattr(solver.pool, "status", lambda capacity=capacity: type(status)(0, 0, 48, capacity, 1, 1, True))
        async with Batches(solver, 10, 10).open(1) as batch:
            assert batch.window == window
