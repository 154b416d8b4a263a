"""`POST /v1/solve/batch` over a fake pool: what is read, refused and answered."""

import json
from dataclasses import replace

import pytest

from app.errors import DeadlineExceeded
from tests.support.clients import client_of
from tests.support.grids import ANSWERS, QUESTIONS, rows
from tests.support.pools import failing, solved

NINE, FOUR, ROWS = ({"type": "sudoku", "grid": grid} for grid in (QUESTIONS[9], QUESTIONS[4], rows(QUESTIONS[4])))
BAD = {"type": "sudoku", "grid": "55" + "." * 79}
LINES = {"accept": "application/x-ndjson"}


@pytest.fixture
async def client(services):
    async with client_of(services, max_body_bytes=5_000, max_batch_bytes=10_000) as client:
        yield client


def parsed(response) -> list[dict]:
    assert response.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in response.text.splitlines()]


async def test_results_are_in_order_and_the_same_as_of_a_single_puzzle(client) -> None:
    response = await client.post("/v1/solve/batch", json={"puzzles": [NINE, FOUR, ROWS]}, headers={"x-request-id": "mine"})
    assert (response.status_code, response.headers["content-type"]) == (200, "application/json")
    results = response.json()["results"]
    assert [each["solution"] for each in results] == [ANSWERS[9], ANSWERS[4], rows(ANSWERS[4])]
    assert [each["id"] for each in results] == ["mine-0", "mine-1", "mine-2"]
    for puzzle, result in zip((NINE, FOUR, ROWS), results, strict=True):
        single = (await client.post("/v1/solve", json={"puzzle": puzzle})).json()
        assert result.keys() == single.keys()
        assert {**result, "id": 0, "cache": 0, "timing": 0} == {**single, "id": 0, "cache": 0, "timing": 0}


async def test_lines_carry_their_index(client) -> None:
    response = await client.post("/v1/solve/batch", json={"puzzles": [NINE, FOUR, ROWS]}, headers=LINES)
    lines = parsed(response)
    assert sorted(line["index"] for line in lines) == [0, 1, 2]
    assert {line["index"]: line["model"] for line in lines} == {0: "nine", 1: "four", 2: "four"}
    assert all(line["verified"] for line in lines)


async def test_options_go_for_every_puzzle(client, pool) -> None:
    options = {"halt": "never", "max_steps": 5, "trace": True}
    assert (await client.post("/v1/solve/batch", json={"puzzles": [NINE, FOUR], "options": options})).status_code == 200
    assert [(request.halt, request.max_steps, request.trace, request.bulk) for _, request in pool.calls] == [("never", 5, True, True)] * 2


@pytest.mark.parametrize("headers", [{}, LINES])
@pytest.mark.parametrize(
    ("change", "status", "pointers"),
    [
        ({"puzzles": [NINE, BAD, FOUR, BAD]}, 422, {"/puzzles/1/grid", "/puzzles/3/grid"}),
        ({"puzzles": [NINE] * 19 + [BAD]}, 422, {"/puzzles/19/grid"}),
        ({"puzzles": [NINE] * 21}, 422, {"/puzzles"}),
        ({"puzzles": []}, 422, {"/puzzles"}),
        ({"puzzles": [NINE, {"type": "chess", "grid": ""}]}, 422, {"/puzzles/1/type"}),
        ({"puzzles": [NINE, {**NINE, "puzzle_id": "x"}]}, 422, {"/puzzles/1/puzzle_id"}),
        ({"puzzles": [NINE, FOUR], "options": {"max_steps": 999}}, 422, {"/options/max_steps"}),
        ({"puzzles": [NINE], "puzzle": NINE}, 422, {"/puzzle"}),
        ({"puzzles": [NINE, FOUR], "model": "nine"}, 404, {"/puzzles/1"}),
        ({"puzzles": [FOUR, NINE], "model": "ten"}, 404, {"/puzzles/0"}),
    ],
)
async def test_what_is_wrong_is_pointed_to_and_what_was_begun_is_given_up(client, pool, counted, headers, change, status, pointers) -> None:
    pool.hold()
    response = await client.post("/v1/solve/batch", json=change, headers=headers)
    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")
    assert {each["pointer"] for each in response.json()["errors"]} == pointers
    assert [request.id for _, request in pool.calls] == pool.cancelled
    assert counted("trm_batch_puzzles") == 0


async def test_puzzles_are_begun_while_others_are_read_and_given_up_with_a_bad_one(client, pool, monkeypatch) -> None:
    status = replace(pool.status(), capacity=8)
    monkeypatch.setattr(pool, "status", lambda: status)
    pool.hold()
    response = await client.post("/v1/solve/batch", json={"puzzles": [NINE] * 10 + [BAD, NINE], "options": {"cache": "bypass"}})
    assert (response.status_code, len(pool.calls)) == (422, 4), "its window is half of the queue"
    assert [request.id for _, request in pool.calls] == pool.cancelled


async def test_of_many_bad_puzzles_ten_are_told(client) -> None:
    problem = (await client.post("/v1/solve/batch", json={"puzzles": [BAD] * 20})).json()
    assert problem["type"] == "/problems/invalid-puzzle"
    assert len(problem["errors"]) == 10


@pytest.mark.parametrize("headers", [{}, LINES])
async def test_what_fails_while_it_runs_is_a_problem_in_its_place(client, pool, counted, headers) -> None:
    pool.answer = lambda request: failing(DeadlineExceeded("too late"))(request) if len(request.cells) == 16 else solved(request)
    response = await client.post("/v1/solve/batch", json={"puzzles": [NINE, FOUR, NINE]}, headers=headers)
    lines = sorted(parsed(response), key=lambda line: line["index"]) if headers else response.json()["results"]
    assert [line["status"] for line in lines] == ["solved", 504, "solved"]
    assert (lines[1]["type"], lines[1]["detail"]) == ("/problems/deadline-exceeded", "too late")
    assert counted("trm_requests_rejected_total", reason="deadline-exceeded") == 1


async def test_a_bug_is_a_problem_in_its_place_that_gives_nothing_away(client, pool) -> None:
    pool.answer = lambda _: 1 / 0
    (result,) = (await client.post("/v1/solve/batch", json={"puzzles": [NINE]})).json()["results"]
    assert (result["status"], "ZeroDivision" in str(result)) == (500, False)


async def test_a_batch_has_a_limit_of_its_own_for_its_body(client) -> None:
    for size, status in ((9_000, 200), (11_000, 413)):
        body = json.dumps({"puzzles": [NINE]}).encode()
        response = await client.post("/v1/solve/batch", content=body + b" " * (size - len(body)), headers={"content-type": "application/json"})
        assert response.status_code == status
    single = json.dumps({"puzzle": NINE}).encode() + b" " * 6_000
    assert (await client.post("/v1/solve", content=single, headers={"content-type": "application/json"})).status_code == 413


async def test_a_draining_service_starts_no_batch(client, solver, pool) -> None:
    solver.draining = True
    response = await client.post("/v1/solve/batch", json={"puzzles": [NINE]})
    assert (response.status_code, response.headers["retry-after"], pool.calls) == (503, "7", [])


async def test_one_beyond_the_backlog_is_told_when_to_come_back(client, services, pool) -> None:
    services.batches.puzzles = 50
    response = await client.post("/v1/solve/batch", json={"puzzles": [NINE]})
    assert (response.status_code, response.json()["type"], response.headers["retry-after"]) == (503, "/problems/queue-full", "7")
    assert not pool.calls
