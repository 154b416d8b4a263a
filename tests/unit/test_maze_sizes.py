"""A maze smaller than a model's grid: which model reads it, what the model is sent, and what the client gets back."""

import numpy as np
import pytest

from app.cache.memory import MemoryCache
from app.engine.request import TraceStep
from app.errors import UnknownModel
from app.metrics import Metrics
from app.model.store import Grid, ModelStore, read
from app.preparing import Options
from app.puzzles.families import FAMILIES
from app.puzzles.maze import Maze, padded, rules
from app.solver import Solver
from app.training.mazes import generate
from tests.support.answers import KEEP
from tests.support.grids import QUESTIONS
from tests.support.mazes import SQUARE, SQUARE_ANSWER, WIDE, WIDE_ANSWER, rows_of, tokens
from tests.support.requests import outcome
from tests.support.stores import put_maze

PLACED = ["# #   G#", "  # # ##", "#   #  #", "# ### ##", "S   #  #", "########"]
ANSWERED = ["# #oooG#", "  #o# ##", "#ooo#  #", "#o### ##", "So  #  #", "########"]


@pytest.fixture
def store(tmp_path) -> ModelStore:
    for name, height, width in (("large", 20, 20), ("maze", 30, 30), ("middle", 6, 8), ("also-large", 20, 20), ("tall", 9, 5)):
        put_maze(tmp_path, name, height, width)
    return ModelStore(tmp_path)


def test_a_maze_is_placed_in_the_upper_left_corner_with_walls_below_and_to_the_right() -> None:
    puzzle = Maze().parse(WIDE)
    placed = Maze().place(puzzle, 6, 8)
    assert rows_of(np.frombuffer(placed, dtype=np.uint8), 8) == PLACED
    assert Maze().place(puzzle, 5, 7) == puzzle.cells


def test_and_its_answer_is_cut_out_of_there() -> None:
    cropped = Maze().crop(tokens(ANSWERED).tobytes(), Maze().parse(WIDE), 6, 8)
    assert rows_of(np.frombuffer(cropped, dtype=np.uint8), 7) == WIDE_ANSWER


def test_walls_around_a_maze_change_nothing_of_what_the_rules_say() -> None:
    mazes = generate(7, 6, 20, np.random.default_rng(0))
    wrong = mazes.answers[:, ::-1].copy()
    for answers in (mazes.answers, wrong, mazes.questions):
        questions, grown = (padded(each, (7, 6), (11, 12), (2, 3)) for each in (mazes.questions, answers))
        assert (rules(11, 12).violations(questions, grown) == rules(7, 6).violations(mazes.questions, answers)).all()
        assert (rules(11, 12).optimal(questions, grown) == rules(7, 6).optimal(mazes.questions, answers)).all()


def test_a_sudoku_is_sent_and_returned_as_it_is() -> None:
    family = FAMILIES["sudoku"]
    puzzle = family.parse(QUESTIONS[9])
    assert family.place(puzzle, 9, 9) == puzzle.cells == family.crop(puzzle.cells, puzzle, 9, 9)


@pytest.mark.parametrize(("family", "height", "width", "read"), [("maze", 5, 8, True), ("maze", 6, 8, True), ("maze", 7, 5, False), ("sudoku", 6, 6, False)])
def test_a_maze_model_reads_all_mazes_that_fit_its_grid(family, height, width, read) -> None:
    assert Grid(family="maze", height=6, width=8).reads(family, height, width) is read


def test_a_sudoku_model_reads_its_own_size_only() -> None:
    assert [side for side in (4, 6, 9) if Grid(family="sudoku", height=9, width=9).reads("sudoku", side, side)] == [9]


@pytest.mark.parametrize(
    ("name", "height", "width", "served"),
    [(None, 6, 7, "middle"), (None, 5, 5, "tall"), (None, 9, 5, "tall"), ("maze", 5, 9, "also-large"), (None, 20, 21, "maze"), ("large", 5, 5, "large")],
)
def test_a_maze_gets_the_model_with_the_smallest_grid_it_fits_on(store, name, height, width, served) -> None:
    assert store.resolve(name, "maze", height, width).name == served


def test_a_maze_too_large_for_the_model_named_is_refused_with_how_much_each_reads(store) -> None:
    with pytest.raises(UnknownModel, match=r"'tall' reads no 9x6 maze; there are: .*tall \(maze up to 9x5\)"):
        store.resolve("tall", "maze", 9, 6)


@pytest.mark.parametrize(
    ("height", "width", "grid"),
    [(5, 5, (5, 5)), (5, 6, (10, 10)), (10, 10, (10, 10)), (11, 3, (15, 15)), (20, 20, (20, 20)), (21, 5, (21, 23)), (21, 23, (21, 23))],
)
def test_weights_that_fit_every_grid_run_on_the_smallest_of_several(tmp_path, height, width, grid) -> None:
    entry = read(put_maze(tmp_path, "local", 21, 23, mixer="local"))
    assert entry.grids == ((5, 5), (10, 10), (15, 15), (20, 20), (21, 23))
    assert entry.grid(height, width) == grid


def test_all_other_weights_run_on_their_own_grid(store) -> None:
    assert store.entries["large"].grids == ((20, 20),)
    assert store.entries["large"].grid(5, 7) == (20, 20)


async def test_a_small_maze_is_sent_on_the_smallest_grid_and_the_client_gets_its_own_size(tmp_path, pool) -> None:
    put_maze(tmp_path / "local", "maze", 30, 30, mixer="local")
    store = ModelStore(tmp_path / "local")
    pool.answer = lambda request: outcome(request, padded(tokens(WIDE_ANSWER)[None], (5, 7), (10, 10)).tobytes())
    solution = await Solver(FAMILIES, store, pool, MemoryCache(1), Metrics(("maze",)), KEEP).solve("maze", WIDE, None, Options())
    assert pool.calls[0][1].cells == Maze().place(Maze().parse(WIDE), 10, 10)
    assert (solution.answer.cells, solution.answer.optimal) == (tokens(WIDE_ANSWER).tobytes(), True)


async def test_the_model_is_sent_its_own_size_and_the_client_gets_the_mazes(solver, pool) -> None:
    step = TraceStep(1, 1, tokens(ANSWERED).tobytes(), 0.5)
    pool.answer = lambda request: outcome(request, tokens(ANSWERED).tobytes(), trace=(step,) if request.trace else ())
    solution = await solver.solve("maze", WIDE, None, Options())
    ((model, request),) = pool.calls
    assert (model, request.cells) == ("middle", tokens(PLACED).tobytes())
    assert (solution.answer.verified, solution.answer.optimal) == (True, True)
    assert rows_of(np.frombuffer(solution.answer.cells, dtype=np.uint8), 7) == WIDE_ANSWER
    traced = await solver.solve("maze", WIDE, None, Options(trace=True))
    assert [each.cells for each in traced.trace] == [tokens(WIDE_ANSWER).tobytes()]


async def test_a_maze_and_the_same_one_with_walls_around_it_are_cached_apart(solver, pool) -> None:
    pool.answer = lambda request: outcome(request, tokens(ANSWERED).tobytes())
    found = [await solver.solve("maze", grid, None, Options()) for grid in (WIDE, PLACED, WIDE, PLACED)]
    assert [each.cache for each in found] == ["miss", "miss", "hit", "hit"]
    assert [len(each.answer.cells) for each in found] == [35, 48, 35, 48]


async def test_an_answer_that_marks_the_walls_around_the_maze_is_judged_by_the_maze_alone(solver, pool) -> None:
    pool.answer = lambda request: outcome(request, tokens([*SQUARE_ANSWER, *["ooooo"] * 4]).tobytes(), verified=False)
    assert (await solver.solve("maze", SQUARE, "tall", Options())).answer.verified is True
