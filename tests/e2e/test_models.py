"""Every model of the store is served, listed and solves puzzles of its own size."""

import json

import pytest

from tests.e2e.puzzles import easy, rows, side_of
from tests.e2e.serving import MODELS, STORE, Server

SIDES = {side_of(model) for model in MODELS}


def test_all_models_of_the_store_are_listed(server: Server) -> None:
    assert sorted(model["name"] for model in server.client.get("/v1/models").json()["models"]) == MODELS


@pytest.mark.parametrize("model", MODELS)
def test_a_model_is_described_as_its_config_says(server: Server, model: str) -> None:
    config, listed = json.loads((STORE / model / "config.json").read_text()), server.client.get(f"/v1/models/{model}").json()
    assert listed["sha256"] == config["sha256"]["model.safetensors"]
    assert listed["version"] == listed["sha256"][:12]
    assert (listed["type"], listed["height"], listed["width"]) == (config["puzzle"]["family"], config["puzzle"]["height"], config["puzzle"]["width"])
    assert (listed["defaults"], listed["limits"]) == (config["defaults"], config["limits"])
    assert [line["data"] for line in listed["accuracy"]] == [line["data"] for line in config["accuracy"]]


@pytest.mark.parametrize("model", MODELS)
def test_a_model_solves_generated_puzzles_of_its_size(server: Server, model: str) -> None:
    for question, solution in easy(side_of(model)):
        answer = server.answer(question, model, cache="bypass")
        assert (answer["model"], answer["verified"]) == (model, True)
        assert answer["solution"] == solution


@pytest.mark.parametrize("side", sorted(SIDES))
def test_the_familys_name_and_no_name_mean_a_model_that_reads_this_size(server: Server, side: int) -> None:
    question, solution = easy(side)[0]
    for name in (None, "sudoku"):
        answer = server.answer(rows(question), name)
        assert side_of(answer["model"]) == side
        assert answer["solution"] == rows(solution)


@pytest.mark.parametrize("side", sorted({4, 6, 9} - SIDES))
def test_a_size_that_no_model_reads_is_refused_by_name(server: Server, side: int) -> None:
    problem = server.solve("." * side * side)
    assert problem.status_code == 404
    assert f"{side}x{side}" in problem.json()["detail"]
