"""Deadlines and durations, by a clock of which every step takes one second."""

from app.engine.request import Expired, Outcome
from tests.support.engines import copies_only, engine, run, solve
from tests.support.grids import QUESTIONS, tokens
from tests.support.requests import ask
from tests.support.runners import NEVER, Clock

CELLS = tokens(QUESTIONS[4]).tobytes()


def test_a_deadline_that_passes_while_running_gives_the_best_answer_so_far() -> None:
    outcome = solve(engine(4, depth=lambda _: NEVER), ask("a", cells=CELLS, deadline=3, attempts=5))
    assert (outcome.halt_reason, outcome.verified, outcome.steps, outcome.attempts) == ("deadline", False, 3, 1)
    assert len(outcome.cells) == 16


def test_a_deadline_that_passes_while_waiting_gives_no_answer() -> None:
    finished = run(engine(4, slots=1, depth=lambda _: 4), ask("a", cells=CELLS), ask("b", cells=CELLS, deadline=2))
    assert finished["b"] == Expired("b")
    assert isinstance(finished["a"], Outcome)


def test_a_deadline_between_attempts_gives_the_answer_of_the_attempts_that_ran() -> None:
    busy = engine(4, slots=1, depth=lambda _: NEVER)
    finished = run(busy, ask("a", cells=CELLS, max_steps=2, attempts=2, deadline=4), ask("b", cells=CELLS, max_steps=5))["a"]
    assert (finished.halt_reason, finished.verified, finished.steps, finished.attempts) == ("deadline", False, 2, 1)
    assert len(finished.cells) == 16


def test_an_answer_of_an_earlier_attempt_comes_back_at_the_deadline() -> None:
    outcome = solve(engine(4, depth=copies_only(CELLS, depth=9)), ask("a", cells=CELLS, max_steps=2, attempts=9, deadline=7))
    assert (outcome.halt_reason, outcome.attempts, outcome.steps) == ("deadline", 4, 7)
    assert all(given in (1, found) for given, found in zip(CELLS, outcome.cells, strict=True))


def test_time_in_the_queue_and_time_in_slots_are_told_apart() -> None:
    finished = run(engine(4, slots=1, depth=lambda _: 3), ask("a", cells=CELLS), ask("b", cells=CELLS))
    assert [(finished[name].queue_seconds, finished[name].solve_seconds) for name in "ab"] == [(0, 3), (3, 3)]


def test_a_restart_counts_as_solving_from_the_first_attempt_on() -> None:
    busy = engine(4, slots=1, depth=lambda _: NEVER)
    finished = run(busy, ask("a", cells=CELLS, max_steps=2, attempts=2), ask("b", cells=CELLS, max_steps=1))["a"]
    assert (finished.queue_seconds, finished.solve_seconds) == (0, 2 + 1 + 2)


def test_the_step_of_an_idle_engine_runs_nothing() -> None:
    idle = engine(4)
    step = idle.step()
    assert (step.size, step.finished, idle.runner.sizes) == (0, [], [])


def test_a_step_says_how_long_it_took_and_who_still_waits() -> None:
    clock = Clock()
    busy = engine(4, slots=2, depth=lambda _: 3, clock=clock)
    for name in "abc":
        busy.add(ask(name, cells=CELLS))
    step = busy.step()
    assert (step.size, step.seconds, step.waiting) == (2, 1, 1)


def test_a_step_says_whose_first_it_was() -> None:
    busy = engine(4, slots=1, depth=lambda _: NEVER)
    for name in "ab":
        busy.add(ask(name, cells=CELLS, max_steps=1, attempts=2))
    assert [busy.step().started for _ in range(4)] == [["a"], ["b"], [], []]
