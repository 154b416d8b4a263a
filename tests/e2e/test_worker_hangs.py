"""A worker that holds puzzles and falls silent is found out, replaced, and nobody is lost."""

import asyncio
import json

import httpx

from tests.e2e.endless import FINISHED, RUNNING, endless, frozen
from tests.e2e.problems import ask, response
from tests.e2e.puzzles import ANSWER, NEWSPAPER, distinct
from tests.e2e.serving import Server, alive, body, until

SLOW = {"cache": "bypass", "halt": "never", "max_steps": 30, "timeout_ms": 300_000}


async def test_a_worker_that_hangs_is_replaced_and_nobody_is_lost() -> None:
    puzzles = distinct(30, seed=21)
    with Server(workers=2, threads=1, stall_seconds=1) as server:
        solving = asyncio.create_task(server.solve_all(body(puzzle, **SLOW) for puzzle in puzzles))
        await asyncio.to_thread(server.until, RUNNING, lambda value: value >= 20)
        with frozen(server) as pid:
            responses = await solving
            assert not alive(pid)
        assert [response.status_code for response in responses] == [200] * len(puzzles)
        assert server.metric("trm_worker_restarts_total", reason="failed") == 1
        server.until("trm_worker_up", lambda value: value == 2)


async def test_meanwhile_the_server_says_that_it_is_not_live() -> None:
    """The answer changes for a moment only, until the worker is killed: it must be seen in one of a few hangs."""
    with Server(workers=1, threads=1, stall_seconds=2) as server:
        seen: set[int] = set()
        for attempt in range(5):
            with endless(server):
                await asyncio.to_thread(server.until, RUNNING, lambda value: value == 1)
                with frozen(server) as pid:
                    while alive(pid):
                        seen.add(server.client.get("/healthz").status_code)
            server.until("trm_worker_up", lambda value: value == 1)
            assert server.metric("trm_worker_restarts_total", reason="failed") == attempt + 1
            if 503 in seen:
                break
        assert seen == {200, 503}
        until(lambda: server.client.get("/healthz").status_code == 200, "it lives again")


def test_an_idle_worker_is_never_taken_for_hung() -> None:
    with Server(workers=1, threads=1, stall_seconds=0.2) as server:
        for _ in range(3):
            with frozen(server):
                assert [server.client.get("/healthz").status_code for _ in range(300)] == [200] * 300
        assert server.answer(NEWSPAPER)["solution"] == ANSWER
        assert server.metric("trm_worker_restarts_total") == 0


def test_clients_that_leave_a_hung_worker_do_not_hang_the_server() -> None:
    with Server(workers=1, threads=1, stall_seconds=600) as server, frozen(server):
        for _ in range(400):
            endless(server).close()
        assert httpx.get(f"{server.url}/healthz", timeout=30, trust_env=False).status_code == 200
        server.until(FINISHED, lambda value: value == 400, outcome="abandoned")


def test_a_worker_that_only_paused_missed_nothing_of_what_it_was_told() -> None:
    with Server(workers=1, threads=1, stall_seconds=600) as server:
        leaving = [endless(server) for _ in range(10)]
        server.until(RUNNING, lambda value: value == 10)
        with frozen(server):
            for _ in range(300):
                endless(server).close()
            for connection in leaving:
                connection.close()
            server.until(FINISHED, lambda value: value == 310, outcome="abandoned")
            staying = ask(server, body(NEWSPAPER, cache="bypass", timeout_ms=120_000))
            server.until(RUNNING, lambda value: value == 1)
        with staying:
            status, content = response(staying)
        assert (status, json.loads(content)["solution"]) == (200, ANSWER)
        before = server.metric("trm_step_batch_size_sum")
        assert server.answer(NEWSPAPER, cache="bypass", halt="never", max_steps=3)["steps"] == 3
        assert server.metric("trm_step_batch_size_sum") == before + 3, "the worker still runs puzzles that nobody waits for"
        assert server.metric("trm_worker_restarts_total") == 0
