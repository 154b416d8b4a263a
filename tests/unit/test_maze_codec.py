"""Mazes in, tokens inside, mazes out; all sizes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.puzzles.maze import Maze
from tests.support.mazes import SQUARE, SQUARE_ANSWER, WIDE, WIDE_ANSWER, shortest_paths, tokens

MAZE = Maze()
SIZES = st.integers(5, 30)


@st.composite
def mazes(draw) -> list[str]:
    """Any maze whose S and G stand side by side, so that a path joins them whatever else there is."""
    height, width = draw(SIZES), draw(SIZES)
    lines = draw(st.lists(st.text("# ", min_size=width, max_size=width), min_size=height, max_size=height))
    row, column = draw(st.integers(0, height - 1)), draw(st.integers(0, width - 2))
    lines[row] = lines[row][:column] + draw(st.sampled_from(["SG", "GS"])) + lines[row][column + 2 :]
    return lines


@given(mazes())
def test_a_maze_comes_back_as_it_was_sent(lines) -> None:
    assert MAZE.render(MAZE.parse(lines).cells, lines) == lines


@given(mazes())
def test_equal_mazes_are_equal_values_of_their_size(lines) -> None:
    puzzle = MAZE.parse(lines)
    assert puzzle == MAZE.parse(list(lines))
    assert hash(puzzle) == hash(MAZE.parse(list(lines)))
    assert (puzzle.family, puzzle.height, puzzle.width) == ("maze", len(lines), len(lines[0]))


@pytest.mark.parametrize("lines", [SQUARE, WIDE])
def test_tokens_are_one_to_five_for_wall_free_start_goal_and_path(lines) -> None:
    assert MAZE.parse(lines).tokens.tolist() == ["?# SGo".index(symbol) for line in lines for symbol in line]


def test_the_same_cells_in_another_shape_are_another_puzzle() -> None:
    wide, tall = ["SG" + " " * 8] + [" " * 10] * 4, ["SG   "] + [" " * 5] * 9
    assert MAZE.parse(wide).cells == MAZE.parse(tall).cells
    assert MAZE.parse(wide) != MAZE.parse(tall)


@pytest.mark.parametrize(("lines", "answer"), [(SQUARE, SQUARE_ANSWER), (WIDE, WIDE_ANSWER)])
def test_a_solution_has_its_path_marked_between_s_and_g(lines, answer) -> None:
    assert MAZE.render(tokens(answer).tobytes(), lines) == answer


@pytest.mark.parametrize("token", [0, 2, 6, 255])
def test_a_token_that_is_no_symbol_is_written_as_free(token) -> None:
    assert MAZE.render(bytes([token]) * 25, SQUARE) == [" " * 5] * 5


@pytest.mark.parametrize(("height", "width"), [(5, 5), (5, 30), (30, 5), (30, 30)])
def test_mazes_are_read_up_to_the_ends_of_the_range(height, width) -> None:
    lines = ["S" + " " * (width - 1)] + [" " * width] * (height - 2) + [" " * (width - 1) + "G"]
    assert MAZE.parse(lines).cells.count(4) == 1
    assert MAZE.rules(height, width).shortest(MAZE.parse(lines).tokens[None]).tolist() == [height + width - 2]


def test_no_outer_wall_is_needed_and_one_does_not_hurt() -> None:
    walled = ["#" * 7, *("#" + line + "#" for line in SQUARE), "#" * 7]
    lengths = [shortest_paths(lines)[0] for lines in (SQUARE, walled)]
    for lines, length in zip((SQUARE, walled), lengths, strict=True):
        puzzle = MAZE.parse(lines)
        assert MAZE.rules(puzzle.height, puzzle.width).shortest(puzzle.tokens[None]).tolist() == [length]
    assert lengths == [8, 8]
