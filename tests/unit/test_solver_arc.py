"""ARC through the solver: ids that are known and not, copies for the attempts, and what makes two requests equal."""

import asyncio

import pytest

from app.cache.memory import MemoryCache
from app.engine.request import Copy
from app.errors import InvalidRequest, UnknownModel, UnknownPuzzle
from app.metrics import Metrics
from app.model.store import ModelStore
from app.preparing import Options
from app.puzzles.families import FAMILIES
from app.solver import Solver
from tests.support.answers import KEEP
from tests.support.arc import NAMES, put_arc
from tests.support.grids import QUESTIONS
from tests.support.pools import FakePool, settle
from tests.support.requests import outcome
from tests.support.stores import put

GRID = [[1, 2], [0, 3]]


@pytest.fixture
def pool() -> FakePool:
    return FakePool(lambda request: outcome(request, request.cells, verified=None, halt_reason="learned"))


@pytest.fixture
def solver(tmp_path, pool) -> Solver:
    put_arc(tmp_path, "tasks", limits={"max_steps": 8, "attempts": 8})
    put(tmp_path, "nine", 9)
    store = ModelStore(tmp_path)
    return Solver(FAMILIES, store, pool, MemoryCache(100), Metrics(tuple(store.entries)), KEEP)


async def test_attempts_run_on_the_models_copies_as_many_as_asked_for(solver, pool) -> None:
    for attempts, copies in ((None, 2), (1, 1), (3, 3), (8, 3)):
        await solver.solve("arc", GRID, None, Options(attempts=attempts), "mirror")
        request = pool.calls[-1][1]
        assert request.copies == (Copy(1, "mirror"), Copy(2, NAMES[2]), Copy(4, NAMES[4]))[:copies]
        assert (request.attempts, request.halt) == (copies, "learned")


async def test_the_answer_is_a_grid_of_its_own_size_and_nobody_verified_it(solver, pool) -> None:
    solution = await solver.solve("arc", GRID, "tasks", Options(), "fill")
    assert (solution.answer.verified, solution.answer.optimal) == (None, None)
    assert FAMILIES["arc"].render(solution.answer.cells, GRID) == GRID
    assert len(pool.calls[-1][1].cells) == 25


@pytest.mark.parametrize("name", ["nobody", "<blank>", "", NAMES[2], "mirror ", "x" * 5000])
async def test_an_id_that_the_model_was_not_trained_on_is_not_found(solver, pool, name) -> None:
    with pytest.raises(
        UnknownPuzzle, match=r"tasks was not trained on .*, and such a model answers only the tasks .*; it knows 2 puzzle ids, such as mirror, fill"
    ) as caught:
        await solver.solve("arc", GRID, None, Options(), name)
    assert len(caught.value.detail) < 400
    assert not pool.calls


async def test_a_model_imported_without_ids_says_so(tmp_path, pool) -> None:
    put_arc(tmp_path / "bare", "tasks", names=None)
    store = ModelStore(tmp_path / "bare")
    solver = Solver(FAMILIES, store, pool, MemoryCache(1), Metrics(("tasks",)), KEEP)
    with pytest.raises(UnknownPuzzle, match=r"imported without its identifiers\.json"):
        await solver.solve("arc", GRID, None, Options(), "mirror")


async def test_an_id_is_needed_for_arc_and_refused_elsewhere(solver) -> None:
    for family, grid, name, said in (("arc", GRID, None, "arc needs a puzzle_id"), ("sudoku", QUESTIONS[9], "mirror", "sudoku puzzles have no puzzle_id")):
        with pytest.raises(InvalidRequest, match=said) as caught:
            await solver.solve(family, grid, None, Options(), name)
        assert [field.pointer for field in caught.value.fields] == ["/puzzle/puzzle_id"]


async def test_halting_when_verified_is_refused(solver) -> None:
    with pytest.raises(InvalidRequest, match="no rule can verify arc"):
        await solver.solve("arc", GRID, None, Options(halt="verified"), "mirror")


async def test_a_grid_larger_than_every_canvas_finds_no_model(solver) -> None:
    await solver.solve("arc", [[1] * 5] * 5, None, Options(), "mirror")
    with pytest.raises(UnknownModel, match=r"reads no 2x6 arc; there are: .*tasks \(arc up to 5x5\)"):
        await solver.solve("arc", [[1] * 6] * 2, None, Options(), "mirror")


async def test_the_same_grid_of_another_task_is_another_puzzle_to_the_cache(solver, pool) -> None:
    found = [(await solver.solve("arc", GRID, None, Options(), name)).cache for name in ("mirror", "mirror", "fill", "fill")]
    assert found == ["miss", "hit", "miss", "hit"]
    assert len(pool.calls) == 2


async def test_a_remembered_answer_of_another_size_than_the_canvas_is_not_believed(solver, pool) -> None:
    pool.answer = lambda request: outcome(request, b"", verified=None, halt_reason="learned")._replace(cells=request.cells[:-1])
    assert [(await solver.solve("arc", GRID, None, Options(), "mirror")).cache for _ in range(2)] == ["miss", "miss"]


async def test_flights_of_one_grid_are_shared_by_task(solver, pool) -> None:
    pool.hold()
    tasks = [asyncio.create_task(solver.solve("arc", GRID, None, Options(), name)) for name in ("mirror", "fill", "mirror")]
    await settle()
    pool.let_go()
    assert [(await each).cache for each in tasks] == ["miss", "miss", "coalesced"]
