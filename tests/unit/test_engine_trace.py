"""The trace: the answer after every step of every attempt, in the orientation of the request."""

import pytest

from tests.support.engines import copies_only, engine, run, solve
from tests.support.grids import ANSWERS, QUESTIONS, tokens
from tests.support.requests import ask
from tests.support.runners import NEVER

QUESTION, ANSWER = tokens(QUESTIONS[9]).tobytes(), tokens(ANSWERS[9]).tobytes()


def test_a_trace_has_every_step_of_every_attempt() -> None:
    outcome = solve(engine(depth=copies_only(QUESTION)), ask("a", cells=QUESTION, max_steps=3, attempts=2, trace=True))
    assert [(each.attempt, each.step) for each in outcome.trace] == [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2)]
    assert outcome.trace[-1].cells == outcome.cells == ANSWER


def test_every_traced_grid_is_in_the_orientation_of_the_request() -> None:
    outcome = solve(engine(depth=lambda _: NEVER), ask("a", cells=QUESTION, max_steps=3, attempts=4, trace=True))
    assert len(outcome.trace) == 12
    for each in outcome.trace:
        assert all(given in (1, found) for given, found in zip(QUESTION, each.cells, strict=True))
        assert all(found in (1, right) for found, right in zip(each.cells, ANSWER, strict=True)), "the oracle shows right digits only"


def test_the_halting_probability_rises_over_the_trace() -> None:
    outcome = solve(engine(depth=lambda _: 4), ask("a", cells=QUESTION, trace=True))
    chances = [each.halt_probability for each in outcome.trace]
    assert chances == sorted(chances)
    assert chances[-1] > 0.5 > chances[-2]


def test_who_did_not_ask_for_a_trace_gets_none() -> None:
    assert solve(engine(), ask("a", cells=QUESTION)).trace == ()


@pytest.mark.parametrize("refill", ["step", "batch"])
def test_a_trace_ends_with_its_puzzle_though_the_batch_goes_on(refill) -> None:
    quick, slow = tokens(QUESTIONS[4]).tobytes(), tokens("1" + "." * 15).tobytes()
    crowd = engine(4, slots=2, depth={quick: 2, slow: 6}.__getitem__, refill=refill)
    finished = run(crowd, ask("quick", cells=quick, trace=True), ask("slow", cells=slow, trace=True))
    assert [len(finished[name].trace) for name in ("quick", "slow")] == [2, 6]


def test_a_step_shows_what_it_brought_to_those_who_watch_and_nothing_else() -> None:
    crowd = engine(depth=copies_only(QUESTION))
    for name, fields in (("both", {"trace": True, "watched": True}), ("watched", {"watched": True}), ("neither", {})):
        crowd.add(ask(name, cells=QUESTION, max_steps=3, attempts=2, **fields))
    shown, finished = [], {}
    while crowd.busy:
        step = crowd.step()
        assert [name for name, _ in step.shown] in (["both", "watched"], ["watched", "both"])
        shown += step.shown
        finished |= {each.id: each for each in step.finished}
    for name in ("both", "watched"):
        assert tuple(each for owner, each in shown if owner == name) == finished["both"].trace
    assert [len(finished[name].trace) for name in ("both", "watched", "neither")] == [5, 0, 0]


def test_the_times_of_steps_are_told_to_those_who_ask_and_nobody_else() -> None:
    crowd = engine(depth=copies_only(QUESTION))
    finished = run(crowd, ask("timed", cells=QUESTION, max_steps=3, attempts=2, timed=True), ask("other", cells=QUESTION, max_steps=3, attempts=2))
    times = finished["timed"].timeline
    assert [(each.attempt, each.step, each.batch_size) for each in times] == [(1, 1, 2), (1, 2, 2), (1, 3, 2), (2, 1, 2), (2, 2, 2)]
    assert [each.ended for each in times] == sorted(each.ended for each in times)
    assert all(each.seconds >= 0 for each in times)
    assert times[-1].halt_probability == finished["timed"].halt_probability
    assert finished["other"].timeline == finished["timed"].trace == ()
