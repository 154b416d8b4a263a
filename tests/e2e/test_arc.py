"""ARC through the real server: tasks that the model was trained on, by vote; others are not found, and wrong grids refused."""

import httpx
import pytest

from tests.e2e.problems import pointers, refused
from tests.e2e.serving import Json, Server

TASK = "b1948b0a"
"""A public task: what is 6 becomes 2."""
QUESTION = [[6, 7, 7, 6], [6, 7, 6, 7], [7, 7, 7, 6], [7, 6, 7, 6]]
ANSWER = [[2, 7, 7, 2], [2, 7, 2, 7], [7, 7, 7, 2], [7, 2, 7, 2]]


def post(server: Server, grid: object = QUESTION, puzzle_id: object = TASK, family: str = "arc", **options: object) -> httpx.Response:
    named = {} if puzzle_id is None else {"puzzle_id": puzzle_id}
    return server.client.post("/v1/solve", json={"puzzle": {"type": family, "grid": grid, **named}, "options": options})


def answered(server: Server, **fields: object) -> Json:
    response = post(server, **fields)
    assert response.status_code == 200, response.text
    return dict(response.json())


def test_a_task_of_its_training_is_answered_and_nobody_verified_it(server: Server) -> None:
    answer = answered(server, cache="bypass")
    assert (answer["solution"], answer["model"], answer["type"]) == (ANSWER, "arc", "arc")
    assert (answer["status"], answer["verified"], answer["halt_reason"]) == ("solved", None, "learned")
    assert "optimal" not in answer


def test_attempts_are_votes_and_end_when_the_vote_is_decided(server: Server) -> None:
    one, many = (answered(server, attempts=attempts, cache="bypass") for attempts in (1, 16))
    assert one["attempts"] == 1
    assert 1 < many["attempts"] <= 16
    assert many["solution"] == ANSWER


def test_the_trace_shows_grids_that_were_mapped_back(server: Server) -> None:
    answer = answered(server, attempts=3, trace=True)
    assert {step["attempt"] for step in answer["trace"]} <= {1, 2, 3}
    assert all(isinstance(row, list) for step in answer["trace"] for row in step["grid"])


def test_an_equal_question_of_the_same_task_comes_from_the_cache_and_of_another_does_not(server: Server) -> None:
    answered(server, attempts=2)
    assert answered(server, attempts=2)["cache"] == "hit"
    assert answered(server, puzzle_id="c8f0f002", attempts=2)["cache"] == "miss"


def test_the_model_lists_the_tasks_that_it_knows(server: Server) -> None:
    assert TASK in server.client.get("/v1/models/arc").json()["puzzle_ids"]
    assert server.client.get("/v1/models/sudoku").json()["puzzle_ids"] is None


@pytest.mark.parametrize("name", ["00000000", "", "<blank>", "b1948b0a|||t1|||0123456789", "\ud800", "x" * 10_000])
def test_a_task_that_it_was_not_trained_on_is_not_found(server: Server, name: str) -> None:
    response = server.client.post(
        "/v1/solve", content=f'{{"puzzle": {{"type": "arc", "grid": [[1]], "puzzle_id": "{escaped(name)}"}}}}', headers={"content-type": "application/json"}
    )
    problem = refused(response, 404, "was not trained on", "/v1/models/arc")
    assert problem["type"] == "/problems/unknown-puzzle"


def escaped(text: str) -> str:
    return "".join(symbol if symbol.isascii() else f"\\u{ord(symbol):04x}" for symbol in text)


@pytest.mark.parametrize(
    ("grid", "pointer", "word"),
    [
        ([[0] * 31], "/0", "row 1 has 31"),
        ([[1, 10]], "/0/1", "r1c2 is 10"),
        ([[1, 2], [3]], "/1", "row 2 has 1"),
        ([[1], [True]], "/1/0", "r2c1 is true"),
        ("123", "", "'123'"),
        ([], "", "0 of them"),
        ([[]], "/0", "row 1 has 0"),
        (None, "", "null"),
    ],
)
def test_a_wrong_grid_is_refused_with_its_cell(server: Server, grid: object, pointer: str, word: str) -> None:
    assert pointers(refused(post(server, grid), 422, word)) == [f"/puzzle/grid{pointer}"]


def test_a_grid_larger_than_the_canvas_finds_no_model(server: Server) -> None:
    refused(post(server, [[1] * 30] * 30), 404, "30x30 arc", "arc (arc up to")


def test_an_id_is_needed_for_arc_and_refused_elsewhere(server: Server) -> None:
    assert pointers(refused(post(server, puzzle_id=None), 422, "needs a puzzle_id")) == ["/puzzle/puzzle_id"]
    assert pointers(refused(post(server, "." * 81, family="sudoku"), 422, "no puzzle_id")) == ["/puzzle/puzzle_id"]
    assert pointers(refused(post(server, puzzle_id=7), 422)) == ["/puzzle/puzzle_id"]


def test_options_that_arc_has_not_are_refused(server: Server) -> None:
    assert pointers(refused(post(server, halt="verified"), 422, "no rule can verify arc")) == ["/options/halt"]
    refused(post(server, attempts=100_000), 422, "attempts")
