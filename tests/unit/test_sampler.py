"""The training sampler: endless copies of which the answer stays right."""

import numpy as np
import pytest

from app.puzzles.sudoku import rules
from app.training.data import PuzzleSet, Sampler
from app.training.generator import generate
from tests.support.grids import ANSWERS, QUESTIONS, SIDES, broken_rules, tokens


def one(side: int, question: str = "") -> PuzzleSet:
    return PuzzleSet(tokens(question or QUESTIONS[side])[None], tokens(ANSWERS[side])[None], side, side)


def sampler(*sets: tuple[PuzzleSet, float], reveal: int = 6, seed: int = 0) -> Sampler:
    return Sampler(sets, rules(sets[0][0].height), reveal, np.random.default_rng(seed))


@pytest.mark.parametrize("side", SIDES)
def test_the_answer_of_every_copy_solves_its_question(side) -> None:
    draws = sampler((one(side), 1))
    for question, answer, _ in (draws.draw() for _ in range(50)):
        assert broken_rules((question - 1).tolist(), (answer - 1).tolist(), side) == 0


def test_up_to_so_many_further_cells_are_shown() -> None:
    draws, given = sampler((one(9), 1), reveal=6), sum(symbol != "." for symbol in QUESTIONS[9])
    assert {int((draws.draw()[0] > 1).sum()) - given for _ in range(200)} == set(range(7))


def test_at_least_one_cell_stays_blank() -> None:
    nearly = one(4, ANSWERS[4][:-2] + "..")
    draws = sampler((nearly, 1), reveal=3)
    assert {int((draws.draw()[0] == 1).sum()) for _ in range(100)} == {1, 2}


def test_a_question_that_is_solved_already_is_drawn_as_it_is() -> None:
    question, answer, _ = sampler((one(4, ANSWERS[4]), 1)).draw()
    assert (question == answer).all()


def test_copies_differ_but_the_list_itself_is_never_changed() -> None:
    puzzles = one(9)
    draws = sampler((puzzles, 1))
    assert len({draws.draw()[1].tobytes() for _ in range(20)}) == 20
    assert puzzles.questions.tolist() == one(9).questions.tolist()
    assert puzzles.answers.tolist() == one(9).answers.tolist()


def test_the_same_seed_draws_the_same_puzzles() -> None:
    def draw(seed):
        draws = sampler((generate(4, 5, (5, 8), np.random.default_rng(0)), 1), seed=seed)
        return [draws.draw()[0].tobytes() for _ in range(5)]

    assert draw(3) == draw(3) != draw(4)


def test_lists_are_drawn_from_by_weight() -> None:
    empty, full = one(4, "." * 16), one(4)
    draws = sampler((empty, 3), (full, 1), reveal=0)
    shares = [bool((draws.draw()[0] > 1).any()) for _ in range(1000)]
    assert 0.2 < np.mean(shares) < 0.3


def test_a_share_of_the_questions_begins_with_guesses_some_of_them_wrong() -> None:
    draws = Sampler([(one(9, ANSWERS[9][:9] + "." * 72), 1.0)], rules(9), 0, np.random.default_rng(0), guess=0.5, guess_right=0.5)
    drawn = [draws.draw() for _ in range(200)]
    more = np.array([(question > 1).sum() - 9 for question, _, _ in drawn])
    wrong = np.array([((question > 1) & (question != answer)).any() for question, answer, _ in drawn])
    assert set(more.tolist()) == {0, 1, 2, 3, 4}
    assert 0.4 < (more > 0).mean() < 0.6
    assert 0.4 < wrong[more > 0].mean() < 1
    assert not wrong[more == 0].any()


def test_guesses_that_are_always_right_leave_the_answer_as_it_is() -> None:
    draws = Sampler([(one(9), 1.0)], rules(9), 0, np.random.default_rng(0), guess=1.0, guess_right=1.0)
    assert all(((question == 1) | (question == answer)).all() for question, answer, _ in (draws.draw() for _ in range(50)))
