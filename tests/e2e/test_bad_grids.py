"""Grids that are no puzzles: 422, the sentence names the cells and the pointer leads to them."""

import pytest

from tests.e2e.problems import pointers, post_escaped, refused
from tests.e2e.puzzles import NEWSPAPER
from tests.e2e.serving import Server, body

BLANK_ROW = [0] * 9


def row_with(cell: object) -> list[list[object]]:
    """An empty grid but for its third row's fifth cell."""
    return [[*BLANK_ROW] for _ in range(2)] + [[0, 0, 0, 0, cell, 0, 0, 0, 0]] + [[*BLANK_ROW] for _ in range(6)]


STRINGS = {
    "80 cells": ("." * 80, "80"),
    "82 cells": ("." * 82, "82"),
    "no cells": ("", "0"),
    "a letter": ("." * 80 + "x", "r9c9"),
    "a space": (" " + NEWSPAPER[1:], "r1c1"),
    "a digit too large for the size": ("5" + "." * 15, "r1c1"),
    "null bytes": ("\0" * 81, "r1c1"),
    "digits of another script": ("٣" * 81, "r1c1"),
    "lone surrogates": ("\ud800" * 81, "r1c1"),
    "one lone surrogate": ("\ud800", "1"),
    "an emoji": ("🙂" + "." * 80, "r1c1"),
    "a long line": ("." * 100_000, "100000"),
}

ROWS = {
    "a row too short": ([BLANK_ROW] * 8 + [[0] * 8], "/8", "row 9"),
    "a row too long": ([[0] * 10] + [BLANK_ROW] * 8, "/0", "row 1"),
    "8 rows": ([BLANK_ROW] * 8, "", "8"),
    "no rows": ([], "", "0"),
    "one cell": ([[1]], "", "1"),
    "10 in a cell": (row_with(10), "/2/4", "r3c5"),
    "a negative digit": (row_with(-1), "/2/4", "r3c5"),
    "an enormous digit": (row_with(10**30), "/2/4", "r3c5"),
}

NO_INTEGERS = {"true": True, "half": 1.5, "one as a float": 1.0, "null": None, "text": "5", "a list": [5], "an object": {}, "a surrogate": "\ud800"}

NO_GRIDS = {"null": None, "a number": 5, "an object": {}, "true": True, "rows of strings": ["." * 9] * 9, "not a number": float("nan")}


@pytest.mark.parametrize("case", STRINGS)
def test_a_bad_string_is_refused_with_what_is_wrong(server: Server, case: str) -> None:
    grid, word = STRINGS[case]
    problem = refused(post_escaped(server, body(grid)), 422, word)
    assert pointers(problem) == ["/puzzle/grid"]


@pytest.mark.parametrize("case", ROWS)
def test_bad_rows_are_refused_with_a_pointer_to_the_row_or_cell(server: Server, case: str) -> None:
    grid, pointer, word = ROWS[case]
    problem = refused(server.solve(grid), 422, word)
    assert pointers(problem) == [f"/puzzle/grid{pointer}"]


@pytest.mark.parametrize("case", NO_INTEGERS)
def test_a_cell_that_is_no_integer_is_pointed_at(server: Server, case: str) -> None:
    problem = refused(post_escaped(server, body(row_with(NO_INTEGERS[case]))), 422)
    assert "/puzzle/grid/2/4" in pointers(problem)


@pytest.mark.parametrize("case", NO_GRIDS)
def test_what_is_neither_string_nor_rows_is_told_that_both_are_possible(server: Server, case: str) -> None:
    problem = refused(post_escaped(server, body(NO_GRIDS[case])), 422, "string", "list")
    assert all(pointer.startswith("/puzzle/grid") for pointer in pointers(problem))


@pytest.mark.parametrize(
    ("cells", "names"),
    [
        ({0: "5", 1: "5"}, ("row 1", "r1c1", "r1c2")),
        ({0: "7", 72: "7"}, ("column 1", "r1c1", "r9c1")),
        ({30: "2", 50: "2"}, ("box 5", "r4c4", "r6c6")),
    ],
)
def test_givens_that_contradict_each_other_are_named(server: Server, cells: dict[int, str], names: tuple[str, ...]) -> None:
    grid = "".join(cells.get(index, ".") for index in range(81))
    problem = refused(server.solve(grid), 422, *names)
    assert set(pointers(problem)) == {"/puzzle/grid"}


def test_every_contradiction_is_named_at_once(server: Server) -> None:
    problem = refused(server.solve("55" + "." * 77 + "88"), 422, "r1c1", "r1c2", "r9c8", "r9c9")
    assert len(problem["errors"]) == 4


def test_a_bad_grid_never_reaches_a_worker(server: Server) -> None:
    before = server.metric("trm_step_batch_size_count")
    refused(server.solve("55" + "." * 79), 422)
    assert server.metric("trm_step_batch_size_count") == before


def test_a_refusal_is_counted_by_its_type(server: Server) -> None:
    before = server.metric("trm_requests_rejected_total", reason="invalid-puzzle")
    refused(server.solve("." * 80), 422)
    assert server.metric("trm_requests_rejected_total", reason="invalid-puzzle") == before + 1
