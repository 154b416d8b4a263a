"""The Python client against the real service."""

import asyncio
import json
import signal
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from app.client import Answer, AsyncClient, Busy, Client, ClientError, Invalid, NotFound, Problem, Puzzle, Retries, Step, TimedOut, Unreachable
from tests.e2e.endless import ENDLESS, FINISHED, RUNNING, endless, idle
from tests.e2e.puzzles import ANSWER, IMPOSSIBLE, NEWSPAPER, distinct, rows
from tests.e2e.serving import MODELS, PATIENCE, Server
from tests.support.redis_servers import free_port

MAZE = ["S #  ", "# # #", "     ", " ### ", "   #G"]
ARC = Puzzle("arc", [[6, 7, 7, 6], [6, 7, 6, 7], [7, 7, 7, 6], [7, 6, 7, 6]], "b1948b0a")
NEVER = Retries(most=0)


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with Client(server.url, retries=NEVER, timeout=PATIENCE) as client:
        yield client


@pytest.fixture(scope="module")
def narrow() -> Iterator[Server]:
    """A server with one slot and room for one more puzzle."""
    with Server(workers=1, slots=1, queue_capacity=1) as server:
        yield server


def fill(server: Server) -> list[socket.socket]:
    """Connections whose puzzles take every place that there is."""
    held = []
    while server.metric("trm_requests_waiting") < 1:
        held.append(endless(server))
        server.client.get("/healthz")
    return held


@pytest.mark.parametrize("puzzle", [NEWSPAPER, rows(NEWSPAPER), MAZE, ARC], ids=["string", "rows", "maze", "arc"])
def test_it_solves_puzzles_of_every_family_and_form(server: Server, client: Client, puzzle) -> None:
    answer = client.solve(puzzle, cache="bypass")
    raw = server.client.post("/v1/solve", json={"puzzle": Puzzle.of(puzzle).document(), "options": {"cache": "bypass"}}).json()
    assert answer.solved
    assert {**json.loads(answer.model_dump_json(exclude_unset=True)), "id": 0, "timing": 0} == {**raw, "id": 0, "timing": 0}


def test_options_and_model_are_those_of_the_contract(client: Client) -> None:
    answer = client.solve(IMPOSSIBLE, model="sudoku", halt="never", max_steps=3, attempts=2, trace=True, cache="bypass")
    assert (answer.status, answer.solved, answer.steps, answer.attempts, len(answer.trace or ())) == ("unsolved", False, 6, 2, 6)


def test_a_batch_is_answered_in_order_or_as_each_halts(client: Client) -> None:
    puzzles = [IMPOSSIBLE, MAZE, NEWSPAPER]
    options = {"timeout_ms": 2000, "cache": "bypass"}
    kinds = [(each.type, each.verified) for each in client.batch(puzzles, **options) if isinstance(each, Answer)]
    assert kinds == [("sudoku", False), ("maze", True), ("sudoku", True)]
    with client.each(puzzles, **options) as found:
        results = dict(found)
    assert {index: result.verified for index, result in results.items()} == {0: False, 1: True, 2: True}
    assert list(results)[-1] == 0


def test_what_fails_of_a_batch_is_a_problem_in_its_place(narrow: Server) -> None:
    with endless(narrow), Client(narrow.url, retries=NEVER) as client:
        narrow.until(RUNNING, lambda value: value == 1)
        first, *_ = client.batch(distinct(2, seed=77), timeout_ms=200)
        assert isinstance(first, Problem)
        assert (first.status, first.type) == (504, "/problems/deadline-exceeded")
    idle(narrow)


def test_a_stream_shows_each_step_and_ends_with_the_answer(client: Client) -> None:
    with client.stream(NEWSPAPER, halt="never", max_steps=4) as found:
        *steps, answer = found
    assert [(type(step), step.step) for step in steps] == [(Step, number) for number in (1, 2, 3, 4)]
    assert isinstance(answer, Answer)
    assert answer.solution == steps[-1].grid == ANSWER


def test_leaving_a_stream_ends_its_solve(server: Server, client: Client) -> None:
    before = server.metric(FINISHED, outcome="abandoned")
    with client.stream(IMPOSSIBLE, **ENDLESS) as steps:
        assert [next(steps).step for _ in range(3)] == [1, 2, 3]
    idle(server)
    assert server.metric(FINISHED, outcome="abandoned") == before + 1


def test_a_job_is_handed_over_waited_for_and_fetched(server: Server, client: Client) -> None:
    job = client.submit([NEWSPAPER, "55" + "." * 79, MAZE, ARC], on_error="continue", cache="bypass")
    ended = client.wait(job.id, every=0.05)
    assert (ended.status, ended.counts.solved, ended.counts.failed, ended.ended) == ("completed", 3, 1, True)
    with client.results(job.id) as found:
        results = list(found)
    by_index = dict(results)
    assert sorted(by_index) == [0, 1, 2, 3]
    assert isinstance(by_index[0], Answer)
    assert by_index[0].solution == ANSWER
    assert isinstance(by_index[1], Problem)
    assert by_index[1].status == 422
    with client.results(job.id, after=3) as found:
        assert list(found) == results[3:]


def test_a_job_under_a_key_is_made_once_and_can_be_cancelled(client: Client) -> None:
    puzzles = [IMPOSSIBLE] * 5
    job = client.submit(puzzles, key="the same", cache="bypass", attempts=64)
    assert client.submit(puzzles, key="the same", cache="bypass", attempts=64).id == job.id
    assert client.cancel(job.id).status == "cancelled"
    assert client.job(job.id).counts.total == 5
    with pytest.raises(NotFound):
        client.job("nobody's")
    with pytest.raises(Invalid, match="row 1 has 5"):
        client.submit(["55" + "." * 79])


def test_models_are_listed_and_described(client: Client) -> None:
    assert sorted(model.name for model in client.models()) == MODELS
    assert client.model("sudoku").height == 9


def test_a_refusal_is_an_error_that_says_what_to_mend_and_where(client: Client) -> None:
    with pytest.raises(Invalid, match="row 1 has 5") as raised:
        client.solve("55" + "." * 79)
    assert {each.pointer for each in raised.value.problem.errors or ()} == {"/puzzle/grid"}
    with pytest.raises(Invalid, match="halt"), client.stream(NEWSPAPER, halt="sometimes"):  # type: ignore[arg-type]
        pass
    with pytest.raises(NotFound, match="nobody"):
        client.model("nobody")


def test_a_full_queue_is_waited_for_as_long_as_it_says(narrow: Server) -> None:
    held, rejected = fill(narrow), narrow.metric("trm_requests_rejected_total", reason="queue-full")
    refused = narrow.solve(NEWSPAPER, cache="bypass")
    assert refused.status_code == 503
    with ThreadPoolExecutor(1) as pool, Client(narrow.url, timeout=PATIENCE) as client:
        started = time.monotonic()
        answering = pool.submit(client.solve, NEWSPAPER, cache="bypass")
        narrow.until("trm_requests_rejected_total", lambda value: value >= rejected + 2, reason="queue-full")
        for connection in held:
            connection.close()
        assert answering.result(PATIENCE).solution == ANSWER
        assert time.monotonic() - started >= int(refused.headers["retry-after"])
    idle(narrow)


def test_a_client_that_never_tries_again_says_when_to_come_back(narrow: Server) -> None:
    held = fill(narrow)
    with Client(narrow.url, retries=NEVER) as client:
        for call in (client.solve, lambda puzzle, **options: client.stream(puzzle, **options).__enter__()):
            with pytest.raises(Busy) as raised:
                call(NEWSPAPER, cache="bypass")
            assert raised.value.problem.type == "/problems/queue-full"
            assert (raised.value.retry_after or 0) >= 1
    for connection in held:
        connection.close()
    idle(narrow)


def test_a_server_that_does_not_answer_in_time_is_not_waited_for_longer(server: Server) -> None:
    with Client(server.url, timeout=0.2) as client:
        server.signal(signal.SIGSTOP)
        try:
            with pytest.raises(TimedOut):
                client.solve(NEWSPAPER, timeout_ms=100)
        finally:
            server.signal(signal.SIGCONT)


def test_a_server_that_is_not_there_is_said_to_be_unreachable() -> None:
    with Client(f"http://127.0.0.1:{free_port()}", retries=NEVER) as client, pytest.raises(Unreachable):
        client.solve(NEWSPAPER)


def test_one_that_is_just_starting_is_waited_for() -> None:
    port, retries = free_port(), Retries(most=1000, first=0.1, longest=0.2)
    with ThreadPoolExecutor(1) as pool, Client(f"http://127.0.0.1:{port}", retries=retries) as client:
        answering = pool.submit(client.solve, NEWSPAPER)
        with Server(port=port):
            assert answering.result(PATIENCE).solution == ANSWER


def test_a_server_that_dies_in_the_middle_of_a_stream_is_noticed() -> None:
    with Server() as server, Client(server.url, retries=NEVER) as client:
        with client.stream(IMPOSSIBLE, **ENDLESS) as steps:
            next(steps)
            server.process.kill()
            with pytest.raises(Unreachable):
                list(steps)
        server.ended()


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://localhost", "http://"])
def test_a_wrong_address_is_an_error_of_the_client(url: str) -> None:
    with pytest.raises(ClientError), Client(url, retries=NEVER) as client:
        client.models()


def test_threads_may_share_a_client(server: Server, client: Client) -> None:
    puzzles = distinct(8, seed=78)
    with ThreadPoolExecutor(4) as pool:
        assert all(answer.solved for answer in pool.map(client.solve, puzzles))
    assert threading.active_count() < 20


async def test_the_asynchronous_client_does_the_same(server: Server) -> None:
    async with AsyncClient(server.url, timeout=PATIENCE) as client:
        assert (await client.solve(NEWSPAPER)).solution == ANSWER
        assert [each.type for each in await client.batch([MAZE, NEWSPAPER])] == ["maze", "sudoku"]
        async with client.each([MAZE, NEWSPAPER]) as found:
            assert {index async for index, _ in found} == {0, 1}
        async with client.stream(NEWSPAPER, halt="never", max_steps=2) as steps:
            assert [type(each) async for each in steps] == [Step, Step, Answer]
        assert sorted(model.name for model in await client.models()) == MODELS
        assert (await client.model("maze")).type == "maze"
        job = await client.submit([MAZE, NEWSPAPER])
        assert (await client.wait(job.id, every=0.05)).counts.solved == 2
        async with client.results(job.id) as found:
            assert {index async for index, _ in found} == {0, 1}
        assert (await client.cancel(job.id)).status == (await client.job(job.id)).status == "completed"
        with pytest.raises(Invalid):
            await client.solve("")


async def test_calls_wait_for_a_connection_as_long_as_those_before_them_take(server: Server) -> None:
    async with AsyncClient(server.url, timeout=2, retries=NEVER, limits=httpx.Limits(max_connections=1)) as client:
        answers = await asyncio.gather(*(client.solve(IMPOSSIBLE, **{**ENDLESS, "timeout_ms": 1500, "cache": "bypass"}) for _ in range(3)))
    assert [answer.halt_reason for answer in answers] == ["deadline"] * 3


async def test_cancelling_a_call_ends_its_solve(server: Server) -> None:
    before = server.metric(FINISHED, outcome="abandoned")
    async with AsyncClient(server.url) as client:
        asking = asyncio.create_task(client.solve(IMPOSSIBLE, **{**ENDLESS, "cache": "bypass"}))
        await asyncio.to_thread(server.until, RUNNING, lambda value: value == 1)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await asyncio.to_thread(idle, server)
    assert server.metric(FINISHED, outcome="abandoned") == before + 1


async def test_it_waits_for_a_full_queue_without_holding_up_the_loop(narrow: Server) -> None:
    held = fill(narrow)
    async with AsyncClient(narrow.url, timeout=PATIENCE, retries=Retries(most=100)) as client:
        rejected = narrow.metric("trm_requests_rejected_total", reason="queue-full")
        asking = asyncio.create_task(client.solve(NEWSPAPER, cache="bypass"))
        await asyncio.to_thread(narrow.until, "trm_requests_rejected_total", lambda value: value > rejected, reason="queue-full")
        for connection in held:
            connection.close()
        assert (await asking).solution == ANSWER
    await asyncio.to_thread(idle, narrow)


def test_its_address_may_have_a_path_and_its_requests_a_key() -> None:
    """What is sent, seen by a socket that answers like a proxy would."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        with ThreadPoolExecutor(1) as pool, Client(f"http://127.0.0.1:{listener.getsockname()[1]}/puzzles/", api_key="a key", retries=NEVER) as client:
            asking = pool.submit(client.solve, NEWSPAPER)
            connection, _ = listener.accept()
            with connection:
                seen = connection.recv(65536).decode()
                connection.sendall(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 4\r\n\r\noops")
            with pytest.raises(ClientError, match="oops"):
                asking.result(PATIENCE)
    assert seen.startswith("POST /puzzles/v1/solve HTTP/1.1\r\n")
    assert "\r\nauthorization: bearer a key\r\n" in seen.lower()
