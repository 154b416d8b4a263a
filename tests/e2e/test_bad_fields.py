"""Fields that are missing, misspelt or of the wrong type: 422 with a pointer to each. A misspelt option is never ignored."""

import json
from typing import Any

import pytest

from tests.e2e.problems import LONGEST, pointers, post_escaped, refused
from tests.e2e.puzzles import NEWSPAPER
from tests.e2e.serving import Server, body

GOOD = body(NEWSPAPER)
PUZZLE = GOOD["puzzle"]

BODIES: dict[str, tuple[object, str]] = {
    "a list": ([], ""),
    "null": (None, ""),
    "a string": ("puzzle", ""),
    "a number": (3, ""),
    "no puzzle": ({}, "/puzzle"),
    "the puzzle as text": ({"puzzle": NEWSPAPER}, "/puzzle"),
    "a list of puzzles": ({"puzzle": [PUZZLE]}, "/puzzle"),
    "no type": ({"puzzle": {"grid": NEWSPAPER}}, "/puzzle/type"),
    "no grid": ({"puzzle": {"type": "sudoku"}}, "/puzzle/grid"),
    "an unknown type": ({"puzzle": {**PUZZLE, "type": "chess"}}, "/puzzle/type"),
    "a type that is a surrogate": ({"puzzle": {**PUZZLE, "type": "\ud800"}}, "/puzzle/type"),
    "a type with a null byte": ({"puzzle": {**PUZZLE, "type": "sudoku\0"}}, "/puzzle/type"),
    "a numeric type": ({"puzzle": {**PUZZLE, "type": 3}}, "/puzzle/type"),
    "a misspelt grid": ({"puzzle": {**PUZZLE, "gird": "."}}, "/puzzle/gird"),
    "a misspelt model": ({**GOOD, "modle": "sudoku"}, "/modle"),
    "a numeric model": ({**GOOD, "model": 3}, "/model"),
    "options null": ({**GOOD, "options": None}, "/options"),
    "options a list": ({**GOOD, "options": []}, "/options"),
    "a field with a slash and a tilde": ({**GOOD, "a/b~c": 1}, "/a~1b~0c"),
    "an empty field": ({**GOOD, "": 1}, "/"),
    "a field called str": ({**GOOD, "str": 1}, "/str"),
    "a field called body": ({**GOOD, "body": 1}, "/body"),
    "a field with a null byte": ({**GOOD, "a\0b": 1}, "/a\0b"),
}

OPTIONS: dict[str, dict[str, Any]] = {
    "max_steps": {"zero": 0, "negative": -1, "above the model's limit": 10**6, "enormous": 10**400, "text": "3", "a float": 1.0, "true": True, "a list": [3]},
    "attempts": {"zero": 0, "above the model's limit": 10**6, "text": "3", "infinite": float("inf")},
    "halt": {"unknown": "sometimes", "a number": 3, "a surrogate": "\ud800", "true": True},
    "timeout_ms": {"zero": 0, "negative": -5, "beyond ten minutes": 600_001, "enormous": 10**400, "not a number": float("nan"), "null": None},
    "trace": {"one": 1, "text": "yes", "null": None},
    "cache": {"unknown": "maybe", "a surrogate": "\udfff", "null": None},
    "maxsteps": {"misspelt": 3},
    "strategy": {"unknown": "fast"},
    "constrained": {"unknown": 1},
    "list[int]": {"unknown": 1},
    "body": {"unknown": 1},
}
OPTION_CASES = [(name, case) for name, cases in OPTIONS.items() for case in cases]


@pytest.mark.parametrize("case", BODIES)
def test_a_body_of_the_wrong_shape_is_refused_with_a_pointer(server: Server, case: str) -> None:
    document, pointer = BODIES[case]
    assert pointers(refused(post_escaped(server, document), 422)) == [pointer]


@pytest.mark.parametrize(("name", "case"), OPTION_CASES, ids=[f"{name} {case}" for name, case in OPTION_CASES])
def test_a_bad_option_is_refused_and_named(server: Server, name: str, case: str) -> None:
    problem = refused(post_escaped(server, body(NEWSPAPER, **{name: OPTIONS[name][case]})), 422, name)
    assert pointers(problem) == [f"/options/{name}"]


def test_all_that_is_wrong_is_told_at_once(server: Server) -> None:
    problem = refused(server.solve(NEWSPAPER, max_steps=0, trace="no", steps=1), 422)
    assert set(pointers(problem)) == {"/options/max_steps", "/options/trace", "/options/steps"}


@pytest.mark.parametrize("where", ["", "puzzle", "options"])
def test_a_field_name_that_no_text_can_hold_is_refused(server: Server, where: str) -> None:
    document = json.loads(json.dumps(GOOD))
    (document[where] if where else document)["\ud800"] = 1
    refused(post_escaped(server, document), 422)


@pytest.mark.parametrize(("name", "value"), [("max_steps", "text"), ("halt", "never ever"), ("timeout_ms", -1)])
def test_the_sentence_says_what_is_allowed(server: Server, name: str, value: object) -> None:
    detail = refused(server.solve(NEWSPAPER, **{name: value}), 422)["detail"]
    assert any(word in detail for word in ("integer", "'verified'", "greater"))


FLOODS: dict[str, object] = {
    "a row of 200,000 wrong cells": body([[""] * 200_000]),
    "200,000 rows that are none": body([0] * 200_000),
    "60,000 unknown fields": {**GOOD, **{f"k{index}": 0 for index in range(60_000)}},
    "a field name of 900,000 letters": {**GOOD, "k" * 900_000: 0},
    "a model name of 900,000 letters": {**GOOD, "model": "m" * 900_000},
    "a type of 900,000 letters": {"puzzle": {**PUZZLE, "type": "t" * 900_000}},
}


@pytest.mark.parametrize("case", FLOODS)
def test_a_body_full_of_mistakes_gets_a_short_answer(server: Server, case: str) -> None:
    response = post_escaped(server, FLOODS[case])
    assert response.status_code in (404, 422)
    assert len(response.content) <= LONGEST
