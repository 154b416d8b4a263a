"""A worker killed in the middle of its work is replaced, and none of its puzzles is lost."""

import asyncio
import os
import signal

import pytest

from tests.e2e.problems import refused
from tests.e2e.puzzles import ANSWER, NEWSPAPER, distinct
from tests.e2e.serving import Server, alive, body, until

FINISHED = "trm_requests_finished_total"


def kill(server: Server, count: int = 1) -> None:
    for pid in server.workers()[:count]:
        os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("workers", [1, 2])
async def test_two_hundred_puzzles_survive_the_death_of_a_worker(workers: int) -> None:
    puzzles = distinct(200, seed=workers)
    with Server(workers=workers, threads=1) as server:
        solving = asyncio.create_task(server.solve_all(body(puzzle, cache="bypass", halt="never", max_steps=10, timeout_ms=300_000) for puzzle in puzzles))
        await asyncio.to_thread(server.until, FINISHED, lambda value: value >= 20)
        assert len(server.workers()) == workers
        kill(server)
        responses = await solving
        assert [response.status_code for response in responses] == [200] * len(puzzles)
        assert [response.json()["steps"] for response in responses] == [10] * len(puzzles)
        assert server.metric(FINISHED, outcome="solved") == sum(response.json()["verified"] for response in responses)
        assert server.metric(FINISHED) == len(puzzles)
        assert server.metric("trm_worker_restarts_total", reason="died") == 1
        server.until("trm_worker_up", lambda value: value == workers)


async def test_two_deaths_in_a_row_lose_nobody() -> None:
    puzzles = distinct(40, seed=8)
    with Server(workers=1, threads=1) as server:
        solving = asyncio.create_task(server.solve_all(body(puzzle, cache="bypass", halt="never", max_steps=30, timeout_ms=300_000) for puzzle in puzzles))
        for deaths in (1, 2):
            await asyncio.to_thread(server.until, "trm_requests_running", lambda value: value >= 30)
            kill(server)
            await asyncio.to_thread(server.until, "trm_worker_restarts_total", lambda value, deaths=deaths: value == deaths)
        responses = await solving
        assert [response.status_code for response in responses] == [200] * len(puzzles)


def test_while_its_only_worker_is_replaced_a_server_is_not_ready_but_lives() -> None:
    with Server(workers=1, threads=1) as server:
        kill(server)
        until(lambda: server.client.get("/readyz").status_code == 503, "readiness is gone")
        assert server.client.get("/healthz").status_code == 200
        until(lambda: server.client.get("/readyz").status_code == 200, "it is back")
        assert server.answer(NEWSPAPER)["solution"] == ANSWER


def test_a_puzzle_that_comes_meanwhile_is_told_when_to_come_back() -> None:
    with Server(workers=1, threads=1) as server:
        kill(server)
        until(lambda: server.client.get("/readyz").status_code == 503, "readiness is gone")
        response = server.solve(NEWSPAPER)
        assert refused(response, 503)["type"] == "/problems/no-worker"
        assert int(response.headers["retry-after"]) >= 1


def test_with_two_workers_the_other_goes_on() -> None:
    with Server(workers=2, threads=1) as server:
        kill(server)
        assert server.answer(NEWSPAPER)["solution"] == ANSWER
        server.until("trm_worker_up", lambda value: value == 2)


def test_idle_workers_that_die_are_replaced_too() -> None:
    with Server(workers=2, threads=1) as server:
        first = set(server.workers())
        kill(server, 2)
        until(lambda: len(set(server.workers()) - first) == 2, "both are replaced")
        server.until("trm_worker_up", lambda value: value == 2)
        assert not any(alive(pid) for pid in first)
        assert server.metric("trm_worker_restarts_total", reason="died") == 2
