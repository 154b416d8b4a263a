"""One puzzle through the solver: which model and options it gets, and what is refused."""

import contextlib
import time

import pytest

from app.errors import DeadlineExceeded, Draining, InvalidPuzzle, InvalidRequest, QueueFull, UnknownModel, WorkerLost
from app.preparing import Options
from tests.support.grids import ANSWERS, QUESTIONS, tokens
from tests.support.pools import cut_off, failing, solved, unsolved
from tests.support.requests import outcome


async def test_a_puzzle_is_encoded_solved_and_verified(solver, pool) -> None:
    solution = await solver.solve("sudoku", QUESTIONS[9], None, Options())
    assert solution.answer.cells == tokens(ANSWERS[9]).tobytes()
    assert (solution.answer.verified, solution.answer.steps, solution.entry.name) == (True, 3, "nine")
    assert [(model, request.cells) for model, request in pool.calls] == [("nine", tokens(QUESTIONS[9]).tobytes())]


async def test_what_is_left_out_is_the_models_default(solver, pool) -> None:
    await solver.solve("sudoku", QUESTIONS[9], None, Options())
    ((_, request),) = pool.calls
    assert (request.halt, request.max_steps, request.attempts, request.trace) == ("verified", 16, 2, False)
    assert 9 < request.deadline - time.monotonic() <= 10


async def test_what_is_asked_for_goes_before_the_default(solver, pool) -> None:
    await solver.solve("sudoku", QUESTIONS[9], "nine", Options(halt="never", max_steps=64, attempts=8, timeout=100, trace=True))
    ((_, request),) = pool.calls
    assert (request.halt, request.max_steps, request.attempts, request.trace) == ("never", 64, 8, True)
    assert 99 < request.deadline - time.monotonic() <= 100


@pytest.mark.parametrize(("option", "most"), [("max_steps", 64), ("attempts", 8)])
@pytest.mark.parametrize("excess", [1, 10**9])
async def test_an_option_beyond_the_models_limit_is_named(solver, pool, option, most, excess) -> None:
    with pytest.raises(InvalidRequest) as caught:
        await solver.solve("sudoku", QUESTIONS[9], None, Options(**{option: most + excess}))
    (field,) = caught.value.fields
    assert field.pointer == f"/options/{option}"
    assert field.detail == f"{option} is 1 to {most} for nine, not {most + excess}"
    assert not pool.calls


@pytest.mark.parametrize("option", ["max_steps", "attempts"])
@pytest.mark.parametrize("value", [0, -1])
async def test_an_option_below_one_is_named(solver, option, value) -> None:
    with pytest.raises(InvalidRequest, match=f"{option} is 1 to"):
        await solver.solve("sudoku", QUESTIONS[9], None, Options(**{option: value}))


async def test_the_pool_never_sees_a_grid_that_is_no_puzzle(solver, pool) -> None:
    with pytest.raises(InvalidPuzzle):
        await solver.solve("sudoku", "55" + "." * 79, None, Options())
    assert not pool.calls


async def test_an_unknown_model_is_refused_before_the_pool(solver, pool) -> None:
    with pytest.raises(UnknownModel, match="no model is called 'ten' here"):
        await solver.solve("sudoku", QUESTIONS[9], "ten", Options())
    assert not pool.calls


async def test_a_draining_service_refuses_with_a_time_to_come_back(solver, pool) -> None:
    solver.draining = True
    with pytest.raises(Draining) as caught:
        await solver.solve("sudoku", QUESTIONS[9], None, Options())
    assert (caught.value.retry_after, pool.calls) == (7, [])


async def test_an_answer_that_the_pool_calls_verified_is_judged_again(solver, pool) -> None:
    pool.answer = lambda request: outcome(request, request.cells)
    assert (await solver.solve("sudoku", QUESTIONS[9], None, Options())).answer.verified is False


@pytest.mark.parametrize(
    ("comes", "counted_as"),
    [
        (solved, "solved"),
        (unsolved, "unsolved"),
        (cut_off, "unsolved"),
        (failing(DeadlineExceeded("too late")), "expired"),
        (failing(RuntimeError("a bug")), "failed"),
    ],
)
async def test_what_came_of_a_puzzle_is_counted(solver, pool, counted, comes, counted_as) -> None:
    pool.answer = comes
    with contextlib.suppress(DeadlineExceeded, RuntimeError):
        await solver.solve("sudoku", QUESTIONS[9], None, Options())
    for outcome_of in ("solved", "unsolved", "expired", "abandoned", "failed"):
        assert counted("trm_requests_finished_total", model="nine", outcome=outcome_of) == (outcome_of == counted_as)


@pytest.mark.parametrize("error", [QueueFull("full", retry_after=3), WorkerLost("3 workers died on this puzzle")])
async def test_a_refusal_of_the_pool_reaches_the_client(solver, pool, error) -> None:
    pool.answer = failing(error)
    with pytest.raises(type(error)):
        await solver.solve("sudoku", QUESTIONS[9], None, Options())


async def test_a_solved_puzzle_is_counted_with_its_depth(solver, counted) -> None:
    await solver.solve("sudoku", QUESTIONS[9], None, Options())
    assert counted("trm_requests_finished_total", model="nine", outcome="solved") == 1
    assert counted("trm_verified_total", model="nine", verified="true") == 1
    assert counted("trm_halting_steps_sum", model="nine", reason="verified") == 3
    assert counted("trm_halting_steps_bucket", model="nine", reason="verified", le="2.0") == 0
