"""More puzzles than there is room for: the surplus is told when to come back, the rest are answered."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from tests.e2e.endless import endless, idle
from tests.e2e.problems import refused
from tests.e2e.puzzles import ANSWER, NEWSPAPER, distinct
from tests.e2e.serving import Server, body

CAPACITY = 5


@pytest.fixture(scope="module")
def small() -> Iterator[Server]:
    """A server with one slot and little room to wait."""
    with Server(workers=1, slots=1, queue_capacity=CAPACITY) as server:
        yield server


@contextmanager
def full(server: Server) -> Iterator[None]:
    """Every place in the queue is taken."""
    with ExitStack() as stack:
        for _ in range(10 * CAPACITY):
            if server.metric("trm_requests_waiting") == CAPACITY:
                break
            stack.enter_context(endless(server))
        assert server.metric("trm_requests_waiting") == CAPACITY
        yield
    idle(server)


def test_a_full_queue_refuses_and_says_when_to_come_back(small: Server) -> None:
    with full(small):
        response = small.solve(NEWSPAPER, cache="bypass")
        assert refused(response, 503, str(CAPACITY))["type"] == "/problems/queue-full"
        assert 1 <= int(response.headers["retry-after"]) <= 60


def test_what_is_in_the_cache_is_answered_all_the_same(small: Server) -> None:
    small.answer(NEWSPAPER)
    with full(small):
        assert small.answer(NEWSPAPER)["cache"] == "hit"


def test_so_is_a_request_for_health_or_metrics(small: Server) -> None:
    with full(small):
        assert small.client.get("/healthz").status_code == 200
        assert small.client.get("/readyz").status_code == 200
        assert small.metric("trm_queue_capacity") == CAPACITY


def test_refusals_are_counted(small: Server) -> None:
    with full(small):
        before = small.metric("trm_requests_rejected_total", reason="queue-full")
        for _ in range(3):
            small.solve(NEWSPAPER, cache="bypass")
        assert small.metric("trm_requests_rejected_total", reason="queue-full") == before + 3


def test_a_place_that_is_free_again_is_given_away(small: Server) -> None:
    with full(small):
        assert small.solve(NEWSPAPER, cache="bypass").status_code == 503
    assert small.answer(NEWSPAPER, cache="bypass")["solution"] == ANSWER


async def test_in_a_rush_each_is_either_answered_or_told_when_to_come_back(small: Server) -> None:
    puzzles = distinct(60, seed=801)
    responses = await small.solve_all(body(puzzle, cache="bypass", timeout_ms=120_000) for puzzle in puzzles)
    answered = [response.json() for response in responses if response.status_code == 200]
    rest = [response for response in responses if response.status_code != 200]
    assert len(answered) >= CAPACITY + 1
    assert rest
    assert all(answer["verified"] for answer in answered)
    for response in rest:
        refused(response, 503)
        assert int(response.headers["retry-after"]) >= 1
