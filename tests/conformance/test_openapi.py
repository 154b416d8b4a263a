"""The OpenAPI document: whole, true, and for people too."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import jsonschema_rs
import pytest

from tests.e2e.batches import batch_of, events, lines
from tests.e2e.jobs import exact, submit
from tests.e2e.problems import post_raw
from tests.e2e.puzzles import IMPOSSIBLE, NEWSPAPER
from tests.e2e.serving import Server, body

PROBLEM, LINES, EVENTS = "application/problem+json", "application/x-ndjson", "text/event-stream"


@pytest.fixture(scope="module")
def document(server: Server) -> dict[str, Any]:
    return dict(server.client.get("/openapi.json").json())


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def conforms(document: dict[str, Any], operation: str, response: httpx.Response) -> None:
    """Assert that a response is one that the document promises: status, media type and body."""
    method, path = operation.split()
    promised = document["paths"][path][method.lower()]["responses"]
    assert str(response.status_code) in promised, f"{operation} does not document {response.status_code}"
    content = promised[str(response.status_code)]["content"]
    kind = response.headers["content-type"].partition(";")[0]
    assert kind in content, f"{operation} documents {list(content)} for {response.status_code}, not {kind}"
    schema = {**content[kind]["schema"], "components": document["components"]}
    jsonschema_rs.validator_for(schema).validate(response.json())


def test_it_is_open_api_3_with_the_versions_of_the_service(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.")
    assert document["info"]["title"] == "TRM Serve"
    assert document["info"]["version"]


PATHS = ["/v1/solve", "/v1/solve/batch", "/v1/solve/stream", "/v1/models", "/v1/models/{name}", "/healthz", "/readyz", "/metrics"]
JOBS = ["/v1/jobs", "/v1/jobs/{job}", "/v1/jobs/{job}/results"]


@pytest.mark.parametrize("path", PATHS + JOBS)
def test_it_knows_every_address(document: dict[str, Any], path: str) -> None:
    assert path in document["paths"]


def test_every_operation_has_a_name_of_its_own_and_says_what_it_does(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, operation in operations(document)]
    assert len(names) == len(set(names))
    for name, operation in operations(document):
        assert len(operation["description"].split()) >= 4, name


def test_what_is_promised_for_refusals_is_a_problem_and_nothing_else(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        for status, response in operation["responses"].items():
            if status.startswith("4") or status == "504":
                assert list(response["content"]) == [PROBLEM], f"{name} {status}"


def test_the_frameworks_own_error_bodies_are_not_promised(document: dict[str, Any]) -> None:
    assert "HTTPValidationError" not in json.dumps(document)


def test_metrics_are_promised_as_text(document: dict[str, Any]) -> None:
    assert list(document["paths"]["/metrics"]["get"]["responses"]["200"]["content"]) == ["text/plain"]


@pytest.mark.parametrize(
    ("status", "content"),
    [
        (200, json.dumps(body(NEWSPAPER))),
        (200, json.dumps(body(NEWSPAPER, trace=True))),
        (200, json.dumps(body(IMPOSSIBLE, halt="never", max_steps=256, timeout_ms=200))),
        (400, "{"),
        (404, json.dumps(body(NEWSPAPER, "nobody"))),
        (413, json.dumps(body("." * 2_000_000))),
        (422, json.dumps(body("." * 80))),
        (422, json.dumps(body(NEWSPAPER, steps=1))),
        (422, "[]"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_answers_and_refusals_of_a_solve_are_as_promised(server: Server, document: dict[str, Any], status: int, content: str) -> None:
    response = post_raw(server, content.encode())
    assert response.status_code == status
    conforms(document, "POST /v1/solve", response)


@pytest.mark.parametrize(
    ("status", "content"),
    [
        (200, json.dumps(batch_of([NEWSPAPER, "1..............."]))),
        (200, json.dumps(batch_of([IMPOSSIBLE, NEWSPAPER], halt="never", max_steps=256, timeout_ms=1))),
        (400, "{"),
        (404, json.dumps({**batch_of([NEWSPAPER]), "model": "nobody"})),
        (413, " " * (17 << 20)),
        (422, json.dumps(batch_of([NEWSPAPER] * 1001))),
    ],
    ids=lambda value: str(value)[:40],
)
def test_so_are_those_of_a_batch(server: Server, document: dict[str, Any], status: int, content: str) -> None:
    response = post_raw(server, content.encode(), "/v1/solve/batch")
    assert response.status_code == status
    conforms(document, "POST /v1/solve/batch", response)


def test_lines_and_events_are_promised_by_their_media_types_with_an_example(server: Server, document: dict[str, Any]) -> None:
    for path, kind in (("/v1/solve/batch", LINES), ("/v1/solve/stream", EVENTS)):
        content = document["paths"][path]["post"]["responses"]["200"]["content"]
        assert content[kind]["example"]
        response = server.client.post(path, json=batch_of([NEWSPAPER]) if "batch" in path else body(NEWSPAPER), headers={"accept": kind})
        assert response.headers["content-type"].partition(";")[0] == kind


def test_the_data_of_every_event_and_line_is_as_promised(server: Server, document: dict[str, Any]) -> None:
    def item_of(path: str, kind: str) -> dict[str, Any]:
        return {**document["paths"][path]["post"]["responses"]["200"]["content"][kind]["itemSchema"], "components": document["components"]}

    schemas = {each["properties"]["event"]["const"]: each["properties"]["data"]["contentSchema"] for each in item_of("/v1/solve/stream", EVENTS)["oneOf"]}
    assert set(schemas) == {"step", "result", "error"}
    with events(server, body(NEWSPAPER, halt="never", max_steps=3)) as told:
        for name, data in told:
            jsonschema_rs.validator_for({**schemas[name], "components": document["components"]}).validate(data)
    line = jsonschema_rs.validator_for(item_of("/v1/solve/batch", LINES))
    with lines(server, [NEWSPAPER, IMPOSSIBLE], timeout_ms=500) as found:
        for each in found:
            line.validate(each)
    assert not line.is_valid({key: value for key, value in each.items() if key != "index"})


@pytest.mark.parametrize(
    ("status", "content", "kind"),
    [
        (202, json.dumps({"type": "sudoku", "grid": NEWSPAPER}), LINES),
        (202, json.dumps({"puzzles": [{"type": "sudoku", "grid": NEWSPAPER}]}), "application/json"),
        (422, "nonsense", LINES),
        (400, "nonsense", "application/json"),
        (422, "{}", "application/json"),
        (413, " " * (17 << 20), "application/json"),
        (415, "nonsense", "text/plain"),
    ],
    ids=range(7),
)
def test_so_are_those_of_a_job(server: Server, document: dict[str, Any], status: int, content: str, kind: str) -> None:
    response = server.client.post("/v1/jobs", content=content, headers={"content-type": kind})
    assert response.status_code == status
    conforms(document, "POST /v1/jobs", response)


def test_so_is_what_is_read_of_a_job(server: Server, document: dict[str, Any]) -> None:
    job = submit(server, 20)
    for each in exact(server, job):
        kind = document["paths"]["/v1/jobs/{job}/results"]["get"]["responses"]["200"]["content"][LINES]["itemSchema"]
        jsonschema_rs.validator_for({**kind, "components": document["components"]}).validate(each)
    for name in (job["id"], "0" * 32):
        conforms(document, "GET /v1/jobs/{job}", server.client.get(f"/v1/jobs/{name}"))
        conforms(document, "DELETE /v1/jobs/{job}", server.client.delete(f"/v1/jobs/{name}"))
    for after in ("-1", "x"):
        conforms(document, "GET /v1/jobs/{job}/results", server.client.get(f"/v1/jobs/{job['id']}/results?after={after}"))


def test_so_is_a_wrong_media_type(server: Server, document: dict[str, Any]) -> None:
    conforms(document, "POST /v1/solve", server.client.post("/v1/solve", content=b"hello"))


@pytest.mark.parametrize(
    ("operation", "path"),
    [
        ("GET /v1/models", "/v1/models"),
        ("GET /v1/models/{name}", "/v1/models/sudoku"),
        ("GET /v1/models/{name}", "/v1/models/nobody"),
        ("GET /healthz", "/healthz"),
        ("GET /readyz", "/readyz"),
    ],
)
def test_so_is_what_is_read(server: Server, document: dict[str, Any], operation: str, path: str) -> None:
    conforms(document, operation, server.client.get(path))


def test_its_examples_are_solved(server: Server, document: dict[str, Any]) -> None:
    examples = document["components"]["schemas"]["PuzzleIn"]["examples"]
    assert {puzzle["type"] for puzzle in examples} == {"sudoku", "maze"}
    for puzzle in examples:
        response = server.client.post("/v1/solve", json={"puzzle": puzzle})
        conforms(document, "POST /v1/solve", response)
        assert response.json()["verified"] is True


def test_the_page_for_people_is_there(server: Server) -> None:
    page = server.client.get("/docs")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "/openapi.json" in page.text
