"""Guesses: when they are taken, that the model sees them, and that the judge does not."""

import numpy as np
import pytest

from app.engine.request import Request
from app.engine.scheduler import Guesses, Scheduler
from tests.support.engines import engine, run, solve
from tests.support.grids import ANSWERS, QUESTIONS, tokens
from tests.support.requests import ask
from tests.support.runners import NEVER, Oracle

QUESTION, ANSWER = tokens(QUESTIONS[9]).tobytes(), tokens(ANSWERS[9]).tobytes()
GUESSES = Guesses(first=4, later=2, every=3)


def clues(question: bytes) -> int:
    return len(question) - question.count(1)


def with_help(cells: int):
    """A depth that is out of reach until so many cells were guessed."""
    return lambda question: 1 if clues(question) >= clues(QUESTION) + cells else NEVER


def test_the_first_attempt_waits_longer_than_the_others() -> None:
    steps = range(1, 12)
    assert [step for step in steps if GUESSES.due(1, step)] == [4, 7, 10]
    assert [step for step in steps if GUESSES.due(2, step)] == [step for step in steps if GUESSES.due(9, step)] == [2, 5, 8, 11]


@pytest.mark.parametrize(("halt", "guesses"), [("verified", 1), ("learned", 0), ("never", 0)])
def test_only_where_the_rules_decide(halt, guesses) -> None:
    scheduler = Scheduler(1, guesses=Guesses(first=1, later=1, every=1))
    scheduler.add(ask("a", halt=halt))
    scheduler.schedule(0)
    assert len(scheduler.update([False], [False], 0).guess) == guesses


def test_not_in_an_attempt_that_just_ended() -> None:
    scheduler = Scheduler(2, guesses=Guesses(first=1, later=1, every=1))
    scheduler.add(ask("solved"))
    scheduler.add(ask("at its last step", max_steps=1))
    scheduler.schedule(0)
    assert scheduler.update([True, False], [False, False], 0).guess == []


@pytest.mark.parametrize(("cells", "steps"), [(1, 5), (2, 8), (3, 11)])
def test_a_puzzle_that_needs_guesses_is_solved_at_the_step_after_the_last(cells, steps) -> None:
    outcome = solve(engine(depth=with_help(cells), guesses=GUESSES), ask("a", cells=QUESTION))
    assert (outcome.cells, outcome.verified, outcome.steps, outcome.attempts) == (ANSWER, True, steps, 1)


def test_without_guesses_it_is_not() -> None:
    assert not solve(engine(depth=with_help(1)), ask("a", cells=QUESTION, attempts=3)).verified


def test_each_attempt_starts_without_those_of_the_one_before_and_guesses_elsewhere() -> None:
    seen: list[bytes] = []
    solve(engine(depth=lambda question: seen.append(question) or NEVER, guesses=GUESSES), ask("a", cells=QUESTION, max_steps=6, attempts=3))
    assert [clues(question) - clues(QUESTION) for question in seen] == [0, 0, 0, 0, 1, 1, 0, 0, 1, 1, 1, 2, 0, 0, 1, 1, 1, 2]


def test_guesses_depend_on_the_puzzle_and_the_attempt_alone() -> None:
    def guessed(slots: int, *others: Request) -> set[bytes]:
        seen: list[bytes] = []
        run(engine(slots=slots, depth=lambda question: seen.append(question) or NEVER, guesses=GUESSES), ask("a", cells=QUESTION, attempts=3), *others)
        return {question for question in seen if clues(question) > clues(QUESTION)}

    alone = guessed(1)
    assert len(alone) == 3 * 5 - 1
    assert alone <= guessed(3, *(ask(f"b{n}", cells=tokens("." * 81).tobytes(), max_steps=n) for n in range(1, 9)))


class Fickle(Oracle):
    """Says the same digit everywhere, and two steps later the right answer, whatever was guessed by then."""

    def step(self, size):
        self.steps[:size] += 1
        answers = np.where(self.steps[:size, None] < 3, tokens("3" * 16), tokens(ANSWERS[4]))
        return answers.astype(np.uint8), np.zeros(size, dtype=np.float32)


def test_an_answer_is_held_against_the_puzzle_and_not_against_the_guesses() -> None:
    made = engine(side=4, guesses=Guesses(first=1, later=1, every=1))
    made.runner = Fickle(4, 16, lambda _: NEVER)
    outcome = solve(made, ask("a", cells=tokens("1" + "." * 15).tobytes()))
    assert made.guessed[0].tolist() != made.inputs[0].tolist()
    assert (outcome.cells, outcome.verified, outcome.steps) == (tokens(ANSWERS[4]).tobytes(), True, 3)
