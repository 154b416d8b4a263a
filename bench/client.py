"""A closed-loop load client in its own process: each of its connections sends the next puzzle when the last one is answered.

Plain sockets and as little Python as possible, since it shares the machine with the server it measures.
"""

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

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


async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, sent: bytes) -> Response:
    """Send one request and read the response. Raises `EOFError` or `OSError` when the connection breaks."""
    writer.write(sent)
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    _, sized, length = head.partition(b"content-length: ")
    body = await reader.readexactly(int(length.split(b"\r\n")[0])) if sized else await chunks(reader)
    return Response(head, body)


async def chunks(reader: asyncio.StreamReader) -> bytes:
    """The body of a response that does not tell its length first."""
    body = list[bytes]()
    while size := int(await reader.readline(), 16):
        body.append(await reader.readexactly(size))
        await reader.readline()
    await reader.readline()
    return b"".join(body)


async def one_client(port: int, requests: Sequence[bytes], answers: list[tuple[float, bool, bool]]) -> None:
    """Send requests one after the other over one connection; note (seconds, answered with 200, verified)."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for each in requests:
        started = time.perf_counter()
        response = await exchange(reader, writer, each)
        answers.append((time.perf_counter() - started, response.good, b'"verified":true' in response.body))
    writer.close()


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
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 24)
    started = time.perf_counter()
    response = await exchange(reader, writer, post("/v1/solve/batch", document))
    seconds = time.perf_counter() - started
    writer.close()
    if (solved := response.body.count(b'"verified":true')) != len(grids):
        raise SystemExit(f"{solved} of {len(grids)} puzzles were verified: {response.head.decode()}")
    return len(grids) / seconds
