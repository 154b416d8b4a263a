"""`/v1/jobs` over a fake pool and the store in memory: what is read, refused and answered."""

import asyncio
import json

import pytest

from app.errors import JobsUnavailable, WorkerLost
from tests.support.clients import client_of
from tests.support.grids import ANSWERS, QUESTIONS
from tests.support.pools import failing, solved, unsolved

NINE, FOUR = ({"type": "sudoku", "grid": QUESTIONS[side]} for side in (9, 4))
BAD = {"type": "sudoku", "grid": "55" + "." * 79}
NDJSON = {"content-type": "application/x-ndjson"}


@pytest.fixture
async def client(services):
    services.jobs.consumer.start()
    async with client_of(services, max_job_bytes=10_000) as client:
        yield client
    await services.jobs.consumer.close()


@pytest.fixture
async def idle(services):
    """A client of a server whose consumer does nothing."""
    async with client_of(services, max_job_bytes=10_000) as client:
        yield client


def text(*lines) -> str:
    return "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)


async def post(client, *lines, query="", **headers):
    return await client.post(f"/v1/jobs{query}", content=text(*lines), headers={**NDJSON, **headers})


async def ended(client, response) -> dict:
    assert response.status_code == 202, response.text
    assert response.headers["location"] == f"/v1/jobs/{response.json()['id']}"
    async with asyncio.timeout(30):
        while True:
            job = (await client.get(response.headers["location"])).json()
            if job["ended_at"]:
                return job
            await asyncio.sleep(0.01)


async def results(client, job, after=0) -> list[dict]:
    response = await client.get(f"/v1/jobs/{job['id']}/results?after={after}")
    assert (response.status_code, response.headers["content-type"]) == (200, "application/x-ndjson")
    return [json.loads(line) for line in response.text.splitlines()]


async def test_a_puzzle_a_line_is_solved_and_fetched(client) -> None:
    job = await ended(client, await post(client, NINE, "", FOUR, " \t", NINE))
    assert (job["status"], job["counts"]) == ("completed", {"total": 3, "solved": 3, "unsolved": 0, "failed": 0, "pending": 0})
    found = sorted(await results(client, job), key=lambda each: each["index"])
    assert [(each["index"], each["solution"], each["id"]) for each in found] == [
        (index, ANSWERS[side], f"{job['id']}-{index}") for index, side in enumerate((9, 4, 9))
    ]
    single = (await client.post("/v1/solve", json={"puzzle": NINE})).json()
    assert found[0].keys() == single.keys() | {"index"}


async def test_a_document_is_the_same(client, pool) -> None:
    options = {"halt": "never", "max_steps": 5, "cache": "bypass"}
    job = await ended(client, await client.post("/v1/jobs", json={"puzzles": [NINE, FOUR], "model": "sudoku", "options": options}))
    assert job["counts"]["solved"] == 2
    assert [(request.halt, request.max_steps, request.bulk) for _, request in pool.calls] == [("never", 5, True)] * 2


async def test_with_lines_the_terms_are_in_the_query(client, pool) -> None:
    await ended(client, await post(client, NINE, query="?model=nine&halt=never&max_steps=5&attempts=2&timeout_ms=1000&cache=bypass"))
    ((model, request),) = pool.calls
    assert (model, request.halt, request.max_steps, request.attempts) == ("nine", "never", 5, 2)


async def test_results_can_be_read_on_from_any_place(client) -> None:
    job = await ended(client, await post(client, *[FOUR] * 7))
    everything = await results(client, job)
    assert [await results(client, job, after) for after in (0, 3, 7, 99)] == [everything, everything[3:], [], []]


async def test_what_ends_otherwise_is_told_and_counted(client, pool, counted) -> None:
    def answer(request):
        return {0: solved, 1: unsolved}.get(len(pool.calls) % 3, failing(WorkerLost("3 workers died on this puzzle")))(request)

    pool.answer = answer
    job = await ended(client, await post(client, *[NINE] * 6, query="?cache=bypass"))
    assert job["counts"] == {"total": 6, "solved": 2, "unsolved": 2, "failed": 2, "pending": 0}
    found = await results(client, job)
    assert sorted(each["index"] for each in found) == list(range(6))
    (reason,) = {each["detail"] for each in found if each["status"] == 503}
    assert reason == "3 workers died on this puzzle"
    assert [counted("trm_jobs_puzzles_total", outcome=kind) for kind in ("solved", "unsolved", "failed")] == [2, 2, 2]
    assert [counted(f"trm_jobs_{name}") for name in ("created_total", "held", "store_up")] == [1, 0, 1]
    assert counted("trm_jobs_finished_total", status="completed") == 1


async def test_line_ends_of_other_systems_and_byte_order_marks_are_no_part_of_a_puzzle(client) -> None:
    puzzle = json.dumps(FOUR)
    body = b"\xef\xbb\xbf" + f"{puzzle}\r\n\r\n{puzzle}\r\n".encode() + b"\xef\xbb\xbf" + puzzle.encode()
    job = await ended(client, await client.post("/v1/jobs", content=body, headers=NDJSON))
    assert sorted((each["index"], each["solution"]) for each in await results(client, job)) == [(index, ANSWERS[4]) for index in range(3)]


async def test_of_a_long_line_only_the_puzzle_is_kept(idle, services) -> None:
    await post(idle, " " * 50 + json.dumps(FOUR).replace(":", ":" + " " * 50))
    (record,) = services.jobs.store.records.values()
    (place,) = record.open.values()
    assert json.loads(place.line) == FOUR
    assert b" " not in place.line


async def test_a_response_ends_though_results_go_on_coming(client, services, monkeypatch) -> None:
    store = services.jobs.store
    job, pages = await ended(client, await post(client, FOUR)), iter([[b'{"index":0}']] * 50)

    async def one_more(*_):
        return next(pages, [])

    monkeypatch.setattr(store, "results", one_more)
    assert await results(client, job) == [{"index": 0}]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "line 2: Invalid JSON: EOF while parsing an object at column 1"),
        ("[1]", "line 2: "),
        ("\ud800", "line 2: Invalid JSON"),
        ("[" * 200, "line 2: Invalid JSON"),
        (BAD, "line 2: the givens contradict the rules"),
        ({"type": "chess", "grid": ""}, "line 2: /type: it should be 'sudoku', 'maze' or 'arc'"),
        ({**NINE, "model": "nine"}, "line 2: /model: there is no such field"),
        ({"type": "sudoku"}, "line 2: /grid: it is required"),
        ({**NINE, "puzzle_id": "x"}, "line 2: sudoku puzzles have no puzzle_id"),
        ({"type": "sudoku", "grid": "." * 999}, "line 2: it is over 300 bytes"),
    ],
    ids=range(10),
)
async def test_a_line_that_is_no_puzzle_refuses_the_job_or_is_a_result(client, pool, line, reason) -> None:
    content = text(FOUR, line, FOUR).encode("utf-8", "surrogatepass")
    refused = await client.post("/v1/jobs", content=content, headers=NDJSON)
    assert (refused.status_code, refused.headers["content-type"]) == (422, "application/problem+json")
    assert reason in refused.json()["errors"][0]["detail"]
    assert refused.json()["errors"][0]["pointer"].startswith("/2")
    assert not pool.calls
    job = await ended(client, await client.post("/v1/jobs?on_error=continue", content=content, headers=NDJSON))
    assert job["counts"] == {"total": 3, "solved": 2, "unsolved": 0, "failed": 1, "pending": 0}
    found = {each["index"]: each for each in await results(client, job)}
    assert (found[1]["status"], found[0]["status"], found[2]["status"]) == (422, "solved", "solved")
    assert reason in found[1]["detail"]


async def test_a_document_points_to_what_is_wrong_in_it(client) -> None:
    refused = await client.post("/v1/jobs", json={"puzzles": [NINE, BAD, 7]})
    assert [each["pointer"] for each in refused.json()["errors"]] == ["/puzzles/1/grid", "/puzzles/2"]
    job = await ended(client, await client.post("/v1/jobs", json={"puzzles": [NINE, BAD, 7], "on_error": "continue"}))
    assert (job["counts"]["solved"], job["counts"]["failed"]) == (1, 2)


async def test_of_many_bad_lines_ten_are_told(client) -> None:
    problem = (await post(client, *[BAD] * 15)).json()
    assert [each["pointer"] for each in problem["errors"]] == [f"/{number}/grid" for number in range(1, 11)]


async def test_a_job_of_bad_lines_only_has_failed(client) -> None:
    job = await ended(client, await post(client, "x", "y", query="?on_error=continue"))
    assert (job["status"], job["counts"]["failed"]) == ("failed", 2)
    assert len(await results(client, job)) == 2


@pytest.mark.parametrize(
    ("query", "lines", "headers", "status", "words"),
    [
        ("", [], {}, 422, "no puzzle"),
        ("", ["", " "], {}, 422, "no puzzle"),
        ("", [FOUR] * 21, {}, 422, "at most 20 puzzles"),
        ("?on_error=continue", [FOUR] * 21, {}, 422, "at most 20 puzzles"),
        ("?on_error=never", [FOUR], {}, 422, "on_error"),
        ("?steps=3", [FOUR], {}, 422, "/steps: there is no such field"),
        ("?max_steps=0", [FOUR], {}, 422, "max_steps"),
        ("?max_steps=999", [FOUR], {}, 422, "1 to 64"),
        ("?model=nobody", [FOUR], {}, 404, "nobody"),
        ("?model=nine", [NINE, FOUR], {}, 404, "line 2"),
        ("", [FOUR], {"content-type": "text/plain"}, 415, "application/x-ndjson"),
        ("", [FOUR], {"content-type": ""}, 415, "without one"),
        ("", [FOUR], {"content-type": "application/json"}, 422, "puzzles"),
        ("", ["{"], {"content-type": "application/json"}, 400, "not JSON"),
        ("", ["[" * 100_000], {"content-type": "application/json"}, 413, "bytes"),
        ("", ["[" * 4_000], {"content-type": "application/json"}, 400, "not JSON"),
        ("?model=nine", [{"puzzles": [NINE]}], {"content-type": "application/json"}, 422, "stand in the body"),
        ("", [{"puzzles": []}], {"content-type": "application/json"}, 422, "puzzles"),
        ("", [{"puzzles": [NINE], "options": {"trace": True}}], {"content-type": "application/json"}, 422, "/options/trace"),
        ("", [{"puzzles": [NINE] * 60}], {"content-type": "application/json"}, 413, "one puzzle a line"),
        ("", [NINE] * 200, {}, 413, "10000 bytes"),
        ("", [FOUR], {"idempotency-key": "x" * 256}, 422, "idempotency-key"),
    ],
    ids=range(22),
)
async def test_what_is_no_job_is_refused_and_leaves_nothing(client, services, pool, query, lines, headers, status, words) -> None:
    response = await post(client, *lines, query=query, **headers)
    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")
    assert words in response.json()["detail"]
    assert (services.jobs.store.records, pool.calls) == ({}, [])


async def test_the_same_key_finds_the_same_job(idle, counted) -> None:
    first, again = [(await post(idle, FOUR, **{"idempotency-key": "mine"})) for _ in range(2)]
    assert (first.status_code, first.json()) == (again.status_code, again.json())
    assert counted("trm_jobs_created_total") == 1
    for response in (await post(idle, NINE, **{"idempotency-key": "mine"}), await post(idle, FOUR, query="?max_steps=2", **{"idempotency-key": "mine"})):
        assert (response.status_code, response.json()["type"]) == (422, "/problems/idempotency-key-reused")
    assert (await post(idle, FOUR)).json()["id"] != first.json()["id"]


async def test_a_submission_that_was_not_answered_is_found_by_its_key_and_without_one_forgotten(idle, services, monkeypatch) -> None:
    store = services.jobs.store
    submit = store.submit

    async def unanswered(*arguments):
        await submit(*arguments)
        raise JobsUnavailable("no answer in time", retry_after=5)

    with monkeypatch.context() as patch:
        patch.setattr(store, "submit", unanswered)
        assert [(await post(idle, FOUR, **headers)).status_code for headers in ({"idempotency-key": "mine"}, {})] == [503, 503]
    (job,) = store.records
    assert (await post(idle, FOUR, **{"idempotency-key": "mine"})).json()["id"] == job


async def test_a_client_beyond_its_quota_is_told_when_to_come_back(idle) -> None:
    for _ in range(3):
        assert (await post(idle, FOUR)).status_code == 202
    response = await post(idle, FOUR)
    assert (response.status_code, response.json()["type"], int(response.headers["retry-after"]) > 0) == (429, "/problems/quota-exceeded", True)


async def test_jobs_are_their_clients_own(idle, services) -> None:
    job = (await post(idle, FOUR)).json()["id"]
    async with client_of(services, {"client": "bob", "job_quota": 1}) as bob:
        for response in (await bob.get(f"/v1/jobs/{job}"), await bob.get(f"/v1/jobs/{job}/results"), await bob.delete(f"/v1/jobs/{job}")):
            assert (response.status_code, response.json()["type"]) == (404, "/problems/unknown-job")
        assert [(await post(bob, FOUR)).status_code for _ in range(2)] == [202, 429]
    assert (await idle.get(f"/v1/jobs/{job}")).json()["status"] == "queued"


async def test_a_cancelled_job_is_told_and_counted_once(idle, counted) -> None:
    job = (await post(idle, FOUR, FOUR)).json()
    for _ in range(2):
        response = await idle.delete(f"/v1/jobs/{job['id']}")
        assert (response.status_code, response.json()["status"], response.json()["counts"]["pending"]) == (200, "cancelled", 2)
    assert counted("trm_jobs_finished_total", status="cancelled") == 1


@pytest.mark.parametrize("job", ["0" * 32, "x", "%2e%2e", "a%00b"])
async def test_an_unknown_job_is_not_found(idle, job) -> None:
    for response in (await idle.get(f"/v1/jobs/{job}"), await idle.get(f"/v1/jobs/{job}/results"), await idle.delete(f"/v1/jobs/{job}")):
        assert (response.status_code, response.headers["content-type"]) == (404, "application/problem+json")


@pytest.mark.parametrize("after", ["-1", "x", "1e400", "9" * 30])
async def test_a_place_that_is_none_is_refused(idle, after) -> None:
    job = (await post(idle, FOUR)).json()
    response = await idle.get(f"/v1/jobs/{job['id']}/results?after={after}")
    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, "/after")


async def test_a_draining_server_takes_no_job_but_shows_them(idle, solver) -> None:
    job = (await post(idle, FOUR)).json()
    solver.draining = True
    response = await post(idle, FOUR, query="?on_error=continue")
    assert (response.status_code, response.headers["retry-after"]) == (503, "7")
    assert (await idle.get(f"/v1/jobs/{job['id']}")).status_code == 200


async def test_a_store_that_is_away_is_a_503_of_jobs_alone(idle, services, monkeypatch) -> None:
    async def away(*_):
        raise JobsUnavailable("the store is away", retry_after=5)

    for name in ("open", "get", "results", "cancel"):
        monkeypatch.setattr(services.jobs.store, name, away)
    name = "/v1/jobs/" + "0" * 32
    for response in (await post(idle, FOUR), await idle.get(name), await idle.get(f"{name}/results"), await idle.delete(name)):
        assert (response.status_code, response.headers["retry-after"], response.json()["type"]) == (503, "5", "/problems/jobs-unavailable")
    assert (await idle.post("/v1/solve", json={"puzzle": NINE})).status_code == 200
    assert [(await idle.get(path)).status_code for path in ("/readyz", "/healthz")] == [200, 200]
