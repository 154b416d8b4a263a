"""The short way of single puzzles: from the connection to the solver and back. Knows one address and HTTP's bytes; no puzzles, no connections.

What is not plain or not sound goes the usual way, for the framework to tell what is wrong with it. That way, with a server's and a framework's requests,
responses and layers, takes a third more of the process' time for a puzzle, and is what browsers, proxies that close each connection and bodies in chunks get.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import lru_cache
from http import HTTPStatus

from fastapi import Response
from pydantic import ValidationError

from app.access.door import Door
from app.api.errors import BUG, counted
from app.api.guard import presented
from app.api.schemas import SolveIn
from app.api.visits import CLIENT_GONE, SECURITY, Visit, Visits
from app.errors import TRMError

log = logging.getLogger(__name__)
PATH = "/v1/solve"
TARGET, METHOD = PATH.encode(), "POST"
Headers = Sequence[tuple[bytes, bytes]]
JSON: Headers = ((b"content-type", b"application/json"),)
Reply = Callable[[bytes, bytes], None]
"""Takes the head of a response, without its last line, and its body."""
Answer = Callable[[SolveIn, str, float], Awaitable[bytes]]
"""Takes a sound body, the request's id and the `perf_counter` value of its arrival; gives the answer as JSON. Raises `TRMError`."""


class Express:
    """Where single puzzles are answered; `door` asks for keys, where there are some."""

    def __init__(self, answer: Answer, visits: Visits, max_body_bytes: int, door: Door | None = None) -> None:
        self.answer, self.visits, self.max_body_bytes, self.door = answer, visits, max_body_bytes, door

    def takes(self, method: bytes, target: bytes, headers: Headers) -> bool:
        """Whether a request may come this way, as far as its head tells: JSON of a size that is said, from no page, and from a client that is known."""
        if target != TARGET or method != b"POST":
            return False
        plain = sized = False
        for name, value in headers:
            if name == b"content-type":
                plain = value == b"application/json"
            elif name == b"content-length":
                sized = value.isdigit() and int(value) <= self.max_body_bytes
            elif name in (b"origin", b"transfer-encoding", b"content-encoding"):
                return False
        return plain and sized and (self.door is None or self.door.keys.find(presented(headers)) is not None)

    @staticmethod
    def sound(body: bytes) -> SolveIn | None:
        """What a body asks for; None of one that is not sound."""
        try:
            return SolveIn.model_validate_json(body)
        except ValidationError:
            return None

    async def serve(self, given: SolveIn, asked: Headers, ours: Headers, started: float, reply: Reply) -> None:
        """Answer a request with the headers `asked`; `ours` are those that the server puts on all responses. Cancelled when the client has left."""
        visit, status, client, said = Visit(self.visits, asked, dict(asked), PATH, started), CLIENT_GONE, None, JSON
        try:
            if self.door is not None:
                client = (await self.door.enter(presented(asked))).name
            body, status = await self.answer(given, visit.identity, started), 200
        except TRMError as error:
            status, body, said = _told(counted(error, self.visits.metrics))
        except Exception:
            log.exception("a bug")
            status, body, said = _told(BUG)
        finally:
            if status != CLIENT_GONE:
                reply(head(status, (*ours, *said, *SECURITY), (*visit.headers, (b"content-length", b"%d" % len(body)))), body)
            visit.end(METHOD, PATH, status, client)

    def left(self, asked: Headers, started: float) -> None:
        """A client has left in the middle of its request."""
        Visit(self.visits, asked, dict(asked), PATH, started).end(METHOD, PATH, CLIENT_GONE)


def _told(response: Response) -> tuple[int, bytes, Headers]:
    """Status, body and headers of a problem, all but the length."""
    return response.status_code, bytes(response.body), [each for each in response.raw_headers if each[0] != b"content-length"]


def head(status: int, usual: Headers, own: Headers = ()) -> bytes:
    """The head of a response, without its last line: `usual` headers, which many responses have, and its own. What is in them is ours, or of few characters."""
    return _begun(status, tuple(usual)) + _lines(own)


@lru_cache(64)
def _begun(status: int, headers: Headers) -> bytes:
    return b"HTTP/1.1 %d %b\r\n%b" % (status, HTTPStatus(status).phrase.encode(), _lines(headers))


def _lines(headers: Headers) -> bytes:
    return b"".join([b"%b: %b\r\n" % each for each in headers])
