"""Every grid that is no maze is refused in a sentence that names what to mend."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from app.errors import InvalidPuzzle
from app.puzzles.maze import Maze
from tests.support.mazes import SQUARE, shortest_paths

MAZE = Maze()


def refusal(grid: object) -> InvalidPuzzle:
    with pytest.raises(InvalidPuzzle) as caught:
        MAZE.parse(grid)
    assert caught.value.fields
    return caught.value


def pointers(error: InvalidPuzzle) -> list[str]:
    return [field.pointer for field in error.fields]


def changed(row: int, column: int, symbol: str) -> list[str]:
    return [line[:column] + symbol + line[column + 1 :] if index == row else line for index, line in enumerate(SQUARE)]


@pytest.mark.parametrize(
    ("grid", "shape"),
    [
        (None, "null"),
        (7, "7"),
        (True, "true"),
        ({"a": 1}, "an object"),
        ("S G", "'S G'"),
        ([], "0 of them"),
        (SQUARE[:4], "4 of them"),
        (["#"] * 31, "31 of them"),
    ],
)
def test_what_is_no_list_of_rows_is_told_what_a_maze_is(grid, shape) -> None:
    error = refusal(grid)
    assert error.detail == f"a maze is a list of 5 to 30 strings, one a row, not {shape}"
    assert pointers(error) == [""]


@pytest.mark.parametrize(("row", "shown"), [(None, "null"), (3, "3"), (["S"], "an array"), ({}, "an object"), (float("nan"), "NaN")])
def test_a_row_that_is_no_string_is_named_and_pointed_to(row, shown) -> None:
    error = refusal([*SQUARE[:2], row, *SQUARE[3:]])
    assert error.detail == f"a maze is a list of strings; row 3 is {shown}"
    assert pointers(error) == ["/2"]


@pytest.mark.parametrize("length", [0, 4, 6, 1000])
def test_a_row_of_another_length_is_named_and_pointed_to(length) -> None:
    error = refusal([*SQUARE[:4], " " * length])
    assert error.detail == f"rows of a maze are equally long; row 1 has 5 cells and row 5 has {length}"
    assert pointers(error) == ["/4"]


@pytest.mark.parametrize("width", [0, 4, 31, 100_000])
def test_rows_too_short_or_too_long_are_told_the_range(width) -> None:
    error = refusal([" " * width] * 6)
    assert error.detail == f"a maze has 5 to 30 rows and as many columns, not 6x{width}"
    assert pointers(error) == [""]


@pytest.mark.parametrize(("height", "width"), [(4, 5), (5, 4), (31, 30), (30, 31), (0, 0)])
def test_a_size_that_mazes_do_not_have_has_no_rules(height, width) -> None:
    with pytest.raises(InvalidPuzzle, match=f"a maze has 5 to 30 rows and as many columns, not {height}x{width}"):
        MAZE.rules(height, width)


@pytest.mark.parametrize("symbol", [".", "o", "s", "0", "X", "\n", "\0", "\xa0", "é", "😀"])
def test_a_symbol_that_mazes_do_not_have_is_named_with_its_cell(symbol) -> None:
    error = refusal(changed(2, 3, symbol))
    assert error.detail == f"cell r3c4 is {symbol!r}; a maze cell is '#', ' ', 'S' or 'G'"
    assert pointers(error) == ["/2"]


@pytest.mark.parametrize(("cell", "symbol"), [((0, 0), "S"), ((4, 4), "G")])
def test_a_maze_without_s_or_without_g_is_told_so(cell, symbol) -> None:
    assert refusal(changed(*cell, " ")).detail == f"a maze has one {symbol}; this one has none"


@pytest.mark.parametrize(("symbol", "cells"), [("S", "r1c1 and r3c4"), ("G", "r3c4 and r5c5")])
def test_a_second_s_or_g_is_named_with_both_cells(symbol, cells) -> None:
    assert refusal(changed(2, 3, symbol)).detail == f"a maze has one {symbol}; this one has {symbol} in {cells}"


def test_what_is_wrong_with_s_and_with_g_is_told_at_once() -> None:
    error = refusal([" G  G", *["     "] * 4])
    assert [field.detail for field in error.fields] == ["a maze has one S; this one has none", "a maze has one G; this one has G in r1c2 and r1c5"]


def test_of_many_only_some_are_named() -> None:
    assert refusal(["S" * 30] * 30).fields[0].detail == "a maze has one S; this one has S in r1c1 and r1c2 and r1c3 and r1c4 and r1c5 and 895 more"


def test_s_and_g_that_no_path_joins_are_named_with_their_cells() -> None:
    error = refusal(["S #  ", " #  G", "#    ", "     ", "     "])  # corners touch, and that is no step
    assert error.detail == "no path joins S in r1c1 and G in r2c5; a path goes up, down, left and right through free cells"
    assert pointers(error) == [""]


@given(st.lists(st.text("# ", min_size=6, max_size=6), min_size=5, max_size=7), st.integers(0, 29), st.integers(0, 29))
def test_mazes_are_refused_exactly_when_no_path_joins_s_and_g(lines, start, goal) -> None:
    assume(start != goal)
    text = list("".join(lines))
    text[start], text[goal] = "S", "G"
    grid = ["".join(text[begin : begin + 6]) for begin in range(0, len(text), 6)]
    if shortest_paths(grid)[0]:
        MAZE.parse(grid)
    else:
        assert refusal(grid).detail.startswith("no path joins S in ")
