"""A client that hangs up frees its slot; everybody else gets what was asked for."""

import json
from collections.abc import Iterator

import pytest

from tests.e2e.endless import ENDLESS, FINISHED, RUNNING, WAITING, endless, idle
from tests.e2e.problems import ask, response
from tests.e2e.puzzles import ANSWER, IMPOSSIBLE, NEWSPAPER
from tests.e2e.serving import Server, body


@pytest.fixture(scope="module")
def narrow() -> Iterator[Server]:
    """A server that runs one puzzle at a time."""
    with Server(workers=1, slots=1) as server:
        yield server


def test_a_client_that_leaves_a_running_puzzle_frees_its_slot(server: Server) -> None:
    before = server.metric(FINISHED, outcome="abandoned")
    with endless(server):
        server.until(RUNNING, lambda value: value == 1)
    idle(server)
    assert server.metric(FINISHED, outcome="abandoned") == before + 1
    assert server.answer(NEWSPAPER, cache="bypass")["solution"] == ANSWER


def test_the_worker_stops_stepping_for_it(server: Server) -> None:
    with endless(server):
        server.until(RUNNING, lambda value: value == 1)
    idle(server)
    server.answer(NEWSPAPER, cache="bypass")  # whatever was still on its way to or from the worker is done with
    before = server.metric("trm_step_batch_size_count")
    assert server.answer(NEWSPAPER, cache="bypass", halt="never", max_steps=3)["steps"] == 3
    assert server.metric("trm_step_batch_size_count") == before + 3
    assert server.metric("trm_step_batch_size_sum") >= before + 3


def test_one_that_leaves_while_it_waits_makes_room_in_the_queue(narrow: Server) -> None:
    with endless(narrow), endless(narrow), endless(narrow):
        narrow.until(WAITING, lambda value: value == 1)
    idle(narrow)
    assert narrow.answer(NEWSPAPER, cache="bypass")["solution"] == ANSWER


def test_a_slot_goes_to_the_next_as_soon_as_its_client_leaves(narrow: Server) -> None:
    with endless(narrow):
        narrow.until(RUNNING, lambda value: value == 1)
        waiting = ask(narrow, body(NEWSPAPER, **{**ENDLESS, "cache": "bypass", "attempts": 16}))
        narrow.until(RUNNING, lambda value: value == 2)
    with waiting:
        assert response(waiting)[0] == 200


def test_hundreds_that_leave_at_once_leave_nothing_behind(server: Server) -> None:
    before = server.metric(FINISHED, outcome="abandoned")
    connections = [endless(server) for _ in range(100)]
    server.until(RUNNING, lambda value: value >= 32)
    for connection in connections:
        connection.close()
    idle(server)
    assert server.metric(FINISHED, outcome="abandoned") == before + 100
    assert server.answer(NEWSPAPER, cache="bypass")["solution"] == ANSWER


def test_a_shared_solve_goes_on_while_anybody_waits_for_it(server: Server) -> None:
    shared = body(IMPOSSIBLE, **{**ENDLESS, "attempts": 32})
    with ask(server, shared):
        server.until(RUNNING, lambda value: value == 1)
        other = ask(server, shared)
        server.client.get("/healthz")  # once this is answered the other has been read
    with other:
        status, content = response(other)
    assert status == 200
    assert json.loads(content)["cache"] == "coalesced"


def test_it_ends_when_the_last_of_them_leaves(server: Server) -> None:
    shared = body(IMPOSSIBLE, **ENDLESS)
    with ask(server, shared), ask(server, shared):
        server.until(RUNNING, lambda value: value == 1)
    idle(server)


def test_their_status_in_the_log_and_the_metrics_is_499(server: Server) -> None:
    before = server.metric("trm_http_requests_total", code="499")
    with endless(server):
        server.until(RUNNING, lambda value: value == 1)
    server.until("trm_http_requests_total", lambda value: value == before + 1, code="499")
