"""`POST /v1/solve/stream`: the steps of a puzzle as the model takes them, then its answer."""

import signal

import pytest

from tests.e2e.batches import events, lines
from tests.e2e.endless import ENDLESS, FINISHED, RUNNING, idle
from tests.e2e.puzzles import ANSWER, IMPOSSIBLE, NEWSPAPER, easy, rows
from tests.e2e.serving import Json, Server, body

MAZE = ["S #  ", "# # #", "     ", " ### ", "   #G"]
PUZZLES = {
    "a Sudoku in one attempt": body(NEWSPAPER, halt="never", max_steps=6),
    "a Sudoku in many attempts": body("." * 81, halt="never", max_steps=3, attempts=5),
    "rows": body(rows(NEWSPAPER), halt="never", max_steps=3),
    "a small one": body(easy(4)[0][0], halt="never", max_steps=40),
    "a maze": {"puzzle": {"type": "maze", "grid": MAZE}, "options": {"halt": "never", "max_steps": 4, "attempts": 2}},
    "an ARC grid": {"puzzle": {"type": "arc", "puzzle_id": "b1948b0a", "grid": [[6, 7, 7, 6], [6, 7, 6, 7]]}, "options": {"attempts": 3}},
}


def told(server: Server, document: Json) -> list[tuple[str, Json]]:
    with events(server, document) as found:
        return list(found)


@pytest.mark.parametrize("name", PUZZLES)
def test_its_steps_are_the_trace_of_the_same_puzzle_and_its_result_the_answer(server: Server, name: str) -> None:
    document = PUZZLES[name]
    *steps, (last, result) = told(server, document)
    traced = server.client.post("/v1/solve", json={**document, "options": {**document["options"], "trace": True}}).json()
    assert [kind for kind, _ in steps] == ["step"] * traced["steps"]
    assert [{key: data[key] for key in ("attempt", "step", "grid", "halt_probability")} for _, data in steps] == traced["trace"]
    assert last == "result"
    assert {**result, "id": 0, "timing": 0} == {key: value for key, value in traced.items() if key != "trace"} | {"id": 0, "timing": 0}


def test_changed_cells_lead_from_the_puzzle_to_the_answer(server: Server) -> None:
    grid = rows(NEWSPAPER)
    for _, data in told(server, body(grid, halt="never", max_steps=5))[:-1]:
        for row, column in data["changed"]:
            assert grid[row][column] != data["grid"][row][column]
            grid[row][column] = data["grid"][row][column]
        assert grid == data["grid"]
    assert grid == rows(ANSWER)


def test_steps_arrive_while_the_puzzle_runs_and_leaving_frees_its_slot(server: Server) -> None:
    before = server.metric(FINISHED, outcome="abandoned")
    with events(server, body(IMPOSSIBLE, **ENDLESS)) as found:
        assert [next(found)[1]["step"] for _ in range(10)] == list(range(1, 11))
        assert server.metric(RUNNING) == 1
    idle(server)
    assert server.metric(FINISHED, outcome="abandoned") == before + 1


def test_a_trace_may_come_with_the_result_too(server: Server) -> None:
    *steps, (_, result) = told(server, body(NEWSPAPER, halt="never", max_steps=3, trace=True))
    assert [each["grid"] for each in result["trace"]] == [data["grid"] for _, data in steps]


def test_it_is_counted_under_its_route() -> None:
    labels = {"route": "/v1/solve/stream", "method": "POST", "code": "200"}
    with Server() as server:
        server.client.get("/healthz")  # no route has a series before its first request
        for count in (1, 2):
            told(server, body(NEWSPAPER))
            server.until("trm_http_requests_total", lambda value, count=count: value == count, **labels)  # counted once it has ended, just after its last event


def test_a_shutdown_ends_streams_and_batches_with_what_it_came_to() -> None:
    with Server(drain_seconds=0, shutdown_seconds=1) as server:
        endless = body(IMPOSSIBLE, **ENDLESS)
        with events(server, endless) as found, lines(server, [IMPOSSIBLE], **ENDLESS) as batch:
            assert next(found)[0] == "step"
            server.signal(signal.SIGTERM)
            *_, (last, problem) = found
            (line,) = batch
        assert (last, problem["type"]) == ("error", "/problems/draining")
        assert (line["index"], line["type"]) == (0, "/problems/draining")
        assert server.ended() == 0
