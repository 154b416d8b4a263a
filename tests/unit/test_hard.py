"""Hard puzzles, judged by the plain search and by a counter of answers of the tests' own."""

import numpy as np
import pytest

from app.errors import InvalidRequest
from app.training.generator import Search, full_grid, guesses
from app.training.hard import Singles, grade, hard
from tests.support.grids import ANSWERS, QUESTIONS, SIDES, broken_rules, count_answers, digits, tokens

INKALA = "8..........36......7..9.2...5...7.......457.....1...3...1....68..85...1..9....4.."
ESCARGOT = "1....7.9..3..2...8..96..5....53..9...1..8...26....4...3......1..4......7..7...3.."
SEVENTEEN = "000000010400000000020000000000050407008000300001090000300400200050100000000806000"
"""17 clues: many guesses of a plain search, few once singles are taken."""


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_hard_puzzles_are_minimal_have_one_answer_and_are_as_hard_as_asked() -> None:
    puzzles = hard(9, 3, 4, rng())
    for question, answer in zip(puzzles.questions, puzzles.answers, strict=True):
        asked, solved = (question - 1).tolist(), (answer - 1).tolist()
        assert broken_rules(asked, solved, 9) == 0
        assert Search(9).run(asked, 2).solutions == [solved]
        assert grade(question) >= 4
        for cell in np.flatnonzero(asked):
            assert len(Search(9).run([0 if index == cell else digit for index, digit in enumerate(asked)], 2).solutions) == 2


def test_the_same_seed_gives_the_same_puzzles_and_another_gives_others() -> None:
    first, again, other = (hard(9, 2, 1, rng(seed)).questions.tobytes() for seed in (1, 1, 2))
    assert first == again != other


@pytest.mark.parametrize("side", SIDES)
def test_every_side_has_minimal_puzzles(side) -> None:
    puzzles = hard(side, 2, 0, rng())
    assert [count_answers((question - 1).tolist(), side) for question in puzzles.questions] == [1, 1]


def test_a_grade_that_no_puzzle_reaches_is_refused() -> None:
    with pytest.raises(InvalidRequest, match=r"no 4x4 puzzle of 50 guesses .* the hardest took \d"):
        hard(4, 1, 50, rng())


@pytest.mark.parametrize("side", SIDES)
def test_easy_puzzles_are_solved_by_singles(side) -> None:
    search = Singles(side)
    search.run(digits(QUESTIONS[side]))
    assert (search.solutions, search.guesses, grade(tokens(ANSWERS[side]))) == (1, 0, 0)


def test_puzzles_that_are_known_to_be_hard_are_graded_so() -> None:
    assert grade(tokens(SEVENTEEN)) < 10 < 900 < guesses(tokens(SEVENTEEN))
    assert grade(tokens(INKALA)) > 20
    assert grade(tokens(ESCARGOT)) > 20


@pytest.mark.parametrize(("question", "solutions"), [("." * 16, 288), ("123." + "...4" + "." * 8, 0), ("1234" + "." * 12, 12), ("11" + "." * 14, 0)])
def test_solutions_are_counted_and_no_more_than_asked_for(question, solutions) -> None:
    search = Singles(4)
    search.run(digits(question), 1000)
    assert search.solutions == solutions
    search.run(digits(question), 2)
    assert search.solutions == min(solutions, 2)


def test_the_search_agrees_with_a_plain_one_on_puzzles_with_holes() -> None:
    random = rng(3)
    for _ in range(20):
        shown = [digit if keep else 0 for digit, keep in zip(full_grid(6, random), random.random(36) < 0.35, strict=True)]
        search = Singles(6)
        search.run(shown, 3)
        assert min(search.solutions, 2) == min(count_answers(shown, 6), 2)
