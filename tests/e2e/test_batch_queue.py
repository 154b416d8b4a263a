"""A batch beside a small queue: it waits for room in order, lets others through, and ends with its deadline or its client."""

import json
import socket
from collections.abc import Iterator

import pytest

from tests.e2e.batches import batch_of, events, lines, results
from tests.e2e.endless import ENDLESS, FINISHED, RUNNING, WAITING, endless, frozen, idle
from tests.e2e.problems import connect
from tests.e2e.puzzles import ANSWER, IMPOSSIBLE, NEWSPAPER, distinct
from tests.e2e.serving import Json, Server, body


@pytest.fixture(scope="module")
def small() -> Iterator[Server]:
    """A server with one slot and room for four to wait."""
    with Server(backend="onnx", workers=1, slots=1, queue_capacity=4) as server:
        yield server


def send_batch(server: Server, document: Json, accept: str = "*/*") -> socket.socket:
    """Post a batch and do not wait for the answer."""
    content, connection = json.dumps(document).encode(), connect(server)
    head = f"POST /v1/solve/batch HTTP/1.1\r\nHost: test\r\nAccept: {accept}\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    connection.sendall(head.encode() + content)
    return connection


def test_a_batch_far_larger_than_the_queue_is_solved_all_the_same(small: Server) -> None:
    found = results(small, distinct(60, seed=911), cache="bypass", timeout_ms=300_000)
    assert [each["verified"] for each in found] == [True] * 60
    idle(small)


def test_it_leaves_room_for_single_puzzles(small: Server) -> None:
    with lines(small, distinct(80, seed=912), cache="bypass", halt="never", max_steps=8, timeout_ms=300_000) as batch:
        next(batch)
        for _ in range(5):
            assert small.answer(NEWSPAPER, cache="bypass")["solution"] == ANSWER
        assert small.metric("trm_batch_puzzles") == 80, "the batch has not ended meanwhile"
        assert len(list(batch)) == 79
    assert small.metric("trm_requests_rejected_total", reason="queue-full") == 0


def test_a_full_queue_does_not_refuse_it(small: Server) -> None:
    held = []
    while small.metric(WAITING) < 4:
        held.append(endless(small))
    with lines(small, [NEWSPAPER], cache="bypass", timeout_ms=300_000) as batch:
        for each in held:
            each.close()
        assert next(batch)["solution"] == ANSWER
    idle(small)


def test_what_waits_beyond_the_deadline_is_a_problem_in_its_place(small: Server) -> None:
    found = results(small, [IMPOSSIBLE, *distinct(9, seed=913)], **{**ENDLESS, "timeout_ms": 100}, cache="bypass")
    assert (found[0]["status"], found[0]["halt_reason"]) == ("unsolved", "deadline")
    assert [(each["status"], each["type"]) for each in found[1:]] == [(504, "/problems/deadline-exceeded")] * 9
    idle(small)


@pytest.mark.parametrize("accept", ["application/json", "application/x-ndjson"])
def test_a_client_that_leaves_gives_up_all_that_is_open(small: Server, accept: str) -> None:
    with send_batch(small, batch_of([IMPOSSIBLE] * 50, **ENDLESS, cache="bypass"), accept):
        small.until(RUNNING, lambda value: value >= 1)
        small.until("trm_batch_puzzles", lambda value: value == 50)
    idle(small)
    small.until("trm_batch_puzzles", lambda value: value == 0)
    solved = small.metric(FINISHED, outcome="solved")
    assert small.answer(NEWSPAPER, cache="bypass")["solution"] == ANSWER
    assert small.metric(FINISHED, outcome="solved") == solved + 1, "nothing of the batch ran on"


def test_one_that_reads_nothing_holds_up_nobody_else(small: Server) -> None:
    options = {"cache": "bypass", "trace": True, "halt": "never", "max_steps": 64, "timeout_ms": 300_000}
    with send_batch(small, batch_of(distinct(40, seed=914), **options), "application/x-ndjson"):
        small.until("trm_batch_puzzles", lambda value: value == 40)
        for _ in range(3):
            assert small.answer(NEWSPAPER, cache="bypass")["solution"] == ANSWER
    idle(small)


def test_a_stream_that_is_refused_says_so_before_it_begins_and_later_by_an_event(small: Server) -> None:
    with frozen(small), endless(small), endless(small):
        small.until(RUNNING, lambda value: value == 2)  # as many as the worker is sent
        early = small.client.post("/v1/solve/stream", json=body(NEWSPAPER, timeout_ms=100))
        assert (early.status_code, early.json()["status"]) == (504, 504)
        with events(small, body(NEWSPAPER, timeout_ms=2500)) as told:
            ((name, problem),) = list(told)
        assert (name, problem["status"], problem["type"]) == ("error", 504, "/problems/deadline-exceeded")
    idle(small)
