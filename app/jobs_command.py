"""`trm jobs`: talks to a server over HTTP with the standard library, so that it needs nothing but itself. Knows the contract; nothing of the server's insides.

A connection that breaks, or a server that is away for a while, is waited for; what was done already is not done again.
"""

import argparse
import contextlib
import hashlib
import http.client
import json
import os
import ssl
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, BinaryIO, TypeVar
from urllib.parse import quote, urlencode

from app.errors import InvalidRequest, RateLimited, TRMError

T = TypeVar("T")
Json = dict[str, Any]

PATIENCE = 120.0
"""Seconds without any success after which a server is given up."""
PAUSE = 0.5
WIDTH = 30
BROKEN = (OSError, http.client.HTTPException)
"""How a connection fails, at its start or on the way."""


class Connection(http.client.HTTPConnection):
    """One that breaks while something is sent may have an answer to read still: a server refuses a large file before its end."""

    def send(self, data: Any) -> None:
        """Send, unless the other end reads no more."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            super().send(data)


class Handler(urllib.request.HTTPHandler):
    """Has urllib use it."""

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        """See `urllib.request`."""
        return self.do_open(Connection, req)


def submit(arguments: argparse.Namespace) -> int:
    """Upload a file; its content is the idempotency key, so a second run finds the job of the first."""
    file: Path = arguments.file
    if not file.is_file():
        raise InvalidRequest(f"{file} is no file")
    query = urlencode(sorted(arguments.set))
    with file.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256")
    digest.update(f"?{query} {time.time_ns() if arguments.again else ''}".encode())
    headers = {"Content-Type": "application/x-ndjson", "Content-Length": str(file.stat().st_size), "Idempotency-Key": digest.hexdigest()}

    def upload() -> Json:
        with file.open("rb") as content:
            return _asked(arguments.server, f"?{query}", "POST", content, headers)

    job = _patiently(upload)
    print(job["id"])
    return _watch(arguments.server, job) if arguments.wait else 0


def status(arguments: argparse.Namespace) -> int:
    """Print a job, or watch it."""
    job = _job(arguments.server, arguments.job)
    if arguments.wait:
        return _watch(arguments.server, job)
    print(json.dumps(job))
    return 0


def cancel(arguments: argparse.Namespace) -> int:
    """Cancel a job and print it."""
    print(json.dumps(_patiently(lambda: _asked(arguments.server, _place(arguments.job), "DELETE"))))
    return 0


def results(arguments: argparse.Namespace) -> int:
    """Write results to a file that may have some already, or to stdout."""
    if arguments.output is None:
        return _fetch(arguments, sys.stdout.buffer, 0)
    try:
        with arguments.output.open("a+b") as file:
            return _fetch(arguments, file, _whole_lines(file))
    except OSError as error:
        raise InvalidRequest(f"{arguments.output} cannot be written: {error.strerror}") from error


def _whole_lines(file: BinaryIO) -> int:
    """How many lines a file has, a last one that is cut short taken off."""
    file.seek(0)
    count, end = 0, 0
    for line in file:
        if line.endswith(b"\n"):
            count, end = count + 1, end + len(line)
    file.truncate(end)
    return count


def _fetch(arguments: argparse.Namespace, file: BinaryIO, have: int) -> int:
    """Write all results from the one after the first `have` on; 1 if there are to be more, and nobody waits."""
    while True:
        job, before = _job(arguments.server, arguments.job), have
        for line in _lines(arguments.server, arguments.job, have):
            file.write(line)
            have += 1
        file.flush()
        _show(job)
        there = job["counts"]["total"] - job["counts"]["pending"]
        if have >= there and (job["ended_at"] or not arguments.wait):
            _end_of_bar()
            return 0 if job["ended_at"] else 1
        if have >= there or have == before:
            time.sleep(PAUSE)


def _lines(server: str, job: str, after: int) -> Iterator[bytes]:
    """The result lines that there are now, without the first `after`; fewer if the connection breaks."""
    with _patiently(lambda: _open(server, f"{_place(job)}/results?after={after}")) as response, contextlib.suppress(*BROKEN):
        yield from (line for line in response if line.endswith(b"\n"))


def _watch(server: str, job: Json) -> int:
    """Show progress until the job has ended; 0 if it was completed."""
    while not job["ended_at"]:
        _show(job)
        time.sleep(PAUSE)
        job = _job(server, job["id"])
    _show(job)
    _end_of_bar()
    return int(job["status"] != "completed")


def _show(job: Json) -> None:
    """The progress bar, on stderr if that is a terminal."""
    if sys.stderr.isatty():
        counts = job["counts"]
        done = 1 - counts["pending"] / counts["total"]
        told = ", ".join(f"{counts[name]} {name}" for name in ("solved", "unsolved", "failed", "pending"))
        print(f"\r[{'#' * round(done * WIDTH):{WIDTH}}] {done:4.0%} {told} ({job['status']})\033[K", end="", file=sys.stderr, flush=True)


def _end_of_bar() -> None:
    if sys.stderr.isatty():
        print(file=sys.stderr)


def _job(server: str, job: str) -> Json:
    return _patiently(lambda: _asked(server, _place(job)))


def _place(job: str) -> str:
    return f"/{quote(job, safe='')}"


def _asked(server: str, path: str, method: str = "GET", body: BinaryIO | None = None, headers: Mapping[str, str] | None = None) -> Json:
    with _open(server, path, method, body, headers) as response:
        return dict(json.load(response))


def _open(server: str, path: str, method: str = "GET", body: BinaryIO | None = None, headers: Mapping[str, str] | None = None) -> http.client.HTTPResponse:
    if not server.startswith(("http://", "https://")):
        raise InvalidRequest(f"the URL of a server begins with http:// or https://, not as {server} does")
    request = urllib.request.Request(f"{server.rstrip('/')}/v1/jobs{path}", body, {**_key(), **(headers or {})}, method=method)  # noqa: S310  # checked above
    found: http.client.HTTPResponse = urllib.request.build_opener(Handler).open(request, timeout=PATIENCE)
    return found


def _key() -> dict[str, str]:
    key = os.environ.get("TRM_API_KEY", "")
    return {"X-API-Key": key} if key else {}


def _patiently(ask: Callable[[], T]) -> T:
    """The answer, asked for again while the server is away or wants to be left alone. Raises `TRMError` with what it said when it refuses."""
    end, waiting = time.monotonic() + PATIENCE, False
    while True:
        try:
            return ask()
        except urllib.error.HTTPError as error:
            problem, pause = _problem(error), _pause(error)
            later = error.code == HTTPStatus.SERVICE_UNAVAILABLE or problem.get("type") == f"/problems/{RateLimited.type}"
            if not later or time.monotonic() + pause > end:
                raise TRMError(str(problem.get("detail", f"the server answered {error.code}"))) from error
        except BROKEN as error:
            pause, why = PAUSE, getattr(error, "reason", error)
            if time.monotonic() > end or isinstance(why, ssl.SSLCertVerificationError):
                raise TRMError(f"the server cannot be reached: {why}") from error
            if not waiting and sys.stderr.isatty():
                print(f"\rwaiting for the server: {why}\033[K", file=sys.stderr)
            waiting = True
        time.sleep(pause)


def _problem(error: urllib.error.HTTPError) -> Json:
    try:
        return dict(json.load(error))
    except (ValueError, TypeError, *BROKEN):  # a proxy's page
        return {}


def _pause(error: urllib.error.HTTPError) -> float:
    """Seconds for which the server asked to be left alone."""
    asked = error.headers.get("Retry-After", "")
    return max(PAUSE, float(asked)) if asked.isdecimal() else PAUSE
