"""Where in the body a client must look: pydantic's location as an RFC 6901 pointer."""

import pytest
from pydantic import ValidationError

from app.api.errors import pointer
from app.api.schemas import SolveIn

PUZZLE = {"type": "sudoku", "grid": "." * 81}


def pointers(body: object) -> set[str]:
    """Where the errors of a body are, as the framework locates them."""
    with pytest.raises(ValidationError) as caught:
        SolveIn.model_validate(body)
    return {pointer(("body", *error["loc"])) for error in caught.value.errors()}


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        (("body",), ""),
        (("body", "puzzle"), "/puzzle"),
        (("body", "options", "max_steps"), "/options/max_steps"),
        (("body", "puzzle", "grid", 3, 0), "/puzzle/grid/3/0"),
        (("body", "a/b~c"), "/a~1b~0c"),
    ],
)
def test_a_location_becomes_a_pointer_into_the_body(location, expected) -> None:
    assert pointer(location) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, {"/puzzle"}),
        ([], {""}),
        ({"puzzle": {"type": "sudoku"}}, {"/puzzle/grid"}),
        ({"puzzle": {"type": "chess", "grid": ""}}, {"/puzzle/type"}),
        ({"puzzle": PUZZLE, "options": {"max_steps": 0, "trace": 1}}, {"/options/max_steps", "/options/trace"}),
        ({"puzzle": PUZZLE, "colour": 1}, {"/colour"}),
        ({"puzzle": {**PUZZLE, "colour": 1}}, {"/puzzle/colour"}),
    ],
)
def test_every_wrong_field_of_a_body_is_pointed_to(body, expected) -> None:
    assert pointers(body) == expected


@pytest.mark.parametrize("name", ["strategy", "str", "strict", "constrained_time", "list[int]", "body"])
def test_a_field_of_the_clients_own_naming_is_pointed_to(name) -> None:
    assert pointers({"puzzle": PUZZLE, "options": {name: 1}}) == {f"/options/{name}"}
