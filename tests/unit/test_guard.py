"""The guard in front of the API: who has no key, a wrong one or no rate left is told so, before anything is read."""

import logging
from dataclasses import replace

import pytest
from fastapi.routing import iter_route_contexts

from app.access.door import Door
from app.access.keys import Key, Keys, digest
from app.access.limits import LocalLimits
from app.api.deps import Services
from app.api.guard import Guard, guarded, presented
from app.main import create_app
from app.settings import Settings
from tests.support.clients import client_of
from tests.support.grids import ANSWERS, QUESTIONS

FREE, SLOW = "trm_free", "trm_slow"
PUZZLE = {"type": "sudoku", "grid": QUESTIONS[4]}
BODY = {"puzzle": PUZZLE}
FOR_PEOPLE = {"/docs", "/openapi.json"}
FOR_OPERATORS = {"/healthz", "/readyz", "/metrics"}


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def guarding(services, clock) -> Services:
    keys = Keys((Key("free", digest(FREE.encode())), Key("slow", digest(SLOW.encode()), rate=1.0, burst=3, jobs=2)))
    return replace(services, door=Door(keys, LocalLimits(clock), services.metrics))


@pytest.fixture
async def client(guarding):
    async with client_of(guarding) as client:
        yield client


@pytest.mark.parametrize("headers", [{"authorization": f"Bearer {FREE}"}, {"authorization": f"bearer  {FREE} "}, {"x-api-key": FREE}])
async def test_with_a_key_a_puzzle_is_solved(client, headers) -> None:
    response = await client.post("/v1/solve", json=BODY, headers=headers)
    assert (response.status_code, response.json()["solution"]) == (200, ANSWERS[4])


@pytest.mark.parametrize("headers", [{}, {"authorization": "Basic dHJtX2ZyZWU="}, {"authorization": "Bearer "}, {"authorization": FREE}, {"x-api-key": ""}])
async def test_without_a_key_it_is_asked_for(client, headers) -> None:
    response = await client.post("/v1/solve", json=BODY, headers=headers)
    assert (response.status_code, response.headers["content-type"]) == (401, "application/problem+json")
    assert response.headers["www-authenticate"] == 'Bearer realm="trm"'
    assert response.json()["type"] == "/problems/unauthorized"


@pytest.mark.parametrize("key", [FREE[:-1], FREE + "x", FREE.upper(), digest(FREE.encode()).hex(), "free", "é".encode(), b"\xff" * 5000])
async def test_a_wrong_key_is_forbidden_and_not_told_again(client, key) -> None:
    for headers in ({"authorization": b"Bearer " + (key if isinstance(key, bytes) else key.encode())}, {"x-api-key": key}):
        response = await client.post("/v1/solve", json=BODY, headers=headers)
        assert (response.status_code, response.json()["type"]) == (403, "/problems/forbidden")
        assert "free" not in response.text


async def test_the_key_of_a_header_of_its_own_goes_first() -> None:
    assert presented([(b"authorization", b"Bearer other"), (b"x-api-key", b"mine")]) == b"mine"


async def test_over_its_rate_a_client_is_told_when_to_come_back_and_others_go_on(client, clock) -> None:
    async def status(key: str) -> int:
        return (await client.get("/v1/models", headers={"x-api-key": key})).status_code

    assert [await status(SLOW) for _ in range(5)] == [200, 200, 200, 429, 429]
    refused = await client.get("/v1/models", headers={"x-api-key": SLOW})
    assert (refused.json()["type"], refused.headers["retry-after"]) == ("/problems/rate-limited", "1")
    assert [await status(FREE) for _ in range(5)] == [200] * 5
    clock.now += 1.0
    assert [await status(SLOW) for _ in range(2)] == [200, 429]


async def test_a_batch_costs_as_much_as_its_puzzles(client, clock) -> None:
    headers = {"x-api-key": SLOW}
    assert (await client.post("/v1/solve/batch", json={"puzzles": [PUZZLE] * 13}, headers=headers)).status_code == 200
    refused = await client.post("/v1/solve", json=BODY, headers=headers)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "11")
    clock.now += 11.0
    assert (await client.post("/v1/solve", json=BODY, headers=headers)).status_code == 200


@pytest.mark.parametrize(("capacity", "after"), [(1, [200, 200, 429]), (8, [429, 429, 429])])
async def test_a_batch_that_is_refused_costs_what_was_begun_of_it(client, pool, monkeypatch, capacity, after) -> None:
    status = replace(pool.status(), capacity=capacity)  # half of which is begun
    monkeypatch.setattr(pool, "status", lambda: status)
    headers = {"x-api-key": SLOW}
    assert (await client.post("/v1/solve/batch", json={"puzzles": [PUZZLE] * 12 + [{**PUZZLE, "grid": "11.."}]}, headers=headers)).status_code == 422
    assert [(await client.get("/v1/models", headers=headers)).status_code for _ in range(3)] == after


async def test_no_byte_of_a_body_is_read_without_a_key(guarding) -> None:
    sent, scope = [], {"type": "http", "method": "POST", "path": "/v1/solve", "headers": [], "query_string": b"", "state": {}}

    async def receive():
        raise AssertionError("the body was asked for")

    async def send(message):
        sent.append(message)

    await create_app(Settings(), guarding)(scope, receive, send)
    assert sent[0]["status"] == 401


async def test_routes_are_told_who_asks(guarding) -> None:
    seen = {}

    async def app(scope, receive, send):
        seen.update(scope["state"])

    await Guard(app, guarding.door, guarding.metrics)({"type": "http", "path": "/v1/jobs", "headers": [(b"x-api-key", SLOW.encode())]}, None, None)
    assert (seen["client"], seen["job_quota"]) == ("slow", 2)


async def test_clients_are_counted_by_name_and_strangers_by_none(client, counted) -> None:
    for key in (FREE, SLOW, SLOW, SLOW, SLOW, "trm_wrong", ""):
        await client.get("/v1/models", headers={"x-api-key": key})
    assert counted("trm_client_requests_total", client="free", outcome="allowed") == 1
    assert counted("trm_client_requests_total", client="slow", outcome="limited") == 1
    assert [counted("trm_requests_rejected_total", reason=reason) for reason in ("unauthorized", "forbidden", "rate-limited")] == [1, 1, 1]


async def test_what_operators_and_people_ask_is_open(client) -> None:
    for path in FOR_OPERATORS | FOR_PEOPLE:
        assert (await client.get(path)).status_code == 200, path


def test_what_is_not_guarded_can_only_be_read(guarding) -> None:
    routes = list(iter_route_contexts(create_app(Settings(), guarding).routes))
    assert {route.path for route in routes} > FOR_OPERATORS | FOR_PEOPLE
    for route in routes:
        assert guarded(route.path) or set(route.methods or ()) <= {"GET", "HEAD"}, route.path


@pytest.mark.parametrize("path", ["/v1/nowhere", "/v2", "/v2/models/x/infer", "/v1"])
async def test_without_a_key_nobody_learns_what_is_there(client, path) -> None:
    response = await client.get(path)
    assert response.status_code == 401
    assert list(response.json()) == (["error"] if path.startswith("/v2") else ["type", "title", "status", "detail"])


async def test_the_other_protocol_is_charged_for_every_puzzle_too(client) -> None:
    grid = [[int(digit) for digit in QUESTIONS[4].replace(".", "0")]] * 3
    document = {"inputs": [{"name": "grid", "datatype": "INT32", "shape": [3, 4, 4], "data": grid}]}
    first, second = [await client.post("/v2/models/four/infer", json=document, headers={"x-api-key": SLOW}) for _ in range(2)]
    assert (first.status_code, second.status_code, list(second.json())) == (200, 429, ["error"])
    assert int(second.headers["retry-after"]) >= 1


@pytest.mark.parametrize("path", ["/v2/health/live", "/v2/health/ready"])
def test_health_of_the_other_protocol_is_open(path) -> None:
    assert not guarded(path)


async def test_the_document_says_that_a_key_is_needed_and_how_the_api_refuses(client) -> None:
    document = (await client.get("/openapi.json")).json()
    assert set(document["components"]["securitySchemes"]) == {"bearer", "header"}
    for path, methods in document["paths"].items():
        for operation in methods.values():
            assert (operation.get("security") == [{"bearer": []}, {"header": []}]) is guarded(path)
            assert ({"401", "403", "429"} <= operation["responses"].keys()) is guarded(path)


async def test_without_keys_it_says_that_a_server_may_ask_for_one(services) -> None:
    async with client_of(services) as client:
        document = (await client.get("/openapi.json")).json()
        assert document["paths"]["/v1/solve"]["post"]["security"][0] == {}
        assert (await client.post("/v1/solve", json=BODY)).status_code == 200


@pytest.mark.parametrize(("host", "level"), [("127.0.0.1", logging.INFO), ("::1", logging.INFO), ("0.0.0.0", logging.WARNING), ("::", logging.WARNING)])
def test_to_let_everybody_in_is_a_warning_where_everybody_may_come(services, guarding, caplog, host, level) -> None:
    caplog.set_level(logging.INFO)
    create_app(Settings(host=host), services)
    assert [(record.levelno, record.message[:11]) for record in caplog.records] == [(level, "no API keys")]
    caplog.clear()
    create_app(Settings(host=host), guarding)
    assert [record.clients for record in caplog.records] == [["free", "slow"]]


async def test_pages_of_other_origins_may_ask_only_where_that_is_set(guarding) -> None:
    asked = {"origin": "https://puzzles.example", "access-control-request-method": "POST", "access-control-request-headers": "x-api-key"}
    async with client_of(guarding) as client:
        response = await client.get("/healthz", headers=asked)
        assert not [name for name in response.headers if name.startswith("access-control")]
    async with client_of(guarding, cors_origins=("https://puzzles.example",)) as client:
        preflight = await client.options("/v1/solve", headers=asked)
        assert (preflight.status_code, preflight.headers["access-control-allow-origin"]) == (200, "https://puzzles.example")
        assert "x-api-key" in preflight.headers["access-control-allow-headers"]
        refused = await client.post("/v1/solve", json=BODY, headers=asked)
        assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, "https://puzzles.example")
        stranger = await client.get("/healthz", headers={"origin": "https://other.example"})
        assert "access-control-allow-origin" not in stranger.headers
