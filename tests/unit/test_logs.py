"""Lines of the log: JSON objects with all that was said, whatever it is."""

import json
import logging
import math
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from app.logs import JsonLines, Record, request_id


@pytest.fixture(autouse=True, params=[logging.LogRecord, Record])
def records(request: pytest.FixtureRequest) -> Iterator[None]:
    """The library's, and our own, which the server has."""
    logging.setLogRecordFactory(request.param)
    yield
    logging.setLogRecordFactory(logging.LogRecord)


def line(message: str = "told", *arguments: object, **about: object) -> dict[str, object]:
    record = logging.getLogger("trm.some").makeRecord("trm.some", logging.WARNING, "", 0, message, arguments, about.pop("exc_info", None), extra=about)
    return dict(json.loads(JsonLines().format(record)))


def test_a_line_says_how_grave_it_is_who_says_it_what_and_when() -> None:
    told = line("%d of %s", 3, "them")
    time = datetime.fromisoformat(str(told.pop("time")))
    assert told == {"level": "WARNING", "name": "trm.some", "message": "3 of them"}
    assert abs((datetime.now(UTC) - time).total_seconds()) < 10


@pytest.mark.parametrize(("arguments", "message"), [((1,), "1"), (({"n": 1},), "{'n': 1}"), ((), "%s")])
def test_arguments_are_written_into_the_message(arguments: tuple[object, ...], message: str) -> None:
    assert line("%s", *arguments)["message"] == message


def test_a_message_may_name_its_arguments() -> None:
    assert line("%(n)d of %(kind)s", {"n": 3, "kind": "them"})["message"] == "3 of them"


def test_what_is_extra_is_on_it_and_nothing_of_the_machinery() -> None:
    told = line(model="sudoku", ms=0.25, models=["a", "b"], client=None, color_message="\x1b[1mtold")
    assert {key: told[key] for key in told if key != "time"} == {
        "level": "WARNING", "name": "trm.some", "message": "told", "model": "sudoku", "ms": 0.25, "models": ["a", "b"], "client": None
    }  # fmt: skip


def test_the_request_that_it_belongs_to_is_on_it() -> None:
    token = request_id.set("mine")
    assert line()["request_id"] == "mine"
    request_id.reset(token)
    assert "request_id" not in line()


def test_a_traceback_is_one_field() -> None:
    try:
        raise ValueError("no such thing")
    except ValueError as error:
        told = line(exc_info=(type(error), error, error.__traceback__))
    assert str(told["exc_info"]).startswith("Traceback")
    assert str(told["exc_info"]).endswith("ValueError: no such thing")


@pytest.mark.parametrize("value", ["\ud800 half", "two\nlines", "ü", OSError("gone"), math.inf, {1, 2}, b"\xff"])
def test_whatever_is_said_it_is_one_line_of_json(value: object) -> None:
    record = logging.makeLogRecord({"msg": "odd", "value": value})
    text = JsonLines().format(record)
    assert "\n" not in text
    assert json.loads(text, parse_constant=pytest.fail)["message"] == "odd"
