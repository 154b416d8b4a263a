"""A closed-loop load client in its own process: each of its connections sends the next puzzle when the last one is answered.

Plain sockets and as little Python as possible, since it shares the machine with the server it measures.
"""

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, cast

import numpy as np


@dataclass(frozen=True, slots=True)
class Load:
    """What came of one load: rate, latency in milliseconds, and how many answers were verified."""

    clients: int
    puzzles_per_s: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    verified: float
    errors: int


def post(path: str, document: object) -> bytes:
    """The bytes of one request with a JSON body."""
    body = json.dumps(document).encode()
    return f"POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def request(grid: str, cache: str) -> bytes:
    """The bytes of one solve request."""
    return post("/v1/solve", {"puzzle": {"type": "sudoku", "grid": grid}, "options": {"cache": cache, "timeout_ms": 120_000}})


class Response(NamedTuple):
    """Status line and headers in lower case, and the body."""

    head: bytes
    body: bytes

    @property
    def good(self) -> bool:
        """Whether it is a 200."""
        return self.head.startswith(b"http/1.1 200")

    @property
    def closes(self) -> bool:
        """Whether the server closes the connection after it."""
        return b"connection: close" in self.head


Answered = Callable[[Response | None], None]
"""Takes the response to a request, None where there is none."""


class Wire(asyncio.Protocol):
    """One connection, over which one request after the other is sent."""

    def __init__(self) -> None:
        self.came = bytearray()
        self.answered: Answered | None = None
        self.transport = cast("asyncio.Transport", None)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop with a new connection."""
        self.transport = cast("asyncio.Transport", transport)

    def ask(self, sent: bytes, answered: Answered) -> None:
        """Send a request; `answered` is called once, with its response, or with None where the connection is closed before it has come."""
        if self.transport.is_closing():
            answered(None)
        else:
            self.answered = answered
            self.transport.write(sent)

    def _answer(self, response: Response | None) -> None:
        answered, self.answered = self.answered, None
        if answered is not None:
            answered(response)

    async def exchange(self, sent: bytes) -> Response:
        """Send one request and wait for its response. Raises `EOFError` when the connection breaks."""
        coming: asyncio.Future[Response | None] = asyncio.get_running_loop().create_future()
        self.ask(sent, lambda response: None if coming.done() else coming.set_result(response))
        response = await coming
        if response is None:
            raise EOFError
        return response

    def data_received(self, data: bytes) -> None:
        """Called by the loop with what has come."""
        self.came += data
        if (response := parsed(self.came)) is not None:
            self.came.clear()
            self._answer(response)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # why it is lost does not matter
        """Called by the loop at the end."""
        self._answer(None)

    def close(self) -> None:
        """End the connection."""
        self.answered = None
        self.transport.close()


async def connect(port: int) -> Wire:
    """A connection to that port of this machine."""
    _, wire = await asyncio.get_running_loop().create_connection(Wire, "127.0.0.1", port)
    return wire


def parsed(came: bytearray) -> Response | None:
    """The response, once all of it has come: of as many bytes as it says, or in chunks."""
    if (end := came.find(b"\r\n\r\n")) < 0:
        return None
    head, start = bytes(came[:end].lower()), end + 4
    _, sized, length = head.partition(b"content-length: ")
    if sized:
        size = int(length.split(b"\r\n", 1)[0])
        return Response(head, bytes(came[start:])) if len(came) >= start + size else None
    body = list[bytes]()
    while (end := came.find(b"\r\n", start)) >= 0:
        size, first = int(came[start:end], 16), end + 2
        start = first + size + 2
        if len(came) < start:
            return None
        if not size:
            return Response(head, b"".join(body))
        body.append(bytes(came[first : first + size]))
    return None


async def one_client(port: int, requests: Sequence[bytes], answers: list[tuple[float, bool, bool]]) -> None:
    """Send requests one after the other over one connection; note (seconds, answered with 200, verified)."""
    wire = await connect(port)
    for each in requests:
        started = time.perf_counter()
        response = await wire.exchange(each)
        answers.append((time.perf_counter() - started, response.good, b'"verified":true' in response.body))
    wire.close()


async def load(port: int, grids: Sequence[str], clients: int, cache: str = "bypass") -> Load:
    """Solve all `grids` with so many clients at once."""
    answers, started = list[tuple[float, bool, bool]](), time.perf_counter()
    requests = [request(grid, cache) for grid in grids]
    await asyncio.gather(*(one_client(port, requests[index::clients], answers) for index in range(clients)))
    seconds = time.perf_counter() - started
    p50, p95, p99 = np.percentile([answer[0] * 1000 for answer in answers], [50, 95, 99])
    return Load(
        clients=clients,
        puzzles_per_s=len(answers) / seconds,
        p50_ms=float(p50),
        p95_ms=float(p95),
        p99_ms=float(p99),
        verified=sum(answer[2] for answer in answers) / len(answers),
        errors=sum(not answer[1] for answer in answers),
    )


async def batch(port: int, grids: Sequence[str]) -> float:
    """Puzzles a second of one batch with all `grids`, answered in order. Raises `SystemExit` if one is not verified."""
    document = {"puzzles": [{"type": "sudoku", "grid": grid} for grid in grids], "options": {"cache": "bypass", "timeout_ms": 120_000}}
    wire = await connect(port)
    started = time.perf_counter()
    response = await wire.exchange(post("/v1/solve/batch", document))
    seconds = time.perf_counter() - started
    wire.close()
    if (solved := response.body.count(b'"verified":true')) != len(grids):
        raise SystemExit(f"{solved} of {len(grids)} puzzles were verified: {response.head.decode()}")
    return len(grids) / seconds
