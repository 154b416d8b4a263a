"""Every grid that is no ARC grid is refused in a sentence that names what to mend."""

import pytest

from app.errors import InvalidPuzzle
from app.puzzles.arc import Arc


def refusal(grid: object) -> tuple[str, list[str]]:
    with pytest.raises(InvalidPuzzle) as caught:
        Arc().parse(grid)
    return caught.value.detail, [field.pointer for field in caught.value.fields]


@pytest.mark.parametrize(
    ("grid", "shape"), [(None, "null"), ("123", "'123'"), ({"a": 1}, "an object"), ([], "0 of them"), ([[0]] * 31, "31 of them"), (True, "true")]
)
def test_what_is_no_list_of_rows(grid, shape) -> None:
    assert refusal(grid) == (f"an ARC grid is a list of 1 to 30 rows of colours 0 to 9, not {shape}", [""])


@pytest.mark.parametrize(
    ("grid", "said", "pointer"),
    [
        ([[1], 5], "row 2 is 5", "/1"),
        (["12"], "row 1 is '12'", "/0"),
        ([[]], "row 1 has 0", "/0"),
        ([[0] * 31], "1 to 30 columns; row 1 has 31", "/0"),
        ([[1, 2], [3]], "row 1 has 2 cells and row 2 has 1", "/1"),
        ([[1], [3, 4]], "row 1 has 1 cells and row 2 has 2", "/1"),
    ],
)
def test_rows_that_make_no_rectangle(grid, said, pointer) -> None:
    detail, pointers = refusal(grid)
    assert said in detail
    assert pointers == [pointer]


@pytest.mark.parametrize(
    ("cell", "shown"),
    [(10, "10"), (-1, "-1"), (True, "true"), (False, "false"), (None, "null"), (1.0, "1.0"), ("1", "'1'"), ([1], "an array"), (10**40, "1000")],
)
def test_a_cell_that_is_no_colour_is_named(cell, shown) -> None:
    detail, pointers = refusal([[0, 0, 0], [0, 0, cell]])
    assert detail.startswith(f"cell r2c3 is {shown}")
    assert detail.endswith("a colour is 0 to 9")
    assert pointers == ["/1/2"]


@pytest.mark.parametrize("size", [(0, 1), (1, 31)])
def test_rules_for_a_size_that_there_is_not(size) -> None:
    with pytest.raises(InvalidPuzzle, match=f"{size[0]}x{size[1]}"):
        Arc().rules(*size)
