"""Mazes to train on: of every size up to the canvas, anywhere on it, each with its own answer."""

import numpy as np
import pytest

from app.training.mazes import MazeSource, generate
from tests.support.mazes import Cell, beside, cells_of, is_right, rows_of, shortest_paths


def source(height: int = 8, width: int = 9, seed: int = 0) -> MazeSource:
    return MazeSource(height, width, np.random.default_rng(seed))


@pytest.mark.parametrize(("height", "width"), [(5, 5), (8, 9), (12, 6)])
def test_every_answer_is_a_shortest_path_of_its_question_and_most_have_one_only(height: int, width: int) -> None:
    drawn, ways = source(height, width), list[int]()
    for question, answer, _ in (drawn.draw() for _ in range(60)):
        asked, solved = rows_of(question, width), rows_of(answer, width)
        assert (len(asked), len(asked[0])) == (height, width)
        assert is_right(asked, solved)
        moves, count = shortest_paths(asked)
        assert moves == sum(line.count("o") for line in solved) + 1
        ways.append(count)
    assert 0.5 < sum(count == 1 for count in ways) / len(ways) < 1


def test_of_many_shortest_paths_the_answer_is_that_which_seen_from_the_goal_turns_left_right_up_down_in_this_order() -> None:
    mazes, chosen = generate(9, 8, 40, np.random.default_rng(0), rooms=True), 0
    for asked, solved in ((rows_of(question, 8), rows_of(answer, 8)) for question, answer in zip(mazes.questions, mazes.answers, strict=True)):
        marks, moves = cells_of(solved, "oS"), moves_from_start(asked)
        (here,) = cells_of(asked, "G")
        while moves[here]:
            row, column = here
            nearer = [cell for cell in ((row, column - 1), (row, column + 1), (row - 1, column), (row + 1, column)) if moves.get(cell) == moves[here] - 1]
            assert nearer[0] in marks
            chosen += len(nearer) > 1
            here = nearer[0]
    assert chosen > 40


def moves_from_start(rows: list[str]) -> dict[Cell, int]:
    """How far every cell that S reaches is from it."""
    moves, edge, free = {}, cells_of(rows, "S"), cells_of(rows, " SG")
    while edge:
        moves |= dict.fromkeys(edge, len(set(moves.values())))
        edge = {cell for each in edge for cell in beside(each, free)} - set(moves)
    return moves


def test_mazes_are_small_and_large_and_anywhere_on_the_canvas() -> None:
    drawn, sizes, corners = source(20, 20), set(), set()
    for _ in range(300):
        cells = cells_of(rows_of(drawn.draw()[0], 20), " SG")
        top, left = (min(cell[axis] for cell in cells) for axis in (0, 1))
        sizes.add(max(cell[0] for cell in cells) - top + 1)
        corners.add((top > 7, left > 7))
    assert {5, 10, 15, 19} <= sizes
    assert len(corners) == 4


def test_no_maze_is_drawn_twice() -> None:
    drawn = source(15, 15)
    assert len({drawn.draw()[0].tobytes() for _ in range(100)}) == 100


def test_the_same_seed_draws_the_same_mazes_and_another_draws_others() -> None:
    first, again, other = ([each.draw()[0].tobytes() for _ in range(3)] for each in (source(), source(), source(seed=1)))
    assert first == again != other


def test_no_question_of_a_maze_contradicts_itself() -> None:
    """Free cells are open, though their token is not a Sudoku's blank."""
    drawn = source()
    for question, answer, _ in (drawn.draw() for _ in range(20)):
        assert not ((question != drawn.rules.blank) & (question != answer)).any()
