"""Generated mazes, their paths counted by a search of the tests' own."""

import numpy as np
import pytest

from app.errors import InvalidPuzzle
from app.puzzles.maze import Maze
from app.training.mazes import generate, perfect
from tests.support.mazes import beside, cells_of, is_right, rows_of, shortest_paths

SIZES = [(5, 5), (5, 8), (10, 10), (11, 7), (30, 30), (29, 30)]


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def lengths(**choices: float) -> np.ndarray:
    """Moves of 60 mazes' answers."""
    return (generate(12, 12, 60, rng(), **choices).answers == 5).sum(1) + 1


@pytest.mark.parametrize(("height", "width"), SIZES)
@pytest.mark.parametrize(("loopy", "opened"), [(0, 0), (1, 0.15), (1, 1)])
def test_a_generated_maze_has_exactly_one_shortest_path_and_that_is_its_answer(height, width, loopy, opened) -> None:
    mazes = generate(height, width, 12, rng(), loopy=loopy, opened=opened)
    assert (mazes.height, mazes.width, len(mazes)) == (height, width, 12)
    for question, answer in zip(mazes.questions, mazes.answers, strict=True):
        asked, solved = rows_of(question, width), rows_of(answer, width)
        moves, paths = shortest_paths(asked)
        assert paths == 1
        assert moves == sum(line.count("o") for line in solved) + 1 >= 2
        assert is_right(asked, solved)


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_a_generated_maze_is_one_that_clients_may_send(height, width) -> None:
    for question in generate(height, width, 5, rng(), loopy=1).questions:
        rows = rows_of(question, width)
        assert Maze().parse(rows).tokens.tolist() == question.tolist()


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_a_perfect_maze_is_a_tree(height, width) -> None:
    for seed in range(5):
        open_cells = {(int(row), int(column)) for row, column in np.argwhere(perfect(height, width, rng(seed)))}
        doors = sum(len(beside(cell, open_cells)) for cell in open_cells) // 2
        reached = new = {min(open_cells)}
        while new:
            new = {near for cell in new for near in beside(cell, open_cells)} - reached
            reached = reached | new
        assert (reached, doors) == (open_cells, len(open_cells) - 1)


def test_a_maze_begins_at_either_edge_and_leaves_no_room_out() -> None:
    for length, other in ((8, 9), (9, 8)):
        edges = {tuple(cells.any(1)[[0, -1]].tolist()) for cells in (perfect(length, other, rng(seed)) for seed in range(20))}
        assert edges == ({(True, False), (False, True)} if length % 2 == 0 else {(True, True), (False, False)})


def test_loopy_mazes_have_more_open_cells_and_most_of_them_a_loop() -> None:
    trees, loopy = (generate(10, 10, 40, rng(), loopy=share).questions for share in (0, 1))
    assert (loopy != 1).sum() > (trees != 1).sum()
    looped = 0
    for question in loopy:
        cells = cells_of(rows_of(question, 10), " SG")
        looped += sum(len(beside(cell, cells)) for cell in cells) // 2 >= len(cells)
    assert looped > 20


def test_more_draws_give_longer_paths() -> None:
    few, some, many = (lengths(draws=draws).mean() for draws in (1, 4, 50))
    assert few < some < many


def test_one_draw_gives_short_paths_and_long_ones() -> None:
    moves = lengths(draws=1)
    assert moves.min() < 6
    assert moves.max() > 20


def test_the_same_seed_gives_the_same_mazes_and_another_gives_others() -> None:
    first, again, other = (generate(8, 8, 3, rng(seed)).answers.tobytes() for seed in (1, 1, 2))
    assert first == again != other


@pytest.mark.parametrize("size", [(4, 5), (5, 31)])
def test_a_size_that_mazes_do_not_have_is_refused(size) -> None:
    with pytest.raises(InvalidPuzzle, match="a maze has 5 to 30 rows"):
        generate(*size, 1, rng())
