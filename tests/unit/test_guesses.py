"""Guesses: which there are, when attempts begin with them, that the model sees them, and that the judge does not."""

from dataclasses import replace
from itertools import islice
from random import Random

import numpy as np
import pytest

from app.engine.engine import Engine
from app.engine.request import Request
from app.engine.scheduler import Guesses, Scheduler
from app.puzzles.base import Symmetry
from app.puzzles.guessing import rounds
from app.puzzles.sudoku import ENOUGH, SudokuRules, rules
from tests.support.engines import engine, run, solve
from tests.support.grids import ANSWERS, QUESTIONS, tokens
from tests.support.requests import ask, queued
from tests.support.runners import NEVER, Oracle

QUESTION, ANSWER = tokens(QUESTIONS[9]).tobytes(), tokens(ANSWERS[9]).tobytes()
FEW = "1" + "." * 80
GUESSES = Guesses(cells=2, among=4, steps=3)


def clues(question: bytes) -> int:
    return len(question) - question.count(1)


def drawn(question: str, cells: int, count: int, seed: int = 0, among: int = 4) -> list[bytes]:
    asked = tokens(question).tobytes()
    return list(islice(rounds(asked, rules(int(len(question) ** 0.5)).size.candidates(asked), cells, among, Random(seed)), count))


def right(supposed: bytes, answer: str) -> bool:
    return all(token in (1, true) for token, true in zip(supposed, tokens(answer).tobytes(), strict=True))


@pytest.mark.parametrize("cells", [1, 2, 3])
def test_one_of_each_round_is_right(cells) -> None:
    hits = [index for index, supposed in enumerate(drawn(QUESTIONS[6], cells, 200)) if right(supposed, ANSWERS[6])]
    assert hits[0] <= 4**cells
    assert max(np.diff(hits)) <= 2 * 4**cells


def test_no_combination_comes_twice_in_a_round_and_rounds_differ() -> None:
    made = drawn(FEW, 1, 16)
    assert len(set(made[:8])) == len(set(made[8:])) == 8, "a cell beside the 1 has eight candidates"
    assert set(made[:8]) != set(made[8:])


def test_a_cell_with_few_candidates_is_taken_before_others() -> None:
    lonely = "12345678." + "." * 72
    assert drawn(lonely, 1, 3, among=1) == [tokens("123456789" + "." * 72).tobytes()] * 3


@pytest.mark.parametrize("question", [ANSWERS[4], "12..34..........", "123....4........"])
def test_where_nothing_can_be_supposed_the_question_stays_as_it_is(question) -> None:
    """It is complete, or some cell has no candidate left after one guess or before it."""
    assert {clues(supposed) for supposed in drawn(question, 2, 6)} <= {clues(tokens(question).tobytes()), clues(tokens(question).tobytes()) + 2}
    assert drawn(ANSWERS[4], 2, 3) == [tokens(ANSWERS[4]).tobytes()] * 3
    assert drawn("123....4........", 2, 3) == [tokens("123....4........").tobytes()] * 3


@pytest.mark.parametrize("question", ["." * 81, FEW, "12345678" + "." * 73])
def test_a_question_that_has_several_solutions_is_filled_anew_each_time(question) -> None:
    made = list(islice(rules(9).guesses(tokens(question).tobytes(), 2, 4, Random(0)), 20))
    assert len(set(made)) == 20
    assert max(clues(supposed) for supposed in made) == ENOUGH[9]
    assert all(given in (1, shown) for supposed in made for given, shown in zip(tokens(question).tobytes(), supposed, strict=True))
    assert not any(rules(9).contradictory(supposed) for supposed in made)


def test_where_no_digit_fits_no_more_is_filled() -> None:
    stuck = tokens("12345678." + "." * 9 + "........9" + "." * 54).tobytes()
    made = list(islice(rules(9).guesses(stuck, 2, 4, Random(0)), 200))
    assert {supposed[8] for supposed in made} == {1}, "the one open cell of the first row has no candidate"
    assert clues(min(made, key=clues)) < ENOUGH[9] == clues(max(made, key=clues))


@pytest.mark.parametrize(("halt", "attempt", "supposes"), [("verified", 1, False), ("verified", 2, True), ("learned", 2, False), ("never", 2, False)])
def test_only_later_attempts_and_only_where_the_rules_decide(halt, attempt, supposes) -> None:
    scheduler = Scheduler(1, guesses=GUESSES)
    scheduler.add(queued("a", halt=halt, attempts=2, max_steps=5))
    scheduler.schedule(0)
    while scheduler.entries["a"].attempt < attempt:
        scheduler.update([False], [False], 0)
        scheduler.schedule(0)
    assert scheduler.supposes(scheduler.entries["a"]) is supposes


def test_an_attempt_that_began_with_guesses_is_short() -> None:
    seen: list[bytes] = []
    outcome = solve(engine(depth=lambda question: seen.append(question) or NEVER, guesses=GUESSES), ask("a", cells=QUESTION, max_steps=6, attempts=3))
    assert [clues(question) - clues(QUESTION) for question in seen] == [0] * 6 + [2] * 6
    assert (outcome.verified, outcome.steps, outcome.attempts) == (False, 12, 3)
    assert seen[6] != seen[9]


def test_max_steps_bounds_these_attempts_too() -> None:
    assert solve(engine(depth=lambda _: NEVER, guesses=GUESSES), ask("a", cells=QUESTION, max_steps=2, attempts=3)).steps == 6


class Doubting(Oracle):
    """Never solves anything, and holds every question that has more clues than the puzzle for contradictory."""

    def logits(self, left):
        doubts = [1.0 if clues(shown.tobytes()) > clues(QUESTION) else -1.0 for shown in self.tokens[: len(left)]]
        return np.stack([np.full(len(left), -9.0), doubts], axis=-1).astype(np.float32)


@pytest.mark.parametrize(("doubt", "steps"), [(0.5, 4 + 1 + 1), (0.9, 4 + 3 + 3), (1.0, 4 + 3 + 3)])
def test_an_attempt_ends_once_the_model_holds_its_guesses_for_wrong(doubt, steps) -> None:
    made = Engine(Doubting(4, 81, lambda _: NEVER), rules(9), guesses=replace(GUESSES, doubt=doubt))
    assert solve(made, ask("a", cells=QUESTION, max_steps=4, attempts=3)).steps == steps


def test_no_doubt_ends_an_attempt_without_guesses() -> None:
    scheduler = Scheduler(1, guesses=GUESSES)
    scheduler.add(queued("a", max_steps=5))
    scheduler.schedule(0)
    assert not scheduler.update([False], [False], 0, doubted=[True]).ended


def test_guesses_depend_on_the_puzzle_and_the_attempt_alone() -> None:
    def guessed(slots: int, *others: Request) -> set[bytes]:
        seen: list[bytes] = []
        run(engine(slots=slots, depth=lambda question: seen.append(question) or NEVER, guesses=GUESSES), ask("a", cells=QUESTION, attempts=4), *others)
        return {question for question in seen if clues(question) > clues(QUESTION)}

    alone = guessed(1)
    assert len(alone) == 3
    assert alone <= guessed(3, *(ask(f"b{n}", cells=tokens("." * 81).tobytes(), max_steps=n) for n in range(1, 9)))


class Persuaded(Oracle):
    """Gives the true answer once there is a wrong guess."""

    def step(self, size, first=0):
        wrong = np.array([not right(shown.tobytes(), ANSWERS[9]) for shown in self.tokens[:size]])
        return np.where(wrong[:, None], tokens(ANSWERS[9]), tokens("3" * 81)).astype(np.uint8), np.zeros((size, 2), dtype=np.float32)


class Unmoved(SudokuRules):
    """Every copy is the puzzle itself."""

    def symmetry(self, rng):
        return Symmetry(np.arange(81), np.arange(256, dtype=np.uint8))


def test_an_answer_is_held_against_the_puzzle_and_not_against_the_guesses() -> None:
    first_row = tokens(ANSWERS[9][:9] + "." * 72).tobytes()
    made = Engine(Persuaded(4, 81, lambda _: NEVER), Unmoved(9), guesses=GUESSES)
    outcome = solve(made, ask("a", cells=first_row, max_steps=4, attempts=99))
    assert (outcome.cells, outcome.verified) == (ANSWER, True)
    assert not right(made.runner.tokens[0].tobytes(), ANSWERS[9])
    assert made.questions[0].tobytes() == first_row
