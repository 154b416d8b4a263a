"""A watched solve: steps as they come, then the solution, whoever is slow."""

import asyncio

import pytest

from app.engine.request import TraceStep
from app.errors import DeadlineExceeded, QueueFull
from app.preparing import Options
from app.solver import Solution
from app.watching import MOST_UNSEEN, Watching, watching
from tests.support.grids import QUESTIONS, tokens
from tests.support.pools import failing, settle

CELLS = tokens(QUESTIONS[4]).tobytes()


@pytest.fixture
def prepared(solver):
    return solver.prepare("sudoku", QUESTIONS[4], None, Options())


def show(pool, *numbers: int) -> None:
    for number in numbers:
        pool.watches[-1](TraceStep(1, number, CELLS, 0.5))


async def seen(watch: Watching) -> list[int | str]:
    return [each.step if isinstance(each, TraceStep) else each.cache async for each in watch]


async def test_steps_are_seen_while_the_solve_runs_and_the_solution_last(solver, pool, prepared) -> None:
    pool.hold()
    async with watching(solver, prepared) as watch:
        await settle()
        events = aiter(watch)
        for number in range(1, 4):
            show(pool, number)
            assert (await anext(events)).step == number
        pool.let_go()
        last = await anext(events)
        assert isinstance(last, Solution)
        assert last.answer.verified
        with pytest.raises(StopAsyncIteration):
            await anext(events)


async def test_only_a_watched_request_asks_to_be(solver, pool, prepared) -> None:
    async with watching(solver, prepared) as watch:
        assert await seen(watch) == ["bypass"]
    await solver.run(prepared)
    assert [(request.watched, given is not None) for (_, request), given in zip(pool.calls, pool.watches, strict=True)] == [(True, True), (False, False)]


async def test_steps_that_come_with_the_solution_are_seen_before_it(solver, pool, prepared) -> None:
    pool.hold()
    async with watching(solver, prepared) as watch:
        await settle()
        show(pool, 1, 2, 3)
        pool.let_go()
        await settle()
        assert await seen(watch) == [1, 2, 3, "bypass"]


async def test_who_is_slow_misses_the_oldest_steps_never_the_solution(solver, pool, prepared) -> None:
    pool.hold()
    async with watching(solver, prepared) as watch:
        await settle()
        show(pool, *range(1, 1001))
        pool.let_go()
        await settle()
        assert watch.task.done(), "nobody took a step and the solve went on"
        assert await seen(watch) == [*range(1001 - MOST_UNSEEN, 1001), "bypass"]


async def test_an_error_comes_after_the_steps_before_it(solver, pool, prepared) -> None:
    pool.hold()
    pool.answer = failing(DeadlineExceeded("too late"))
    async with watching(solver, prepared) as watch:
        await settle()
        show(pool, 1)
        pool.let_go()
        events = aiter(watch)
        assert (await anext(events)).step == 1
        with pytest.raises(DeadlineExceeded):
            await anext(events)


async def test_a_refusal_is_told_before_it_begins(solver, pool, prepared) -> None:
    pool.answer = failing(QueueFull("full"))
    async with watching(solver, prepared) as watch:
        with pytest.raises(QueueFull):
            await watch.begun(10)


@pytest.mark.parametrize("steps", [0, 1])
async def test_it_has_begun_with_its_first_step_or_when_that_takes_long(solver, pool, prepared, steps) -> None:
    pool.hold()
    async with watching(solver, prepared) as watch:
        await settle()
        show(pool, *range(1, 1 + steps))
        await asyncio.wait_for(watch.begun(0.01 if not steps else 60), 10)
        pool.let_go()
        assert await seen(watch) == [*range(1, 1 + steps), "bypass"]


async def test_leaving_gives_the_solve_up(solver, pool, prepared) -> None:
    pool.hold()
    async with watching(solver, prepared):
        await settle()
        assert not pool.cancelled
    assert pool.cancelled == [prepared.request.id]
