"""Many puzzles in one engine: each gets what it would get alone, and slots are freed as soon as they can be."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.training.generator import generate
from tests.support.engines import copies_only, engine, run, solve
from tests.support.requests import ask
from tests.support.runners import NEVER

CROWD = [question.tobytes() for question in generate(4, 12, (4, 8), np.random.default_rng(0)).questions]
REQUESTS = st.builds(
    lambda cells, halt, max_steps, attempts, trace: {"cells": cells, "halt": halt, "max_steps": max_steps, "attempts": attempts, "trace": trace},
    st.sampled_from(CROWD),
    st.sampled_from(["verified", "learned", "never"]),
    st.integers(1, 8),
    st.integers(1, 3),
    st.booleans(),
)


def timeless(outcome):
    return outcome._replace(queue_seconds=0, solve_seconds=0)


@settings(max_examples=60)
@given(st.lists(REQUESTS, min_size=1, max_size=12), st.integers(1, 5), st.sampled_from(["step", "batch"]))
def test_an_outcome_does_not_depend_on_what_else_is_in_the_batch(wanted, slots, refill) -> None:
    requests = [ask(str(index), **fields) for index, fields in enumerate(wanted)]
    crowd = run(engine(4, slots, refill=refill), *requests)
    for request in requests:
        assert timeless(crowd[request.id]) == timeless(solve(engine(4), request))


def test_a_step_runs_no_more_slots_than_there_are_puzzles() -> None:
    depths = {cells: 1 + index for index, cells in enumerate(CROWD[:3])}
    crowded = engine(4, slots=3, depth=depths.__getitem__)
    run(crowded, *(ask(str(index), cells=cells) for index, cells in enumerate(depths)))
    assert crowded.runner.sizes == [3, 2, 1]


def test_whole_request_batching_steps_until_the_slowest_is_done() -> None:
    depths = {cells: 1 + index for index, cells in enumerate(CROWD[:4])}
    crowded = engine(4, slots=3, depth=depths.__getitem__, refill="batch")
    run(crowded, *(ask(str(index), cells=cells) for index, cells in enumerate(depths)))
    assert crowded.runner.sizes == [3, 3, 3, 1, 1, 1, 1]


def test_a_restarted_puzzle_lets_the_others_go_first() -> None:
    stubborn, easy = CROWD[:2]
    crowded = engine(4, slots=1, depth=copies_only(stubborn))
    crowded.add(ask("stubborn", cells=stubborn, max_steps=2, attempts=2))
    crowded.add(ask("easy", cells=easy))
    order = [each.id for _ in range(6) for each in crowded.step().finished]
    assert order == ["easy", "stubborn"]


@pytest.mark.parametrize("refill", ["step", "batch"])
def test_aborting_a_running_puzzle_makes_room_for_a_waiting_one(refill) -> None:
    crowded = engine(4, slots=1, depth=lambda question: NEVER if question == CROWD[0] else 1, refill=refill)
    crowded.add(ask("stuck", cells=CROWD[0], max_steps=1000))
    crowded.add(ask("waiting", cells=CROWD[1]))
    assert not crowded.step().finished
    crowded.abort("stuck")
    assert [each.id for each in crowded.step().finished] == ["waiting"]
    assert not crowded.busy


def test_an_aborted_puzzle_is_never_heard_of_again() -> None:
    crowded = engine(4, slots=2, depth=lambda _: 2)
    for index in range(4):
        crowded.add(ask(str(index), cells=CROWD[index]))
    crowded.step()
    crowded.abort("0")  # runs
    crowded.abort("3")  # waits
    crowded.abort("9")  # was never here
    assert set(run(crowded)) == {"1", "2"}
