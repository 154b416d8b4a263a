"""Mazes through solver and API: an answer also says whether it is optimal, and a Sudoku's never does."""

import json

import pytest

from app.cache.memory import MemoryCache
from app.metrics import Metrics
from app.model.store import ModelStore
from app.preparing import Options
from app.puzzles.families import FAMILIES
from app.solver import Solver
from tests.support.answers import KEEP
from tests.support.clients import client_of
from tests.support.grids import QUESTIONS
from tests.support.mazes import WIDE, tokens
from tests.support.requests import outcome
from tests.support.services import services_of
from tests.support.stores import put, put_maze

ROUND = ["S    ", " ### ", " #G# ", " #   ", "     "]
SHORT = ["S    ", "o### ", "o#G# ", "o#o  ", "ooo  "]
DETOUR = ["Soooo", " ###o", " #G#o", " #ooo", "     "]
WRONG = ["Soooo", " ###o", " #G#o", " #oo ", "     "]
ANSWERS = {"optimal": (SHORT, True, True), "a detour": (DETOUR, True, False), "no path": (WRONG, False, False)}


@pytest.fixture
def store(tmp_path) -> ModelStore:
    put(tmp_path, "nine", 9)
    put_maze(tmp_path, "square", 5, 5)
    return ModelStore(tmp_path)


@pytest.fixture
async def client(services):
    async with client_of(services) as client:
        yield client


def body(grid: list[str]) -> dict[str, object]:
    return {"puzzle": {"type": "maze", "grid": grid}}


@pytest.mark.parametrize("name", ANSWERS)
async def test_an_answer_says_whether_it_is_verified_and_optimal_fresh_and_from_the_cache(client, pool, name) -> None:
    rows, verified, optimal = ANSWERS[name]
    pool.answer = lambda request: outcome(request, tokens(rows).tobytes(), verified=verified)
    for cache in ("miss", "hit"):
        answer = (await client.post("/v1/solve", json=body(ROUND))).json()
        assert (answer["cache"], answer["type"], answer["model"]) == (cache, "maze", "square")
        assert (answer["verified"], answer["optimal"], answer["status"]) == (verified, optimal, "solved" if verified else "unsolved")
        assert answer["solution"] == rows


async def test_an_answer_to_a_sudoku_says_nothing_of_it(client) -> None:
    for cache in ("miss", "hit"):
        answer = (await client.post("/v1/solve", json={"puzzle": {"type": "sudoku", "grid": QUESTIONS[9]}})).json()
        assert answer["cache"] == cache
        assert "optimal" not in answer


async def test_an_answer_whose_optimal_is_a_lie_is_solved_again(solver, pool) -> None:
    pool.answer = lambda request: outcome(request, tokens(DETOUR).tobytes())
    await solver.solve("maze", ROUND, None, Options())
    ((key, (value, seconds)),) = solver.cache.values.items()
    assert value.count(b'"optimal":false') == 1
    await solver.cache.set(key, value.replace(b'"optimal":false', b'"optimal":true'), seconds)
    solution = await solver.solve("maze", ROUND, None, Options())
    assert (solution.cache, solution.answer.verified, solution.answer.optimal) == ("miss", True, False)


async def test_a_detour_is_remembered_for_those_who_allow_no_more_effort(solver, pool) -> None:
    pool.answer = lambda request: outcome(request, tokens(DETOUR).tobytes())
    found = [(await solver.solve("maze", ROUND, None, Options(attempts=attempts))).cache for attempts in (2, 1, 3)]
    assert found == ["miss", "hit", "miss"]


async def test_a_shortest_path_is_remembered_for_everybody(solver, pool) -> None:
    pool.answer = lambda request: outcome(request, tokens(SHORT).tobytes())
    assert [(await solver.solve("maze", ROUND, None, Options(attempts=attempts))).cache for attempts in (2, 1, 3)] == ["miss", "hit", "hit"]


async def test_a_wrong_cell_is_named_and_its_row_pointed_to(client) -> None:
    response = await client.post("/v1/solve", json=body([*ROUND[:2], " #.# ", *ROUND[3:]]))
    problem = response.json()
    assert (response.status_code, problem["type"]) == (422, "/problems/invalid-puzzle")
    assert [each["pointer"] for each in problem["errors"]] == ["/puzzle/grid/2"]
    assert problem["detail"] == "cell r3c3 is '.'; a maze cell is '#', ' ', 'S' or 'G'"


@pytest.mark.parametrize("grid", [None, 5, "S G", [], [[1] * 5] * 5, [None] * 5, {}, ["\ud800" * 5] * 5, ["S" * 9999] * 30])
async def test_no_grid_that_is_no_maze_is_our_fault(client, grid) -> None:
    response = await client.post("/v1/solve", content=json.dumps(body(grid)), headers={"content-type": "application/json"})
    assert response.status_code == 422
    assert len(response.content) < 1000


async def test_a_size_that_no_model_reads_is_unknown_and_the_sizes_are_told(client) -> None:
    problem = (await client.post("/v1/solve", json=body(WIDE))).json()
    assert (problem["status"], problem["type"]) == (404, "/problems/unknown-model")
    assert "maze up to 5x5" in problem["detail"]


async def test_without_any_model_for_mazes_that_is_what_is_said(tmp_path, pool) -> None:
    put(tmp_path / "other", "nine", 9)
    store = ModelStore(tmp_path / "other")
    solver = Solver(FAMILIES, store, pool, MemoryCache(1), Metrics(("nine",)), KEEP)
    async with client_of(services_of(solver, pool, store)) as client:
        problem = (await client.post("/v1/solve", json=body(ROUND))).json()
    assert (problem["status"], problem["type"]) == (404, "/problems/unknown-model")
    assert problem["detail"] == "no model for maze puzzles is served here; there are: nine (sudoku 9x9)"
