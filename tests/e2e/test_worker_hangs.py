"""A worker that holds puzzles and falls silent is found out, replaced, and nobody is lost."""

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from tests.e2e.problems import ask
from tests.e2e.puzzles import ANSWER, IMPOSSIBLE, NEWSPAPER, copies
from tests.e2e.serving import Server, alive, body, until
from tests.e2e.test_clients_that_leave import ENDLESS

SLOW = {"cache": "bypass", "halt": "never", "max_steps": 30, "timeout_ms": 300_000}


@contextmanager
def frozen(server: Server) -> Iterator[int]:
    """Stop a worker as a debugger would; it goes on at the end if it is still there."""
    pid = server.workers()[0]
    os.kill(pid, signal.SIGSTOP)
    try:
        yield pid
    finally:
        if alive(pid):
            os.kill(pid, signal.SIGCONT)


async def test_a_worker_that_hangs_is_replaced_and_nobody_is_lost() -> None:
    puzzles = copies(30, seed=21)
    with Server(workers=2, threads=1, stall_seconds=1) as server:
        solving = asyncio.create_task(server.solve_all(body(puzzle, **SLOW) for puzzle in puzzles))
        await asyncio.to_thread(server.until, "trm_requests_running", lambda value: value >= 20)
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
            with ask(server, body(IMPOSSIBLE, **ENDLESS)):
                await asyncio.to_thread(server.until, "trm_requests_running", lambda value: value == 1)
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
            ask(server, body(IMPOSSIBLE, cache="bypass", **ENDLESS)).close()
        assert httpx.get(f"{server.url}/healthz", timeout=30, trust_env=False).status_code == 200
        server.until("trm_requests_finished_total", lambda value: value == 400, outcome="abandoned")


def test_a_worker_that_only_paused_goes_on_where_it_was() -> None:
    with Server(workers=1, threads=1, stall_seconds=600) as server:
        with frozen(server):
            for _ in range(400):
                ask(server, body(IMPOSSIBLE, cache="bypass", **ENDLESS)).close()
            server.until("trm_requests_finished_total", lambda value: value == 400, outcome="abandoned")
        assert server.answer(NEWSPAPER, cache="bypass", timeout_ms=60_000)["solution"] == ANSWER
        assert server.metric("trm_worker_restarts_total") == 0
