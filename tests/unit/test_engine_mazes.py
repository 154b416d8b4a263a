"""Mazes in the engine: an attempt that fails is restarted on a symmetric copy, also where height and width differ."""

import pytest

from app.engine.engine import Engine
from app.engine.scheduler import Guesses
from app.puzzles.maze import FREE, rules
from tests.support.engines import copies_only, solve
from tests.support.mazes import MAZES, answer_to, tokens
from tests.support.requests import ask
from tests.support.runners import NEVER, Oracle


def engine(question: list[str], depth, guesses: Guesses | None = None) -> Engine:
    height, width = len(question), len(question[0])
    return Engine(Oracle(2, height * width, depth, answers=answer_to(width)), rules(height, width), guesses=guesses)


@pytest.mark.parametrize("size", MAZES)
def test_the_answer_to_a_copy_comes_back_in_the_form_that_was_sent(size) -> None:
    question, answer = MAZES[size]
    cells = tokens(question).tobytes()
    found = solve(engine(question, copies_only(cells)), ask("a", cells=cells, max_steps=3, attempts=40))
    assert (found.cells, found.verified) == (tokens(answer).tobytes(), True)
    assert found.attempts > 1


@pytest.mark.parametrize("size", MAZES)
def test_no_attempt_begins_with_guesses(size) -> None:
    question, _ = MAZES[size]
    seen: list[int] = []
    made = engine(question, lambda shown: seen.append(shown.count(FREE)) or NEVER, Guesses(cells=1, among=1, steps=5))
    assert not solve(made, ask("a", cells=tokens(question).tobytes(), max_steps=5, attempts=2)).verified
    assert len(set(seen)) == 1
