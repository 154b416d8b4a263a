"""Every model of the store is served, listed and solves puzzles that it reads."""

import json

import numpy as np
import pytest

from app.engine.native.builds import builds
from app.training.mazes import generate
from tests.e2e.problems import refused
from tests.e2e.puzzles import ANSWER, MAZES, NEWSPAPER, SUDOKUS, easy, rows, side_of
from tests.e2e.serving import MODELS, STORE, Server
from tests.support.mazes import rows_of

SIDES = {side_of(model) for model in SUDOKUS}


def test_all_models_of_the_store_are_listed(server: Server) -> None:
    assert sorted(model["name"] for model in server.client.get("/v1/models").json()["models"]) == MODELS


def test_a_model_that_wants_to_be_named_is_served_where_it_is(server: Server) -> None:
    assert server.client.get("/v1/models/trm-sudoku").status_code == 404
    with Server(models='["trm-sudoku"]', workers=1, slots=2, backend="auto" if builds() else "torch") as named:
        assert [model["name"] for model in named.client.get("/v1/models").json()["models"]] == ["trm-sudoku"]
        answer = named.answer(NEWSPAPER, timeout_ms=60_000)
        assert (answer["model"], answer["solution"]) == ("trm-sudoku", ANSWER)
        assert named.client.get("/v1/models/trm-sudoku/step.onnx").status_code == 404


@pytest.mark.parametrize("model", MODELS)
def test_a_model_is_described_as_its_config_says(server: Server, model: str) -> None:
    config, listed = json.loads((STORE / model / "config.json").read_text()), server.client.get(f"/v1/models/{model}").json()
    assert listed["sha256"] == config["sha256"]["model.safetensors"]
    assert listed["version"] == listed["sha256"][:12]
    assert (listed["type"], listed["height"], listed["width"]) == (config["puzzle"]["family"], config["puzzle"]["height"], config["puzzle"]["width"])
    assert (listed["defaults"], listed["limits"]) == (config["defaults"], config["limits"])
    assert [line["data"] for line in listed["accuracy"]] == [line["data"] for line in config["accuracy"]]


@pytest.mark.parametrize("model", SUDOKUS)
def test_a_model_solves_generated_puzzles_of_its_size(server: Server, model: str) -> None:
    for question, solution in easy(side_of(model)):
        answer = server.answer(question, model, cache="bypass")
        assert (answer["model"], answer["verified"]) == (model, True)
        assert answer["solution"] == solution


@pytest.mark.parametrize("model", MAZES)
@pytest.mark.parametrize(("height", "width"), [(5, 5), (7, 10), (10, 10), (20, 16), (30, 30)])
def test_a_maze_model_finds_the_shortest_way_through_mazes_of_all_sizes(server: Server, model: str, height: int, width: int) -> None:
    mazes = generate(height, width, 10, np.random.default_rng(height), loopy=0)
    found = []
    for question, solution in zip(mazes.questions, mazes.answers, strict=True):
        puzzle = {"type": "maze", "grid": rows_of(question, width)}
        answer = server.client.post("/v1/solve", json={"puzzle": puzzle, "model": model, "options": {"cache": "bypass"}}).json()
        found.append((answer["verified"], answer["optimal"], answer["solution"] == rows_of(solution, width)))
    assert set(found) <= {(True, True, True), (False, False, False)}
    assert found.count((True, True, True)) >= 9


@pytest.mark.parametrize("side", sorted(SIDES))
def test_the_familys_name_and_no_name_mean_a_model_that_reads_this_size(server: Server, side: int) -> None:
    question, solution = easy(side)[0]
    for name in (None, "sudoku"):
        answer = server.answer(rows(question), name)
        assert side_of(answer["model"]) == side
        assert answer["solution"] == rows(solution)


def test_a_size_that_no_model_reads_is_refused_by_name() -> None:
    only = SUDOKUS[0]
    side = next(side for side in (4, 6, 9) if side != side_of(only))
    with Server(models=json.dumps([only])) as server:
        assert [model["name"] for model in server.client.get("/v1/models").json()["models"]] == [only]
        refused(server.solve("." * side * side), 404, f"{side}x{side}", only)
