"""What the engine says of one puzzle: its answer, how deep it had to think, and why it stopped."""

import pytest

from app.engine.engine import sigmoid
from tests.support.engines import copies_only, engine, solve
from tests.support.grids import ANSWERS, QUESTIONS, SIDES, tokens
from tests.support.requests import ask
from tests.support.runners import NEVER

QUESTION, ANSWER = tokens(QUESTIONS[9]).tobytes(), tokens(ANSWERS[9]).tobytes()


@pytest.mark.parametrize("side", SIDES)
def test_a_puzzle_halts_at_the_very_step_at_which_it_is_solved(side) -> None:
    outcome = solve(engine(side, depth=lambda _: 3), ask("a", cells=tokens(QUESTIONS[side]).tobytes()))
    assert outcome.cells == tokens(ANSWERS[side]).tobytes()
    assert (outcome.verified, outcome.steps, outcome.attempts, outcome.halt_reason) == (True, 3, 1, "verified")


def test_never_runs_all_the_steps_of_a_solved_puzzle() -> None:
    outcome = solve(engine(depth=lambda _: 3), ask("a", cells=QUESTION, halt="never", max_steps=7))
    assert (outcome.verified, outcome.steps, outcome.attempts, outcome.halt_reason) == (True, 7, 1, "max_steps")


def test_learned_stops_when_the_head_says_so() -> None:
    outcome = solve(engine(depth=lambda _: 5), ask("a", cells=QUESTION, halt="learned"))
    assert (outcome.verified, outcome.steps, outcome.halt_reason) == (True, 5, "learned")
    assert outcome.halt_probability > 0.5


def test_a_puzzle_that_the_model_never_solves_uses_all_its_attempts() -> None:
    outcome = solve(engine(depth=lambda _: NEVER), ask("a", cells=QUESTION, max_steps=4, attempts=3))
    assert (outcome.verified, outcome.steps, outcome.attempts, outcome.halt_reason) == (False, 12, 3, "max_steps")
    assert outcome.halt_probability < 0.5


def test_an_unsolved_puzzle_keeps_its_givens_in_the_best_answer_so_far() -> None:
    outcome = solve(engine(depth=lambda _: NEVER), ask("a", cells=QUESTION, max_steps=4, attempts=5))
    assert len(outcome.cells) == 81
    assert all(given in (1, found) for given, found in zip(QUESTION, outcome.cells, strict=True))


def test_a_puzzle_solved_only_as_a_copy_comes_back_as_it_was_sent() -> None:
    outcome = solve(engine(depth=copies_only(QUESTION)), ask("a", cells=QUESTION, max_steps=5, attempts=2))
    assert outcome.cells == ANSWER
    assert (outcome.verified, outcome.steps, outcome.attempts, outcome.halt_reason) == (True, 5 + 2, 2, "verified")


def test_each_further_attempt_is_on_another_copy() -> None:
    seen = []
    solve(engine(depth=lambda question: seen.append(question) or NEVER), ask("a", cells=QUESTION, max_steps=1, attempts=4))
    assert seen[0] == QUESTION
    assert len(set(seen)) == 4


def test_the_copies_of_a_puzzle_are_the_same_on_every_engine() -> None:
    def attempts():
        seen = []
        solve(engine(depth=lambda question: seen.append(question) or NEVER), ask("a", cells=QUESTION, max_steps=1, attempts=3))
        return seen

    assert attempts() == attempts()


@pytest.mark.parametrize(("logit", "chance"), [(-1000.0, 0.0), (-3.0, 0.0474259), (0.0, 0.5), (3.0, 0.9525741), (1000.0, 1.0)])
def test_the_halting_probability_is_the_sigmoid_of_the_logit(logit, chance) -> None:
    assert sigmoid(logit) == pytest.approx(chance)
