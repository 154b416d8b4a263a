"""A single puzzle may come the short way, past the framework, or the usual one: the client cannot tell which."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.e2e.puzzles import NEWSPAPER
from tests.e2e.serving import Server, body

OURS = {"x-request-id": "the-same", "x-api-key": "whatever"}
WAYS = ("application/json", "application/json; charset=utf-8")
CASES: dict[str, dict[str, Any]] = {
    "solved": body(NEWSPAPER, cache="bypass"),
    "traced": body(NEWSPAPER, cache="bypass", trace=True),
    "in rows": body([[int(digit) for digit in NEWSPAPER[start : start + 9].replace(".", "0")] for start in range(0, 81, 9)], cache="bypass"),
    "contradictory": body("11" + "." * 79),
    "of a wrong shape": body("1" * 80),
    "for a model that is not there": body(NEWSPAPER, model="nobody"),
    "with too many attempts": body(NEWSPAPER, attempts=100_000),
}


def without(given: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """What is given but for what differs from one time to the next."""
    return {name: value for name, value in given.items() if name not in names}


@pytest.mark.parametrize("case", CASES)
def test_both_answer_alike_and_are_counted_alike(server: Server, case: str) -> None:
    answers = []
    server.client.get("/healthz")  # so that something has been counted
    for way in WAYS:
        before = server.metric("trm_http_requests_total", route="/v1/solve", method="POST")
        answers.append(server.client.post("/v1/solve", content=json.dumps(CASES[case]).encode(), headers={"content-type": way, **OURS}))
        assert server.metric("trm_http_requests_total", route="/v1/solve", method="POST") == before + 1
    short, usual = answers
    assert short.status_code == usual.status_code
    assert without(short.headers, "date", "content-length") == without(usual.headers, "date", "content-length")
    assert without(short.json(), "timing") == without(usual.json(), "timing")
    assert list(short.json()) == list(usual.json())
