"""Grids in, tokens inside, grids out: both forms, all sizes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.puzzles.sudoku import Sudoku
from tests.support.grids import ANSWERS, QUESTIONS, SIDES, digits, rows, tokens

SUDOKU = Sudoku()


@st.composite
def consistent_grids(draw) -> str:
    """Any part of a solved grid."""
    solved = ANSWERS[draw(st.sampled_from(SIDES))]
    shown = draw(st.lists(st.booleans(), min_size=len(solved), max_size=len(solved)))
    return "".join(digit if keep else "." for digit, keep in zip(solved, shown, strict=True))


@given(consistent_grids())
def test_a_string_comes_back_as_it_was_sent(grid) -> None:
    assert SUDOKU.render(SUDOKU.parse(grid).cells, grid) == grid.replace(".", "0")


@given(consistent_grids())
def test_rows_come_back_as_they_were_sent(grid) -> None:
    assert SUDOKU.render(SUDOKU.parse(rows(grid)).cells, rows(grid)) == rows(grid)


@given(consistent_grids())
def test_equal_puzzles_are_equal_values_however_they_are_written(grid) -> None:
    assert SUDOKU.parse(grid) == SUDOKU.parse(grid.replace(".", "0")) == SUDOKU.parse(rows(grid))
    assert hash(SUDOKU.parse(grid)) == hash(SUDOKU.parse(rows(grid)))


@pytest.mark.parametrize("side", SIDES)
def test_tokens_are_one_for_a_blank_and_a_digit_plus_one(side) -> None:
    puzzle = SUDOKU.parse(QUESTIONS[side])
    assert puzzle.tokens.tolist() == [digit + 1 for digit in digits(QUESTIONS[side])]
    assert (puzzle.family, puzzle.height, puzzle.width) == ("sudoku", side, side)


def test_the_solution_takes_the_form_of_the_grid_that_was_sent() -> None:
    answer = tokens(ANSWERS[4]).tobytes()
    assert SUDOKU.render(answer, QUESTIONS[4]) == ANSWERS[4]
    assert SUDOKU.render(answer, rows(QUESTIONS[4])) == rows(ANSWERS[4])


@pytest.mark.parametrize("empty", [0, 1])
def test_a_token_that_is_no_digit_is_written_as_empty(empty) -> None:
    assert SUDOKU.render(bytes([empty, 2, 3, 4] * 4), "") == "0123" * 4
