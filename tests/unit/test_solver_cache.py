"""The solver and its cache: what is read, what is written, and what is not."""

import asyncio

import numpy as np
import pytest

from app.preparing import Options
from app.puzzles.families import FAMILIES
from app.puzzles.sudoku import rules
from tests.support.answers import KEEP
from tests.support.grids import ANSWERS, QUESTIONS, rows, tokens
from tests.support.pools import cut_off, settle, solved, unsolved


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


@pytest.mark.parametrize("options", [{"halt": "never"}, {"halt": "learned"}])
async def test_who_halts_otherwise_is_solved_apart(solver, pool, options) -> None:
    await solve(solver)
    assert (await solve(solver, **options)).cache == "miss"
    assert len(pool.calls) == 2


@pytest.mark.parametrize("effort", [{"max_steps": 5}, {"attempts": 1}, {"max_steps": 64}, {"attempts": 8}])
async def test_a_verified_answer_is_right_whatever_effort_found_it(solver, effort) -> None:
    first = await solve(solver)
    second = await solve(solver, **effort)
    assert (second.cache, second.answer) == ("hit", first.answer)


@pytest.mark.parametrize("halt", ["never", "learned"])
@pytest.mark.parametrize("effort", [{"max_steps": 5}, {"attempts": 1}, {"max_steps": 64}, {"attempts": 8}])
async def test_who_does_not_halt_at_a_verified_answer_gets_one_of_just_the_effort_asked_for(solver, halt, effort) -> None:
    await solve(solver, halt=halt)
    assert (await solve(solver, halt=halt, **effort)).cache == "miss"
    assert (await solve(solver, halt=halt, **effort)).cache == "hit"


@pytest.mark.parametrize(
    ("effort", "result"),
    [
        ({"max_steps": 16, "attempts": 2}, "hit"),
        ({"max_steps": 5}, "hit"),
        ({"attempts": 1}, "hit"),
        ({"max_steps": 17}, "miss"),
        ({"attempts": 3}, "miss"),
        ({"max_steps": 64, "attempts": 1}, "miss"),
    ],
)
async def test_an_unsolved_puzzle_is_unsolved_for_those_who_allow_no_more_effort(solver, pool, effort, result) -> None:
    pool.answer = unsolved
    await solve(solver)
    assert (await solve(solver, **effort)).cache == result


async def test_more_effort_replaces_what_less_left_unsolved(solver, pool) -> None:
    pool.answer = unsolved
    await solve(solver, attempts=1)
    pool.answer = solved
    assert (await solve(solver, attempts=2)).cache == "miss"
    assert (await solve(solver, attempts=1)).answer.verified is True


async def test_the_symmetric_copies_of_a_sudoku_share_a_verified_answer(solver, pool) -> None:
    await solve(solver)
    for seed in range(20):
        symmetry = rules(9).symmetry(np.random.default_rng(seed))
        copy, answer = (symmetry.apply(tokens(grid[9])).tobytes() for grid in (QUESTIONS, ANSWERS))
        found = await solve(solver, FAMILIES["sudoku"].render(copy, ""))
        assert (found.cache, found.answer.cells, found.answer.verified) == ("hit", answer, True)
    assert len(pool.calls) == 1


async def test_no_copy_is_unsolved_because_another_is(solver, pool) -> None:
    pool.answer = unsolved
    await solve(solver)
    copy = rules(9).symmetry(np.random.default_rng(0)).apply(tokens(QUESTIONS[9]))
    assert (await solve(solver, FAMILIES["sudoku"].render(copy.tobytes(), ""))).cache == "miss"


async def test_solved_answers_are_kept_for_long_and_others_not(solver, pool) -> None:
    for pool.answer, seconds in ((solved, KEEP.solved), (unsolved, KEEP.unsolved)):
        await solve(solver, cache="refresh")
        assert [kept for _, kept in solver.cache.values.values()] == [seconds]


async def test_closing_waits_for_answers_to_be_stored(solver) -> None:
    stored, may_store = [], asyncio.Event()

    async def slow(*given):
        await may_store.wait()
        stored.append(given)

    solver.cache.set = slow
    assert (await solve(solver)).cache == "miss", "nobody else waits for it"
    closing = asyncio.create_task(solver.close())
    await settle()
    assert not closing.done()
    may_store.set()
    await closing
    assert len(stored) == 1


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
