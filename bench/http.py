"""The whole service under load: 1, 8 and 64 closed-loop clients, step-level against whole-request batching, in one run.

    python -m bench.http [--puzzles 640] [--settings TRM_WORKERS=2 TRM_THREADS=1]

The last line is one JSON document. The load client runs on the same cores as the server.
"""

import argparse
import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from app.puzzles.sudoku import Sudoku
from app.settings import PROJECT
from bench.client import Load, load
from bench.puzzles import mix

CLIENTS = (1, 8, 64)


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextmanager
def server(environment: dict[str, str], before: str = "") -> Iterator[tuple[int, int]]:
    """A server on a free port, with its log thrown away; its port and process id. `before` is Python that its process runs first."""
    port = free_port()
    command = [sys.executable, "-c", f"{before}\nimport sys; from app.cli import main; sys.exit(main())", "serve", "--port", str(port)]
    process = subprocess.Popen(command, env={**os.environ, **environment}, stderr=subprocess.DEVNULL, cwd=PROJECT)
    try:
        while not ready(port):
            if process.poll() is not None:
                raise SystemExit("the server did not start")
            time.sleep(0.1)
        yield port, process.pid
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=60)


def ready(port: int) -> bool:
    """Whether the server takes puzzles."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz") as response:
            return bool(response.status == 200)
    except OSError:
        return False


def resident_bytes(pid: int) -> int:
    """Proportional memory of a process and its children, Linux only."""
    children = subprocess.run(["/usr/bin/env", "pgrep", "-P", str(pid)], capture_output=True, text=True, check=False).stdout.split()
    total = 0
    for each in (str(pid), *children):
        with Path(f"/proc/{each}/smaps_rollup").open() as file:
            total += next(int(line.split()[1]) * 1024 for line in file if line.startswith("Pss:"))
    return total


def measure(refill: str, grids: list[str], environment: dict[str, str]) -> tuple[list[Load], int]:
    """All loads on one server, and its memory afterwards."""
    with server({**environment, "TRM_REFILL": refill}) as (port, pid):
        asyncio.run(load(port, grids[:8], 1))  # the first requests of a process are slower
        loads = [asyncio.run(load(port, grids[: max(48, len(grids) * clients // max(CLIENTS))], clients)) for clients in CLIENTS]
        return loads, resident_bytes(pid)


def main() -> None:
    """Run both policies and print the table and the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--puzzles", type=int, default=640)
    parser.add_argument("--settings", nargs="*", default=[], metavar="TRM_NAME=VALUE")
    arguments = parser.parse_args()
    environment = dict(each.split("=", 1) for each in arguments.settings)
    puzzles, family = mix(arguments.puzzles), Sudoku()
    grids = [str(family.render(question.tobytes(), "")) for question in puzzles.questions]
    results = {refill: measure(refill, grids, environment) for refill in ("step", "batch")}
    print("| batching | clients | puzzles/s | p50 ms | p95 ms | p99 ms | verified | errors |", "| --- " * 8 + "|", sep="\n")
    for refill, (loads, _) in results.items():
        for each in loads:
            figures = f"{each.puzzles_per_s:.1f} | {each.p50_ms:.1f} | {each.p95_ms:.1f} | {each.p99_ms:.1f} | {each.verified:.2%} | {each.errors}"
            print(f"| {refill} | {each.clients} | {figures} |")
    ratios = {s.clients: s.puzzles_per_s / b.puzzles_per_s for s, b in zip(results["step"][0], results["batch"][0], strict=True)}
    print("step-level / whole-request, puzzles/s:", ", ".join(f"{ratio:.2f} at {clients} clients" for clients, ratio in ratios.items()))
    print(f"memory of the server and its workers: {results['step'][1] / 1e6:.0f} MB")
    document = {
        "bench": "http",
        "puzzles": arguments.puzzles,
        "settings": environment,
        "results": {refill: [asdict(each) for each in loads] for refill, (loads, _) in results.items()},
        "ratios": ratios,
        "memory_bytes": results["step"][1],
    }
    print(json.dumps(document))


if __name__ == "__main__":
    main()
