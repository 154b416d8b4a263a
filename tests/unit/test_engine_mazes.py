"""Mazes in the engine: attempts that fail are restarted on symmetric copies, whatever the shape; a shortest path halts, a longer one does not."""

import numpy as np
import pytest

from app.engine.engine import Engine
from app.engine.scheduler import PATIENCE, Guesses
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


ROUND = ["S    ", " ### ", " #G# ", " #   ", "     "]
SHORT = ["S    ", "o### ", "o#G# ", "o#o  ", "ooo  "]
LONG = ["Soooo", " ###o", " #G#o", " #ooo", "     "]
LONGER = ["Soooo", " ###o", " #G#o", " #o o", "  ooo"]
WRONG = ["Soooo", " ###o", " #G#o", " #oo ", "     "]


class Scripted:
    """Shows one answer after another, each made for the maze itself, on whatever copy is in the slot, and the last one for ever."""

    device, slots, cells = "cpu", 1, 25

    def __init__(self, *answers: list[str]) -> None:
        self.answers, self.loads = list(answers), 0
        self.engine = Engine(self, rules(5, 5))

    def load(self, slot, tokens, puzzle_id=0, question=None) -> None:
        self.loads += 1

    def step(self, size, first=0):
        answer = tokens(self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])
        symmetry = next(iter(self.engine.scheduler.entries.values())).symmetry
        return (symmetry.apply(answer) if symmetry else answer)[None], np.array([[1.0, -1.0]], dtype=np.float32)


def found(*answers: list[str], **fields):
    runner = Scripted(*answers)
    return solve(runner.engine, ask("a", cells=tokens(ROUND).tobytes(), **fields))


def test_a_shortest_path_halts_at_once() -> None:
    outcome = found(SHORT, LONG, attempts=9)
    assert (outcome.cells, outcome.steps, outcome.halt_reason) == (tokens(SHORT).tobytes(), 1, "verified")


def test_a_longer_path_is_kept_while_a_shorter_one_is_looked_for() -> None:
    outcome = found(WRONG, LONG, WRONG, SHORT, WRONG, attempts=9)
    assert (outcome.cells, outcome.steps, outcome.attempts, outcome.halt_reason) == (tokens(SHORT).tobytes(), 4, 1, "verified")


@pytest.mark.parametrize("answers", [(LONG, LONGER, WRONG), (LONGER, LONG, WRONG), (WRONG, LONGER, WRONG, LONG, WRONG)])
def test_the_shortest_of_the_longer_paths_is_returned_when_patience_ends(answers) -> None:
    outcome = found(*answers, max_steps=8, attempts=99)
    assert (outcome.cells, outcome.verified, outcome.halt_reason) == (tokens(LONG).tobytes(), True, "verified")
    assert PATIENCE < outcome.steps <= PATIENCE + 2
    assert outcome.attempts == -(-outcome.steps // 8)


def test_a_path_found_on_a_copy_comes_back_as_the_maze_was_sent() -> None:
    outcome = found(WRONG, LONG, WRONG, SHORT, max_steps=1, attempts=9)
    assert (outcome.cells, outcome.steps, outcome.attempts) == (tokens(SHORT).tobytes(), 4, 4)


def test_where_the_head_decides_a_longer_path_is_an_answer_as_good_as_any() -> None:
    outcome = found(LONG, SHORT, halt="learned", attempts=9)
    assert (outcome.cells, outcome.steps, outcome.halt_reason) == (tokens(LONG).tobytes(), 1, "learned")
