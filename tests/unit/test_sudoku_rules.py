"""The rule check against a naive one that shares no code with it, and the symmetries that must not change what it says."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.puzzles.sudoku import rules
from tests.support.grids import ANSWERS, QUESTIONS, SIDES, broken_rules, digits, tokens

SEEDS = st.integers(0, 2**32 - 1)


@st.composite
def judged(draw) -> tuple[int, list[int], list[int]]:
    """A size, a question, and an answer that is right but for some cells."""
    side = draw(st.sampled_from(SIDES))
    question, answer = digits(QUESTIONS[side]), digits(ANSWERS[side])
    for cell in draw(st.lists(st.integers(0, side * side - 1), max_size=6)):
        answer[cell] = draw(st.integers(0, side))
    return side, question, answer


def as_tokens(grid: list[int]) -> np.ndarray:
    return np.array([grid], dtype=np.uint8) + 1


@given(judged())
def test_violations_are_those_that_a_naive_checker_counts(case) -> None:
    side, question, answer = case
    assert rules(side).violations(as_tokens(question), as_tokens(answer)).tolist() == [broken_rules(question, answer, side)]


@given(judged())
def test_one_answer_is_verified_where_a_naive_checker_finds_nothing(case) -> None:
    side, question, answer = case
    verified = broken_rules(question, answer, side) == 0
    assert rules(side).judged(as_tokens(question).tobytes(), as_tokens(answer).tobytes()) == (verified, None)


@given(st.sampled_from(SIDES), st.data())
def test_a_question_contradicts_itself_where_a_unit_has_a_digit_twice(side, data) -> None:
    """Of few givens, so that both happen."""
    question, places = [0] * side**2, st.tuples(st.integers(0, side**2 - 1), st.integers(1, side))
    for cell, digit in data.draw(st.lists(places, max_size=side)):
        question[cell] = digit
    units = [[question[cell] for cell in unit if question[cell]] for unit in rules(side).units.tolist()]
    assert rules(side).contradictory(as_tokens(question).tobytes()) == any(len(set(unit)) < len(unit) for unit in units)


@given(judged(), SEEDS)
def test_a_symmetric_copy_breaks_as_many_rules_as_the_original(case, seed) -> None:
    side, question, answer = case
    symmetry = rules(side).symmetry(np.random.default_rng(seed))
    copy = rules(side).violations(symmetry.apply(as_tokens(question)), symmetry.apply(as_tokens(answer)))
    assert copy.tolist() == [broken_rules(question, answer, side)]


@given(st.sampled_from(SIDES), SEEDS, st.data())
def test_inverting_a_symmetry_gives_the_original_back(side, seed, data) -> None:
    grids = np.array(data.draw(st.lists(st.lists(st.integers(0, 255), min_size=side**2, max_size=side**2), min_size=1, max_size=3)), dtype=np.uint8)
    symmetry = rules(side).symmetry(np.random.default_rng(seed))
    assert (symmetry.invert(symmetry.apply(grids)) == grids).all()
    assert (symmetry.apply(symmetry.invert(grids)) == grids).all()
    assert (symmetry.invert(symmetry.apply(grids[0])) == grids[0]).all()


@given(st.sampled_from(SIDES), SEEDS)
def test_a_copy_of_a_solved_grid_is_solved_and_its_blanks_stay_blank(side, seed) -> None:
    symmetry = rules(side).symmetry(np.random.default_rng(seed))
    question, answer = symmetry.apply(tokens(QUESTIONS[side])), symmetry.apply(tokens(ANSWERS[side]))
    assert broken_rules((question - 1).tolist(), (answer - 1).tolist(), side) == 0
    assert (question == 1).sum() == (tokens(QUESTIONS[side]) == 1).sum()


@pytest.mark.parametrize("side", SIDES)
def test_a_symmetry_may_take_any_cell_to_any_place_and_any_digit_to_any_other(side) -> None:
    one_given = tokens("1" + "." * (side * side - 1))
    copies = [rules(side).symmetry(np.random.default_rng(seed)).apply(one_given) for seed in range(12 * side * side)]
    assert {int(copy.argmax()) for copy in copies} == set(range(side * side))
    assert {int(copy.max()) - 1 for copy in copies} == set(range(1, side + 1))


@pytest.mark.parametrize(("side", "transposes"), [(4, True), (6, False), (9, True)])
def test_only_grids_with_square_boxes_are_transposed(side, transposes) -> None:
    first_row = tokens("".join(str(digit) for digit in range(1, side + 1)) + "." * (side * side - side))
    copies = [rules(side).symmetry(np.random.default_rng(seed)).apply(first_row).reshape(side, side) for seed in range(40)]
    assert any((copy != 1).all(axis=0).any() for copy in copies) == transposes
    assert any((copy != 1).all(axis=1).any() for copy in copies)


@pytest.mark.parametrize("token", [0, 1, 11, 255])
def test_a_token_that_is_no_digit_never_solves_anything(token) -> None:
    answer = tokens(ANSWERS[9])
    answer[40] = token
    assert rules(9).violations(tokens("." * 81)[None], answer[None]).tolist() == [3]
    assert rules(9).judged(tokens("." * 81).tobytes(), answer.tobytes()) == (False, None)


def test_a_digit_too_large_for_a_small_grid_is_no_digit() -> None:
    answer = tokens(ANSWERS[4])
    answer[answer == 5] = 6
    assert rules(4).violations(tokens("." * 16)[None], answer[None]).tolist() == [12]
    assert rules(4).judged(tokens("." * 16).tobytes(), answer.tobytes()) == (False, None)
