"""Puzzles as people write them, read by `trm solve`."""

import json

import pytest

from app.api.schemas import MAZE, NEWSPAPER
from app.errors import InvalidRequest
from app.terminal.written import read

BOARD = """
5 3 . | . 7 . | . . .
6 . . | 1 9 5 | . . .
. 9 8 | . . . | . 6 .
------+-------+------
8 . . | . 6 . | . . 3
4 . . | 8 . 3 | . . 1
7 . . | . 2 . | . . 6
------+-------+------
. 6 . | . . . | 2 8 .
. . . | 4 1 9 | . . 5
. . . | . 8 . | . 7 9
"""
ROWS = "\n".join(NEWSPAPER[start : start + 9] for start in range(0, 81, 9))
SMALL = "1..............."
WALLED = "\n".join(MAZE)
ONE, OTHER = {"type": "sudoku", "grid": NEWSPAPER}, {"type": "maze", "grid": MAZE}


def grids(text: str, puzzle_id: str | None = None) -> list[tuple[str, object]]:
    return [(puzzle.type, puzzle.grid) for puzzle in read(text, puzzle_id)]


@pytest.mark.parametrize(
    "text",
    [NEWSPAPER, f"  {NEWSPAPER}\n", ROWS, ROWS.replace("\n", "\r\n"), BOARD, BOARD.replace("-", "="), json.dumps([NEWSPAPER]), json.dumps({"grid": NEWSPAPER})],
    ids=["line", "with spaces around", "rows", "rows of another system", "board", "board of another look", "JSON list", "JSON puzzle"],
)
def test_a_sudoku_may_be_a_line_or_rows_or_a_board(text) -> None:
    assert grids(text) == [("sudoku", NEWSPAPER)]


def test_every_long_line_is_a_sudoku() -> None:
    assert grids(f"{NEWSPAPER}\n{SMALL}\n\n{SMALL}\n") == [("sudoku", NEWSPAPER), ("sudoku", SMALL), ("sudoku", SMALL)]


@pytest.mark.parametrize("text", [WALLED, WALLED + "\n", WALLED.replace("S #  ", "S #"), json.dumps(MAZE), json.dumps(OTHER)])
def test_a_maze_is_its_rows_even_if_an_editor_cut_off_spaces(text) -> None:
    assert grids(text) == [("maze", MAZE)]


def test_a_row_of_spaces_does_not_end_a_maze_and_an_empty_line_does() -> None:
    assert grids(f"{WALLED}\n\n{WALLED}\n   \n{BOARD}") == [("maze", MAZE), ("maze", MAZE), ("sudoku", NEWSPAPER)]


def test_documents_follow_each_other_however_they_are_laid_out() -> None:
    text = f"{json.dumps(ONE)}\n{json.dumps(OTHER, indent=2)} {json.dumps([ONE, OTHER])}\n\n{json.dumps([[1, 0, 0, 0]] * 4)}"
    assert [kind for kind, _ in grids(text)] == ["sudoku", "maze", "sudoku", "maze", "sudoku"]


@pytest.mark.parametrize("puzzles", [[NEWSPAPER, SMALL], [MAZE, MAZE], [[[1, 0, 0, 0]] * 4] * 2, [ONE, ONE]])
def test_a_list_may_be_of_puzzles_of_any_form(puzzles) -> None:
    assert len(read(json.dumps(puzzles))) == 2


@pytest.mark.parametrize("text", ["67\n76", "6 7\n7 6", "[[6,7],[7,6]]", '{"grid": [[6,7],[7,6]]}'])
def test_with_the_id_of_a_task_it_is_an_arc_grid(text) -> None:
    (puzzle,) = read(text, "b1948b0a")
    assert (puzzle.type, puzzle.grid, puzzle.puzzle_id) == ("arc", [[6, 7], [7, 6]], "b1948b0a")


def test_a_document_may_name_its_own_task() -> None:
    (puzzle,) = read('{"grid": [[6]], "puzzle_id": "b1948b0a"}')
    assert (puzzle.type, puzzle.puzzle_id) == ("arc", "b1948b0a")


@pytest.mark.parametrize("text", ["", " ", "53..7", "x" * 81, "[]", "[[]]"])
def test_what_is_wrong_with_a_grid_is_for_its_family_to_say(text) -> None:
    assert len(read(text)) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[1,", "JSON"),
        ('{"type":"chess","grid":""}', "type"),
        ('{"type":"maze"}', "grid"),
        ('{"grid":"","extra":1}', "extra"),
        ('[{"grid":""}, 7]', "7"),
        ('{"grid":""} nonsense', "JSON"),
    ],
)
def test_what_is_no_puzzle_is_refused_in_one_sentence(text, words) -> None:
    with pytest.raises(InvalidRequest, match=words):
        read(text)
