"""Every error as a problem body, through a real application without workers."""

import json

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient

from app.api import errors
from app.api.errors import from_error, problem
from app.api.schemas import SolveIn
from app.errors import FieldError, InvalidPuzzle, QueueFull
from app.metrics import Metrics


def test_a_problem_has_the_fields_of_rfc_9457() -> None:
    response = problem(422, "invalid-puzzle", "The puzzle is not valid", "row 1 has 5 twice", [FieldError("/puzzle/grid", "row 1 has 5 twice")])
    assert (response.status_code, response.media_type) == (422, "application/problem+json")
    assert json.loads(response.body) == {
        "type": "/problems/invalid-puzzle",
        "title": "The puzzle is not valid",
        "status": 422,
        "detail": "row 1 has 5 twice",
        "errors": [{"pointer": "/puzzle/grid", "detail": "row 1 has 5 twice"}],
    }


def test_a_problem_without_fields_lists_none() -> None:
    assert "errors" not in json.loads(from_error(InvalidPuzzle("wrong")).body)


def test_whatever_a_client_sent_can_be_quoted_back() -> None:
    for text in ("\ud800", "\0", "٣", "\x1b[31m"):
        assert json.loads(from_error(InvalidPuzzle(text)).body)["detail"] == text


def test_a_full_queue_says_when_to_come_back() -> None:
    assert from_error(QueueFull("full", retry_after=4)).headers["retry-after"] == "4"
    assert "retry-after" not in from_error(InvalidPuzzle("wrong")).headers


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
async def client(metrics):
    app = FastAPI()
    errors.install(app, metrics)

    @app.post("/solve")
    async def solve(body: SolveIn) -> None:
        if body.model == "full":
            raise QueueFull("full", retry_after=4)

    async with AsyncClient(transport=ASGITransport(app), base_url="http://test") as client:
        yield client


def body(**fields: object) -> str:
    return json.dumps({"puzzle": {"type": "sudoku", "grid": "." * 81}, **fields})


@pytest.mark.parametrize(
    ("content", "media_type", "status", "kind", "says"),
    [
        ("{", "application/json", 400, "not-json", "the body is not JSON: "),
        ("", "application/json", 400, "not-json", "the body is empty"),
        ("[]", "application/json", 422, "invalid-request", "the body: "),
        (body(), "text/plain", 415, "unsupported-media-type", "send the body as content-type: application/json, not text/plain"),
        (body(colour=1), "application/json", 422, "invalid-request", "/colour: there is no such field"),
        (body(options={"attempts": 0}), "application/json; charset=utf-8", 422, "invalid-request", "/options/attempts: it should be greater than"),
        (body(model="full"), "application/json", 503, "queue-full", "full"),
    ],
)
async def test_each_refusal_is_a_problem_that_says_what_to_mend(client, content, media_type, status, kind, says) -> None:
    response = await client.post("/solve", content=content, headers={"content-type": media_type})
    found = response.json()
    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")
    assert (found["status"], found["type"]) == (status, f"/problems/{kind}")
    assert found["detail"].startswith(says)
    assert "secret" not in response.text


async def test_all_wrong_fields_are_listed_in_order(client) -> None:
    response = await client.post("/solve", content=body(model=7, options={"attempts": 0, "trace": "yes"}), headers={"content-type": "application/json"})
    assert [each["pointer"] for each in response.json()["errors"]] == ["/model", "/options/attempts", "/options/trace"]


@pytest.mark.parametrize(("method", "path", "status", "kind"), [("GET", "/nowhere", 404, "not-found"), ("GET", "/solve", 405, "method-not-allowed")])
async def test_what_the_framework_refuses_is_a_problem_too(client, method, path, status, kind) -> None:
    response = await client.request(method, path)
    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")
    assert response.json()["type"] == f"/problems/{kind}"
    assert status != 405 or response.headers["allow"] == "POST"


async def test_refusals_are_counted_by_type(client, metrics) -> None:
    for content in (body(model="full"), body(model="full"), body(colour=1), "{"):
        await client.post("/solve", content=content, headers={"content-type": "application/json"})
    for kind, count in {"queue-full": 2, "invalid-request": 1, "not-json": 1}.items():
        assert metrics.registry.get_sample_value("trm_requests_rejected_total", {"reason": kind}) == count
