"""Every grid that is no Sudoku is refused in a sentence that names what to mend."""

import string

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from app.errors import InvalidPuzzle
from app.puzzles.sudoku import Sudoku
from tests.support.grids import ANSWERS, SIDES, digits, rows, unit_cells

SUDOKU = Sudoku()


def refusal(grid: object) -> InvalidPuzzle:
    with pytest.raises(InvalidPuzzle) as caught:
        SUDOKU.parse(grid)
    return caught.value


def changed(side: int, row: int, column: int, value: object) -> list[list[object]]:
    grid: list[list[object]] = [list(line) for line in rows("." * side * side)]
    grid[row][column] = value
    return grid


@given(st.text(string.digits + ".", max_size=100))
def test_a_string_of_another_length_is_told_the_right_ones(grid) -> None:
    assume(len(grid) not in (16, 36, 81))
    assert refusal(grid).detail == f"a Sudoku string has 16, 36 or 81 characters, one a cell, row by row; this one has {len(grid)}"


@pytest.mark.parametrize(("side", "symbol"), [(4, "5"), (6, "7"), (9, "x"), (9, "²"), (9, "\n"), (9, "٣")])
def test_a_symbol_that_is_no_digit_of_this_size_is_named_with_its_cell(side, symbol) -> None:
    grid = "." * (side + 1) + symbol + "." * (side * side - side - 2)
    assert refusal(grid).detail == f"cell r2c2 is {symbol!r}; a {side}x{side} cell is 1 to {side}, or '.' or '0' for empty"


@pytest.mark.parametrize(("value", "shown"), [(-1, "-1"), (10, "10"), (2.0, "2.0"), ("5", "'5'"), (None, "null"), (True, "true"), (float("inf"), "Infinity")])
def test_a_cell_that_is_no_integer_of_this_size_is_named_and_pointed_to(value, shown) -> None:
    error = refusal(changed(9, 8, 3, value))
    assert error.detail == f"cell r9c4 is {shown}; a 9x9 cell is 1 to 9, or 0 for empty"
    assert [field.pointer.endswith("/8/3") for field in error.fields] == [True]


@pytest.mark.parametrize(("value", "shown"), [([1], "an array"), ({"a": 1}, "an object"), ("x" * 99, "'xxxx"), (10**30 + 0.5, "1e+30")])
def test_a_value_too_long_to_quote_is_told_in_short(value, shown) -> None:
    detail = refusal(changed(4, 0, 0, value)).detail
    assert detail.startswith(f"cell r1c1 is {shown}")
    assert len(detail) < 120


@pytest.mark.parametrize("row", [[0] * 5, [0] * 3, [], None, "....", 7])
def test_a_row_of_another_length_or_kind_is_named_and_pointed_to(row) -> None:
    error = refusal([*rows("." * 16)[:2], row, [0] * 4])
    assert error.detail == "a Sudoku is one string or a list of rows; row 3 is not a list of 4 integers"
    assert [field.pointer.endswith("/2") for field in error.fields] == [True]


@pytest.mark.parametrize(("grid", "shape"), [([], "0 rows"), ([[0] * 5] * 5, "5 rows"), (None, "null"), (7, "7"), (True, "true"), ({"a": 1}, "an object")])
def test_what_is_no_grid_at_all_is_told_what_one_is(grid, shape) -> None:
    assert refusal(grid).detail == f"a Sudoku is a string or a list of 4, 6 or 9 rows, not {shape}"


@given(st.sampled_from(SIDES), st.data())
def test_every_contradiction_between_givens_is_named_with_its_cells(side, data) -> None:
    unit = data.draw(st.sampled_from(unit_cells(side)))
    first, second = sorted(data.draw(st.lists(st.sampled_from(unit), min_size=2, max_size=2, unique=True)))
    digit = data.draw(st.integers(1, side))
    grid = [digit if cell in (first, second) else 0 for cell in range(side * side)]
    cells = " and ".join(f"r{cell // side + 1}c{cell % side + 1}" for cell in (first, second))
    assert f"has {digit} in {cells}" in refusal("".join(map(str, grid))).detail


def test_all_contradictions_are_told_at_once() -> None:
    error = refusal("55" + "." * 78 + "5")
    assert [field.detail for field in error.fields] == ["row 1 has 5 in r1c1 and r1c2", "box 1 has 5 in r1c1 and r1c2"]
    error = refusal("1..1" + "1..." + "...." + "....")
    assert [field.detail for field in error.fields] == [
        "row 1 has 1 in r1c1 and r1c4",
        "column 1 has 1 in r1c1 and r2c1",
        "box 1 has 1 in r1c1 and r2c1",
    ]


@given(st.sampled_from(SIDES), st.data())
def test_givens_are_refused_exactly_when_a_unit_repeats_a_digit(side, data) -> None:
    shown = digits(ANSWERS[side])
    for cell in data.draw(st.lists(st.integers(0, side * side - 1), max_size=4)):
        shown[cell] = data.draw(st.integers(0, side))
    repeated = any(len(found) != len(set(found)) for found in ([shown[cell] for cell in unit if shown[cell]] for unit in unit_cells(side)))
    if repeated:
        assert refusal("".join(map(str, shown))).fields
    else:
        SUDOKU.parse("".join(map(str, shown)))


@pytest.mark.parametrize(("height", "width"), [(9, 4), (4, 9), (5, 5), (0, 0)])
def test_a_size_that_sudoku_does_not_have_has_no_rules(height, width) -> None:
    with pytest.raises(InvalidPuzzle, match=f"a Sudoku is 4x4, 6x6 or 9x9, not {height}x{width}"):
        SUDOKU.rules(height, width)
