"""Boards for a terminal: what is given and what was found look different, and plain text can be read again."""

import pytest
from rich.text import Text

from app.api.schemas import PuzzleIn
from app.terminal.drawing import CHANGED, FOUND, draw
from app.terminal.written import read
from tests.support.grids import ANSWERS, QUESTIONS, rows

MAZE, WAY = ["S #  ", "# # #", "     ", " ### ", "   #G"], ["So#  ", "#o# #", " oooo", " ###o", "   #G"]


def styled(drawn: Text, style: str) -> str:
    """The symbols that are drawn in a style, in order."""
    return "".join(drawn.plain[span.start : span.end] for span in drawn.spans if span.style == style)


@pytest.mark.parametrize("side", [4, 6, 9])
def test_a_sudokus_boxes_are_apart_and_what_was_found_stands_out(side) -> None:
    puzzle = PuzzleIn(type="sudoku", grid=QUESTIONS[side])
    drawn = draw(puzzle, ANSWERS[side])
    assert styled(drawn, FOUND) == "".join(found for found, given in zip(ANSWERS[side], QUESTIONS[side], strict=True) if given in ".0")
    assert drawn.plain.count("+") == {4: 1, 6: 2, 9: 4}[side]
    assert draw(PuzzleIn(type="sudoku", grid=rows(QUESTIONS[side])), rows(ANSWERS[side])).plain == drawn.plain


def test_cells_that_changed_stand_out_more() -> None:
    drawn = draw(PuzzleIn(type="sudoku", grid=QUESTIONS[4]), ANSWERS[4], {(0, 1), (3, 3)})
    assert styled(drawn, CHANGED) == ANSWERS[4][1] + ANSWERS[4][15]
    assert styled(draw(PuzzleIn(type="maze", grid=MAZE), WAY, {(0, 1), (2, 4)}), CHANGED) == "oo"


def test_a_maze_is_drawn_as_it_is_written() -> None:
    drawn = draw(PuzzleIn(type="maze", grid=MAZE), WAY)
    assert drawn.plain.splitlines() == WAY
    assert styled(drawn, FOUND) == "ooooooo"


def test_an_arc_grid_has_its_colours() -> None:
    drawn = draw(PuzzleIn(type="arc", grid=[[1]], puzzle_id="a"), [[1, 2], [2, 9]])
    assert drawn.plain == " 1  2 \n 2  9 "
    assert [span.style for span in drawn.spans] == ["on color(26)", "on color(160)", "on color(160)", "on color(88)"]
    assert draw(PuzzleIn(type="arc", grid=[[1]], puzzle_id="a"), []).plain == ""


def test_plain_drawings_can_be_read_again() -> None:
    for side in (4, 6, 9):
        (again,) = read(draw(PuzzleIn(type="sudoku", grid=QUESTIONS[side]), QUESTIONS[side].replace(".", "0")).plain)
        assert again.grid == QUESTIONS[side].replace("0", ".")
    (again,) = read(draw(PuzzleIn(type="maze", grid=MAZE), MAZE).plain)
    assert again.grid == MAZE
