"""The whole application over a fake pool: what every response has, and what the operator's routes say."""

import json

import pytest

from app.pool.base import PoolStatus
from tests.support.clients import client_of
from tests.support.grids import ANSWERS, QUESTIONS, rows

BODY = {"puzzle": {"type": "sudoku", "grid": QUESTIONS[9]}}


@pytest.fixture
async def client(services):
    async with client_of(services, max_body_bytes=20_000) as client:
        yield client


@pytest.mark.parametrize("form", [str, rows])
async def test_the_solution_comes_back_in_the_form_that_was_sent(client, form) -> None:
    response = await client.post("/v1/solve", json={"puzzle": {"type": "sudoku", "grid": form(QUESTIONS[9])}}, headers={"x-request-id": "mine"})
    body = response.json()
    assert (response.status_code, body["solution"], body["id"]) == (200, form(ANSWERS[9]), "mine")
    assert (body["status"], body["verified"], body["steps"], body["cache"], body["model"]) == ("solved", True, 3, "miss", "nine")
    assert "trace" not in body


@pytest.mark.parametrize(
    ("method", "path", "json", "status"),
    [
        ("POST", "/v1/solve", BODY, 200),
        ("POST", "/v1/solve", {**BODY, "model": "ten"}, 404),
        ("POST", "/v1/solve", {"puzzle": {"type": "sudoku", "grid": "55" + "." * 79}}, 422),
        ("POST", "/v1/solve", {**BODY, "model": "x" * 30_000}, 413),
        ("POST", "/v1/solve/batch", {"puzzles": [BODY["puzzle"]]}, 200),
        ("POST", "/v1/solve/batch", {"puzzles": [BODY["puzzle"]], "model": "x" * 30_000}, 404),
        ("POST", "/v1/solve/stream", {**BODY, "model": "x" * 30_000}, 413),
        ("GET", "/v1/solve/batch", None, 405),
        ("POST", "/v1/jobs", {"puzzles": [{**BODY["puzzle"], "grid": "55" + "." * 79}]}, 422),
        ("POST", "/v1/jobs", {"puzzles": [BODY["puzzle"]], "model": "x" * 30_000}, 413),
        ("GET", "/v1/jobs/none", None, 404),
        ("GET", "/v1/jobs", None, 405),
        ("GET", "/v1/models", None, 200),
        ("GET", "/v1/models/ten", None, 404),
        ("GET", "/v1/solve", None, 405),
        ("GET", "/nowhere", None, 404),
        ("GET", "/healthz", None, 200),
        ("GET", "/readyz", None, 200),
        ("GET", "/metrics", None, 200),
    ],
)
async def test_every_response_has_its_status_and_a_request_id(client, method, path, json, status) -> None:
    response = await client.request(method, path, json=json)
    assert response.status_code == status
    assert response.headers["x-request-id"]
    assert response.headers["content-type"] == "application/problem+json" or status == 200


@pytest.mark.parametrize(("path", "methods"), [("/v1/jobs/none", "DELETE, GET"), ("/v1/solve", "POST"), ("/healthz", "GET, HEAD")])
async def test_a_method_that_is_not_allowed_is_told_those_that_are(client, path, methods) -> None:
    response = await client.put(path)
    assert (response.status_code, response.headers["allow"]) == (405, methods)
    assert methods in response.json()["detail"]


async def test_a_wrong_cell_is_pointed_to_from_the_root_of_the_body(client) -> None:
    grid = rows(QUESTIONS[9])
    grid[4][7] = 10
    response = await client.post("/v1/solve", json={"puzzle": {"type": "sudoku", "grid": grid}})
    assert (response.status_code, [each["pointer"] for each in response.json()["errors"]]) == (422, ["/puzzle/grid/4/7"])


CELLS = ["9" * 200, "9" * 4300, "9" * 4301, "-1", "1e999", "NaN", "[" * 5000 + "]" * 5000, "true", "null", '"\\ud800"', '{"a":{}}']


@pytest.mark.parametrize("cell", CELLS, ids=range(len(CELLS)))
async def test_no_value_of_a_cell_is_our_fault(client, cell) -> None:
    body = json.dumps({"puzzle": {"type": "sudoku", "grid": [["CELL", 0, 0, 0], *[[0] * 4] * 3]}}).replace('"CELL"', cell)
    response = await client.post("/v1/solve", content=body, headers={"content-type": "application/json"})
    assert response.status_code in (400, 422)
    assert len(response.content) < 1000


async def test_a_bug_is_an_internal_error_that_gives_nothing_away(client, pool) -> None:
    pool.answer = lambda _: 1 / 0
    response = await client.post("/v1/solve", json=BODY)
    assert (response.status_code, response.headers["content-type"]) == (500, "application/problem+json")
    assert "ZeroDivision" not in response.text


async def test_a_bug_too_has_a_request_id(client, pool) -> None:
    pool.answer = lambda _: 1 / 0
    response = await client.post("/v1/solve", json=BODY)
    assert response.headers["x-request-id"]


async def test_a_draining_service_is_not_ready_but_live(client, solver) -> None:
    solver.draining = True
    assert [(await client.get(path)).status_code for path in ("/readyz", "/healthz")] == [503, 200]
    response = await client.post("/v1/solve", json=BODY)
    assert (response.status_code, response.headers["retry-after"]) == (503, "7")


@pytest.mark.parametrize(("ready", "live", "statuses"), [(0, True, [503, 200]), (1, False, [200, 503])])
async def test_ready_and_live_are_what_the_pool_says(client, pool, ready, live, statuses) -> None:
    pool.status = lambda: PoolStatus(waiting=3, running=2, places=48, capacity=9, workers=1, ready=ready, live=live)
    assert [(await client.get(path)).status_code for path in ("/readyz", "/healthz")] == statuses
    assert "trm_requests_waiting 3.0" in (await client.get("/metrics")).text


async def test_a_model_is_described_with_its_limits_and_digest(client, store) -> None:
    described = (await client.get("/v1/models/four")).json()
    assert (described["name"], described["height"], described["limits"]) == ("four", 4, {"max_steps": 64, "attempts": 8})
    assert described["sha256"].startswith(store.entries["four"].version)
