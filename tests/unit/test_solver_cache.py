"""The solver and its cache: what is read, what is written, and what is not."""

import pytest

from app.preparing import Options
from tests.support.grids import QUESTIONS, rows
from tests.support.pools import cut_off, solved, unsolved


async def solve(solver, grid=QUESTIONS[9], model=None, **options):
    return await solver.solve("sudoku", grid, model, Options(**options))


async def test_the_second_time_the_answer_comes_from_the_cache(solver, pool, counted) -> None:
    first, second = await solve(solver), await solve(solver)
    assert (first.cache, second.cache, len(pool.calls)) == ("miss", "hit", 1)
    assert second.answer == first.answer
    assert [counted("trm_cache_requests_total", result=result) for result in ("miss", "hit")] == [1, 1]


async def test_a_puzzle_is_found_however_its_grid_is_written(solver, pool) -> None:
    await solve(solver)
    assert (await solve(solver, rows(QUESTIONS[9]))).cache == "hit"
    assert (await solve(solver, QUESTIONS[9].replace(".", "0"), model="nine")).cache == "hit"


@pytest.mark.parametrize("options", [{"halt": "never"}, {"max_steps": 5}, {"attempts": 1}])
async def test_options_that_can_change_the_answer_are_solved_apart(solver, pool, options) -> None:
    await solve(solver)
    assert (await solve(solver, **options)).cache == "miss"
    assert len(pool.calls) == 2


async def test_options_that_spell_out_the_defaults_are_the_same_question(solver) -> None:
    await solve(solver)
    assert (await solve(solver, halt="verified", max_steps=16, attempts=2, timeout=60)).cache == "hit"


async def test_refresh_solves_anew_and_remembers_the_new_answer(solver, pool) -> None:
    pool.answer = unsolved
    await solve(solver)
    pool.answer = solved
    assert (await solve(solver, cache="refresh")).cache == "miss"
    assert (await solve(solver)).answer.verified is True


async def test_bypass_neither_reads_nor_writes(solver, pool) -> None:
    for use, result in (("bypass", "bypass"), ("use", "miss"), ("bypass", "bypass")):
        assert (await solve(solver, cache=use)).cache == result
    assert len(pool.calls) == 3


async def test_a_trace_is_never_taken_from_the_cache(solver, pool) -> None:
    await solve(solver)
    assert (await solve(solver, trace=True)).cache == "bypass"
    assert len(pool.calls) == 2


async def test_an_answer_cut_off_by_its_deadline_is_not_remembered(solver, pool) -> None:
    pool.answer = cut_off
    assert (await solve(solver)).answer.halt_reason == "deadline"
    assert (await solve(solver)).cache == "miss"


async def test_an_unsolved_puzzle_is_remembered_as_unsolved(solver, pool) -> None:
    pool.answer = unsolved
    first, second = await solve(solver), await solve(solver)
    assert (second.cache, second.answer) == ("hit", first.answer)
    assert second.answer.verified is False
