"""Puzzles that never come to an end by themselves, to keep a server busy for as long as a test wants."""

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from tests.e2e.problems import ask
from tests.e2e.puzzles import IMPOSSIBLE
from tests.e2e.serving import Json, Server, alive, body

ENDLESS: Json = {"halt": "never", "max_steps": 256, "attempts": 1024, "timeout_ms": 600_000}
RUNNING, WAITING, FINISHED = "trm_requests_running", "trm_requests_waiting", "trm_requests_finished_total"


def endless(server: Server, **options: object) -> socket.socket:
    """A connection whose puzzle runs until it is closed."""
    return ask(server, body(IMPOSSIBLE, **{**ENDLESS, "cache": "bypass", **options}))


def idle(server: Server) -> None:
    """Wait until nothing runs or waits."""
    server.until(RUNNING, lambda value: value == 0)
    server.until(WAITING, lambda value: value == 0)


@contextmanager
def frozen(server: Server) -> Iterator[int]:
    """Stop a worker as a debugger would; it goes on at the end if it is still there."""
    pid = server.workers()[0]
    os.kill(pid, signal.SIGSTOP)
    try:
        yield pid
    finally:
        if alive(pid):
            os.kill(pid, signal.SIGCONT)
