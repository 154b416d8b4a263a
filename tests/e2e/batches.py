"""Batches and streams as a client sends and reads them."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import httpx

from tests.e2e.serving import Json, Server

NDJSON = {"accept": "application/x-ndjson"}


def batch_of(puzzles: Iterable[object], **options: object) -> Json:
    """The body of a batch; a grid alone is a Sudoku's."""
    return {"puzzles": [each if isinstance(each, dict) else {"type": "sudoku", "grid": each} for each in puzzles], "options": options}


def post_batch(server: Server, puzzles: Iterable[object], **options: object) -> httpx.Response:
    return server.client.post("/v1/solve/batch", json=batch_of(puzzles, **options))


def results(server: Server, puzzles: Iterable[object], **options: object) -> list[Json]:
    """What came of a batch that must be answered, in order."""
    response = post_batch(server, puzzles, **options)
    assert response.status_code == 200, response.text[:500]
    return list(response.json()["results"])


@contextmanager
def lines(server: Server, puzzles: Iterable[object], **options: object) -> Iterator[Iterator[Json]]:
    """What came of a batch, line by line as they arrive; the client leaves at the end of the context."""
    with server.client.stream("POST", "/v1/solve/batch", json=batch_of(puzzles, **options), headers=NDJSON) as response:
        assert response.status_code == 200, response.read()
        assert response.headers["content-type"] == "application/x-ndjson"
        yield (json.loads(line) for line in response.iter_lines())


@contextmanager
def events(server: Server, body: Json) -> Iterator[Iterator[tuple[str, Json]]]:
    """The (name, data) of a stream's events as they arrive; the client leaves at the end of the context."""
    with server.client.stream("POST", "/v1/solve/stream", json=body) as response:
        assert response.status_code == 200, response.read()
        assert response.headers["content-type"].partition(";")[0] == "text/event-stream"
        yield _events(response.iter_lines())


def _events(text: Iterator[str]) -> Iterator[tuple[str, Json]]:
    name = ""
    for line in text:
        field, _, value = line.partition(": ")
        if field == "event":
            name = value
        elif field == "data":
            yield name, json.loads(value)
