"""ARC grids become canvases with end marks, and answers on canvases become grids."""

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.puzzles.arc import Arc, Augmentation, augmentation_of, base_of, cropped, on_canvas
from tests.support.arc import SYMBOLS, canvas, recoloured, turned

ARC = Arc()
GRIDS = st.tuples(st.integers(1, 7), st.integers(1, 7)).flatmap(
    lambda size: st.lists(st.lists(st.integers(0, 9), min_size=size[1], max_size=size[1]), min_size=size[0], max_size=size[0])
)


def placed(grid: list[list[int]], side: int) -> bytes:
    return ARC.place(ARC.parse(grid), side, side)


def shown(cells: bytes, side: int) -> list[str]:
    text = "".join(SYMBOLS[token] for token in cells)
    return [text[start : start + side] for start in range(0, len(text), side)]


@pytest.mark.parametrize(
    ("grid", "lines"),
    [
        ([[5]], ["5|..", "|...", "....", "...."]),
        ([[1, 2], [3, 4]], ["12|.", "34|.", "||..", "...."]),
        ([[1, 2, 3, 4]], ["1234", "||||", "....", "...."]),
        ([[0], [9], [0], [9]], ["0|..", "9|..", "0|..", "9|.."]),
        ([[7] * 4] * 4, ["7777"] * 4),
    ],
    ids=["one cell", "small", "as wide as the canvas", "as high", "as large"],
)
def test_a_grid_stands_upper_left_with_end_marks_where_there_is_room(grid, lines) -> None:
    assert shown(placed(grid, 4), 4) == lines
    assert ARC.render(canvas(*lines), grid) == grid


@given(grid=GRIDS, side=st.integers(7, 9))
def test_what_is_placed_comes_back(grid, side) -> None:
    cells = placed(grid, side)
    assert len(cells) == side * side
    assert ARC.render(cells, grid) == grid


@pytest.mark.parametrize(
    ("lines", "grid"),
    [
        (["12||", "34|9", "||99", "9999"], [[1, 2], [3, 4]]),  # a model is not taught what to write outside of the grid
        (["123.", "12..", "1...", "...."], [[1, 2], [1, 2]]),  # of two rectangles as large, the one with fewer rows
        (["12..", "1...", "1...", "1..."], [[1], [1], [1], [1]]),
        (["|123", "1234", "1234", "1234"], []),
        ([".123", "1234", "1234", "1234"], []),
    ],
)
def test_the_largest_rectangle_of_colours_at_the_upper_left_is_the_answer(lines, grid) -> None:
    assert ARC.render(canvas(*lines), None) == grid


def test_equal_grids_are_equal_puzzles_and_other_shapes_are_not() -> None:
    assert ARC.parse([[1, 2], [3, 4]]) == ARC.parse([[1, 2], [3, 4]])
    assert ARC.parse([[1, 2, 3, 4]]) != ARC.parse([[1, 2], [3, 4]])


@pytest.mark.parametrize("dihedral", range(8))
def test_a_copy_is_turned_and_recoloured_and_its_answer_comes_back(dihedral) -> None:
    grid, colours = [[1, 2, 0], [3, 9, 5]], "0213456798"
    copy = augmentation_of(f"task|||t{dihedral}|||{colours}")
    made = copy.apply(np.frombuffer(placed(grid, 5), dtype=np.uint8))
    assert made.tobytes() == placed(recoloured(turned(grid, dihedral), colours), 5)
    assert copy.invert(made).tobytes() == placed(grid, 5)


def test_what_an_answer_has_outside_of_its_grid_does_not_come_back() -> None:
    copy = augmentation_of("task|||t2|||0123456789")
    assert copy.invert(np.frombuffer(canvas("12|4", "||5|", "6..7", "8888"), dtype=np.uint8)).tobytes() == canvas("21|.", "||..", "....", "....")


def test_an_answer_without_a_grid_comes_back_as_an_empty_canvas() -> None:
    assert not augmentation_of("task|||t1|||0213456789").invert(np.frombuffer(canvas("|1", "11"), dtype=np.uint8)).any()


@given(seed=st.integers(0, 1000))
def test_a_name_says_how_the_copy_is_made(seed) -> None:
    made = Augmentation.random(np.random.default_rng(seed))
    name = made.name("a task")
    assert (base_of(name), augmentation_of(name)) == ("a task", made)
    assert made.colours[0] == 0


@pytest.mark.parametrize("name", ["a|||t8|||0123456789", "a|||t1|||0113456789", "a|||t1|||012345678", "a|||t1", "|||t1|||0123456789", "a|||1|||0123456789"])
def test_a_name_of_another_form_is_refused(name) -> None:
    with pytest.raises(ValueError, match="is not of the form"):
        base_of(name)


def test_a_grid_can_stand_anywhere_on_a_canvas() -> None:
    assert on_canvas(np.array([[3, 4]], dtype=np.uint8), 4, (1, 1)).tobytes() == canvas("....", ".12|", ".||.", "....")
    assert cropped(np.frombuffer(canvas("....", ".12|", ".||.", "...."), dtype=np.uint8)).size == 0


def test_no_answer_is_verified_and_nothing_is_guessed() -> None:
    rules, cells = ARC.rules(3, 5), np.frombuffer(placed([[1]], 2), dtype=np.uint8)[None]
    assert (rules.verifiable, rules.violations(cells, cells).tolist(), rules.excess(cells, cells).tolist()) == (False, [1], [0])
    assert list(rules.guesses(cells[0].tobytes(), 2, 4, Random(0))) == []
    assert rules.optimal(cells, cells) is None
