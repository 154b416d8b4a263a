"""Servers as child processes that leave nothing behind, whatever their own children do. Linux only."""

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from app.settings import PROJECT

PR_SET_CHILD_SUBREAPER = 36
START_SECONDS, END_SECONDS = 180.0, 15.0
"""How long a server may take to answer its first puzzle, and to end when it is told to, before it is killed."""


class Unavailable(Exception):
    """A server cannot be measured here; the message says why."""


def free_port() -> int:
    """A port on the loopback interface that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running(command: Sequence[str], variables: Mapping[str, str], log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A server in a session of its own (so that Ctrl-C reaches us only), with a folder of its own for temporary files; ended with all its descendants."""
    adopt_orphans()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, log.open("wb") as output:
        environment = {**os.environ, **variables, "PYTHONPATH": str(PROJECT), "TMPDIR": folder, "RAY_TMPDIR": folder, "BENTOML_HOME": folder}
        process = subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=output, stderr=output, stdin=subprocess.DEVNULL, start_new_session=True)
        try:
            yield process
        finally:
            end(process)


def adopt_orphans() -> None:
    """From now on a process whose parent ends becomes our child, so that none is lost from sight."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end(process: "subprocess.Popen[bytes]") -> None:
    """Ask a server to end, then kill what is left of it. All our descendants are its: one server runs at a time."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.send_signal(signal.SIGTERM)
        process.wait(END_SECONDS)
    while left := descendants(os.getpid()):
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()
        _reap()
        time.sleep(0.05)


def _reap() -> None:
    """Take note of the deaths of adopted children."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass


def descendants(pid: int) -> list[int]:
    """Children of a process, their children, and so on."""
    children = dict[int, list[int]]()
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parent = int(status.read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(status.parent.name))
    found = list(children.get(pid, []))
    for each in found:
        found += children.get(each, [])
    return found


def tail(log: Path) -> str:
    """The last line of a log that says something."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"
