"""Messages as bytes and back. Those of which there is one a puzzle are written as plain tuples: as named ones pickle takes five times as long for them.

Only our own processes write here, so what is unpickled is ours.
"""

import pickle
import struct
from collections.abc import Sequence
from typing import Any

from app.engine.request import Expired, Failed, Finished, Outcome, Request
from app.pool.messages import Stepped, Submit

HEAD = struct.Struct("!I")
"""In front of messages that are sent at once: how many bytes they have."""
AS_IT_IS, SUBMIT, STEPPED = range(3)
ENDS: tuple[type[Outcome] | type[Expired] | type[Failed], ...] = Outcome, Expired, Failed


def encode(messages: Sequence[object]) -> bytes:
    """Messages that are sent at once, with their head."""
    data = pickle.dumps([_plain(message) for message in messages], pickle.HIGHEST_PROTOCOL)
    return HEAD.pack(len(data)) + data


def decode(data: bytes | bytearray) -> list[object]:
    """The messages that are behind a head."""
    return [_named(kind, given) for kind, given in pickle.loads(data)]  # noqa: S301  # nobody but our own processes has an end


def _plain(message: object) -> tuple[int, object]:
    if isinstance(message, Submit):
        return SUBMIT, (message.model, tuple(message.request))
    if isinstance(message, Stepped):
        return STEPPED, (message.model, message.steps, [(ENDS.index(type(each)), tuple(each)) for each in message.finished], message.started)
    return AS_IT_IS, message


def _named(kind: int, given: Any) -> object:
    if kind == SUBMIT:
        return Submit(given[0], Request._make(given[1]))
    if kind == STEPPED:
        model, steps, finished, started = given
        return Stepped(model, steps, tuple([_end(*each) for each in finished]), started)
    return given


def _end(kind: int, fields: Sequence[Any]) -> Finished:
    return ENDS[kind]._make(fields)
