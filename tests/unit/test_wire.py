"""Messages as bytes: what comes out is what went in, of the same types, whatever it holds."""

import pytest

from app.engine.request import Copy, Expired, Failed, Outcome, Request, StepTime, TraceStep
from app.pool.messages import Abort, Broken, Idle, Ready, Shown, Stepped, Stop, Submit
from app.pool.wire import HEAD, decode, encode
from tests.support.requests import ask, outcome

REQUEST = ask("7", cells=b"\x01" * 16, copies=(Copy(3, "turned"), Copy(4, "")), watched=True)
TRACED = outcome(REQUEST, b"\x02" * 16, verified=None, trace=(TraceStep(1, 2, b"\x02", 0.5),), timeline=(StepTime(1, 2, 3.5, 0.1, 4, 0.5),))
MESSAGES = [
    Submit("sudoku", REQUEST),
    Submit("arc", ask("8")),
    Abort("sudoku", "7"),
    Stop(),
    Ready("cpu"),
    Stepped("sudoku", ((3, 0.5), (0, 0.0)), (TRACED, Expired("8"), Failed("9", "raised", "raised OSError", "no")), ("7", "8")),
    Stepped("sudoku", (), (), ()),
    Shown((("7", TraceStep(1, 1, b"\x03", 0.25)),)),
    Idle(),
    Broken("no memory"),
    (1, ("looks like", "something else")),
]


def kinds(value: object) -> object:
    """The types in a value, which equality of tuples does not see."""
    return (type(value), [kinds(each) for each in value]) if isinstance(value, tuple) else type(value)


def test_what_is_sent_at_once_comes_as_it_was() -> None:
    data = encode(MESSAGES)
    came = decode(data[HEAD.size :])
    assert came == MESSAGES
    assert [kinds(each) for each in came] == [kinds(each) for each in MESSAGES]


def test_the_head_says_how_many_bytes_there_are() -> None:
    data = encode(MESSAGES)
    assert HEAD.unpack_from(data) == (len(data) - HEAD.size,)


@pytest.mark.parametrize("kind", [Request, Outcome])
def test_every_field_crosses(kind: type) -> None:
    """What is left out would come as its default: no field here has that."""
    message = Submit("sudoku", REQUEST._replace(trace=True, bulk=True, timed=True)) if kind is Request else Stepped("sudoku", (), (TRACED,), ())
    value = message.request if isinstance(message, Submit) else message.finished[0]
    assert all(value[kind._fields.index(name)] != default for name, default in kind._field_defaults.items())
    assert decode(encode([message])[HEAD.size :]) == [message]
