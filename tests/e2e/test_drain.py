"""How a server ends: unready first, then no new puzzles, then what is in flight is finished, then nothing is left."""

import asyncio
import os
import signal
import subprocess
import time

import pytest

from tests.e2e.endless import endless
from tests.e2e.problems import refused, response
from tests.e2e.puzzles import NEWSPAPER, distinct
from tests.e2e.serving import PATIENCE, TRM, Json, Server, body, environment, started_by, until

SLOW: Json = {"cache": "bypass", "halt": "never", "max_steps": 60, "timeout_ms": 300_000}


def nobody_left(server: Server) -> None:
    until(lambda: not started_by(server.process.pid), "all its processes have ended")


async def in_flight(server: Server, count: int = 10) -> "asyncio.Task[list[int]]":
    """Solves that take a while, once all of them run; their statuses."""

    async def statuses() -> list[int]:
        return [each.status_code for each in await server.solve_all(body(puzzle, **SLOW) for puzzle in distinct(count, seed=701))]

    task = asyncio.create_task(statuses())
    await asyncio.to_thread(server.until, "trm_requests_running", lambda value: value == count)
    return task


async def test_a_drain_refuses_new_puzzles_and_finishes_those_in_flight() -> None:
    with Server(drain_seconds=5) as server:
        solving = await in_flight(server)
        server.signal(signal.SIGTERM)
        until(lambda: server.client.get("/readyz").status_code == 503, "the server is unready")
        late = server.solve(NEWSPAPER)
        assert refused(late, 503)["type"] == "/problems/draining"
        assert int(late.headers["retry-after"]) >= 1
        assert server.client.get("/healthz").status_code == 200
        assert await solving == [200] * 10
        assert server.ended() == 0
        nobody_left(server)


async def test_puzzles_in_flight_outlast_the_time_for_load_balancers() -> None:
    with Server(drain_seconds=0) as server:
        solving = await in_flight(server)
        server.signal(signal.SIGTERM)
        assert await solving == [200] * 10
        assert server.ended() == 0


async def test_ctrl_c_finishes_what_is_in_flight_too() -> None:
    with Server(drain_seconds=600) as server:
        solving = await in_flight(server)
        os.killpg(server.process.pid, signal.SIGINT)
        assert await solving == [200] * 10
        assert server.ended() in (0, 130)
        nobody_left(server)


async def test_a_signal_to_the_whole_process_group_harms_no_worker() -> None:
    with Server(drain_seconds=1) as server:
        solving = await in_flight(server)
        os.killpg(server.process.pid, signal.SIGTERM)
        assert await solving == [200] * 10
        assert server.ended() == 0
        assert not [line for line in server.log if line["level"] == "WARNING"]


def test_a_second_sigterm_does_not_wait() -> None:
    with Server(drain_seconds=600) as server:
        server.signal(signal.SIGTERM)
        until(lambda: server.client.get("/readyz").status_code == 503, "the server is unready")
        server.signal(signal.SIGTERM)
        assert server.ended() in (0, -signal.SIGTERM)
        nobody_left(server)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_server_ends_cleanly(number: signal.Signals) -> None:
    with Server() as server:
        server.signal(number)
        assert server.ended() in (0, 130)
        nobody_left(server)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("seconds", [0.0, 0.3, 1.0, 2.0])
def test_a_signal_during_start_up_ends_it(number: signal.Signals, seconds: float) -> None:
    """At whatever point of it: nothing hangs, nothing is left, and there is no traceback to read."""
    environ = environment(port=0, workers=2)
    with subprocess.Popen([TRM, "serve"], stderr=subprocess.PIPE, text=True, env=environ, start_new_session=True) as process:
        assert process.stderr is not None
        while "serving" not in process.stderr.readline():
            assert process.poll() is None
        time.sleep(seconds)  # how far the start has come by then is left to chance
        process.send_signal(number)
        log = process.stderr.read()
        assert process.wait(PATIENCE) in (0, 3, 130, -number)
    assert "Traceback" not in log
    until(lambda: not started_by(process.pid), "all its processes have ended")


def test_a_puzzle_without_end_does_not_hold_up_the_end() -> None:
    with Server(shutdown_seconds=1) as server:
        with endless(server) as connection:
            server.until("trm_requests_running", lambda value: value == 1)
            server.signal(signal.SIGTERM)
            assert response(connection)[0] == 503
        assert server.ended() == 0
        nobody_left(server)


def test_a_client_that_left_does_not_hold_up_the_end() -> None:
    with Server(shutdown_seconds=600) as server:
        connection = endless(server)
        server.until("trm_requests_running", lambda value: value == 1)
        server.signal(signal.SIGTERM)
        connection.close()
        assert server.ended() == 0


def test_when_the_server_is_killed_its_workers_end_by_themselves() -> None:
    with Server(workers=2, threads=1) as server:
        assert len(server.workers()) == 2
        server.process.kill()
        assert server.ended() == -signal.SIGKILL
        nobody_left(server)


def test_even_in_the_middle_of_their_work() -> None:
    with Server(workers=2, threads=1) as server:
        with endless(server):
            server.until("trm_requests_running", lambda value: value == 1)
            server.process.kill()
        nobody_left(server)
