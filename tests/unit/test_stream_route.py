"""`POST /v1/solve/stream` over a fake pool: its events, and what is refused before it begins."""

import asyncio
import json

import pytest

from app.engine.request import TraceStep
from app.errors import DeadlineExceeded, QueueFull
from tests.support.clients import app_of, client_of
from tests.support.grids import ANSWERS, QUESTIONS, rows, tokens
from tests.support.pools import failing, settle, solved

HALF = ANSWERS[4][:8] + QUESTIONS[4][8:]
BODY = {"puzzle": {"type": "sudoku", "grid": QUESTIONS[4]}}


@pytest.fixture
async def client(services):
    async with client_of(services, max_body_bytes=5_000) as client:
        yield client


@pytest.fixture(autouse=True)
def two_steps(pool):
    """Half of the answer after the first step, all of it after the second."""

    def answer(request):
        for number, grid in enumerate((HALF, ANSWERS[4]), 1):
            pool.watches[-1](TraceStep(1, number, tokens(grid).tobytes(), 0.25 * number))
        return solved(request)

    pool.answer = answer


def events(response) -> list[tuple[str, dict]]:
    assert response.headers["content-type"].partition(";")[0] == "text/event-stream"
    blocks = [dict(line.split(": ", 1) for line in block.split("\n")) for block in response.text.strip().split("\n\n")]
    return [(block["event"], json.loads(block["data"])) for block in blocks]


@pytest.mark.parametrize("form", [str, rows])
async def test_every_step_is_an_event_in_the_form_that_was_sent_and_the_answer_the_last(client, form) -> None:
    response = await client.post("/v1/solve/stream", json={"puzzle": {"type": "sudoku", "grid": form(QUESTIONS[4])}}, headers={"x-request-id": "mine"})
    told = events(response)
    assert [name for name, _ in told] == ["step", "step", "result"]
    assert [data["grid"] for _, data in told[:2]] == [form(HALF.replace(".", "0")), form(ANSWERS[4])]
    assert [(data["attempt"], data["step"], data["halt_probability"]) for _, data in told[:2]] == [(1, 1, 0.25), (1, 2, 0.5)]
    assert (told[2][1]["solution"], told[2][1]["verified"], told[2][1]["id"], told[2][1]["cache"]) == (form(ANSWERS[4]), True, "mine", "bypass")
    assert response.headers["cache-control"] == "no-cache"


async def test_changed_cells_are_those_since_the_event_before(client) -> None:
    told = events(await client.post("/v1/solve/stream", json=BODY))
    blank = [divmod(cell, 4) for cell, symbol in enumerate(QUESTIONS[4]) if symbol == "."]
    assert told[0][1]["changed"] == [[row, column] for row, column in blank if row < 2]
    assert told[1][1]["changed"] == [[row, column] for row, column in blank if row >= 2]


async def test_the_result_has_the_keys_of_a_single_answer(client, pool) -> None:
    result = events(await client.post("/v1/solve/stream", json=BODY))[-1][1]
    pool.answer = solved
    assert result.keys() == (await client.post("/v1/solve", json=BODY)).json().keys()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({**BODY, "model": "ten"}, 404),
        ({"puzzle": {"type": "sudoku", "grid": "11" + "." * 14}}, 422),
        ({**BODY, "option": {}}, 422),
        ({**BODY, "options": {"attempts": 999}}, 422),
    ],
)
async def test_what_is_wrong_with_it_is_a_status_not_an_event(client, pool, body, status) -> None:
    response = await client.post("/v1/solve/stream", json=body)
    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")
    assert not pool.calls


async def test_so_is_a_refusal_at_the_door(client, pool) -> None:
    pool.answer = failing(QueueFull("full", retry_after=3))
    response = await client.post("/v1/solve/stream", json=BODY)
    assert (response.status_code, response.headers["retry-after"]) == (503, "3")


async def test_what_fails_later_is_the_last_event(client, pool, counted) -> None:
    def answer(request):
        pool.watches[-1](TraceStep(1, 1, tokens(HALF).tobytes(), 0.5))
        raise DeadlineExceeded("too late")

    pool.answer = answer
    told = events(await client.post("/v1/solve/stream", json=BODY))
    assert [name for name, _ in told] == ["step", "error"]
    assert (told[1][1]["status"], told[1][1]["detail"]) == (504, "too late")
    assert counted("trm_requests_rejected_total", reason="deadline-exceeded") == 1


async def test_comments_keep_it_open_while_nothing_happens(client, pool, monkeypatch) -> None:
    monkeypatch.setattr("app.api.routes.stream.QUIET", 0.01)
    monkeypatch.setattr("app.api.routes.stream.OPENING", 0.0)
    pool.hold()
    waiting = asyncio.create_task(client.post("/v1/solve/stream", json=BODY))
    await asyncio.sleep(0.2)
    pool.let_go()
    text = (await waiting).text
    assert text.startswith(": ping\n\n: ping\n\n")
    assert text.count("event: result") == 1


async def test_a_client_that_does_not_read_and_leaves_is_no_error(services, pool, counted, caplog) -> None:
    """The first event waits to be sent and there are more behind it, when the client leaves."""

    def answer(request):
        for number in range(1, 9):
            pool.watches[-1](TraceStep(1, number, tokens(HALF).tobytes(), 0.5))
        return solved(request)

    pool.answer, left, sent, tried = answer, asyncio.Event(), [], asyncio.Event()
    messages = [{"type": "http.request", "body": json.dumps(BODY).encode(), "more_body": False}]

    async def receive():
        if messages:
            return messages.pop()
        await left.wait()
        return {"type": "http.disconnect"}

    async def send(message):
        sent.append(message["type"])
        if message["type"] == "http.response.body":
            tried.set()
            await asyncio.Event().wait()  # as a full socket does

    scope = {"type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1", "method": "POST", "path": "/v1/solve/stream"}
    headers = [(b"content-type", b"application/json")]
    request = app_of(services)({**scope, "raw_path": b"", "query_string": b"", "headers": headers, "client": None, "server": None}, receive, send)
    task = asyncio.create_task(request)
    await tried.wait()
    await settle()
    left.set()
    await task
    assert sent == ["http.response.start", "http.response.body"]
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def test_so_is_a_bug_that_gives_nothing_away(client, pool) -> None:
    def answer(request):
        pool.watches[-1](TraceStep(1, 1, tokens(HALF).tobytes(), 0.5))
        return 1 / 0

    pool.answer = answer
    name, problem = events(await client.post("/v1/solve/stream", json=BODY))[-1]
    assert (name, problem["status"], "ZeroDivision" in str(problem)) == ("error", 500, False)
