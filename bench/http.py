"""The whole service under load: 1, 8 and 64 closed-loop clients and one batch, step-level against whole-request batching, and engines alone, in one run.

    python -m bench.http [--puzzles 10240] [--workers 2]

*Engines alone* are as many processes as the service has workers, made alike, that divide the puzzles among them and have nothing else to do. The
load client runs on the same cores as the server. They are measured three times, since others may share the machine. The last line is one JSON document.
"""

import argparse
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
from dataclasses import asdict, dataclass
from pathlib import Path

import uvloop

from app.puzzles.sudoku import Sudoku
from app.settings import PROJECT
from bench.alone import engines_alone
from bench.client import Load, batch, load
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


@dataclass(frozen=True, slots=True)
class Measured:
    """One server: single solves by the number of clients, puzzles/s of one batch with all puzzles, and its memory in the end."""

    loads: list[Load]
    batch_puzzles_per_s: float
    memory_bytes: int


def measure(refill: str, grids: list[str], workers: int) -> Measured:
    """All loads on one server."""
    settings = {"TRM_REFILL": refill, "TRM_WORKERS": str(workers), "TRM_BATCH_PUZZLES": str(len(grids))}
    with server(settings) as (port, pid):
        uvloop.run(load(port, grids[:64], 8))  # the first requests of a process are slower
        loads = [uvloop.run(load(port, grids[: max(128, len(grids) * clients // max(CLIENTS))], clients)) for clients in CLIENTS]
        return Measured(loads, uvloop.run(batch(port, grids)), resident_bytes(pid))


def main() -> None:
    """Run engines alone and both policies, and print the table and the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--puzzles", type=int, default=10_240)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    puzzles, family = mix(arguments.puzzles), Sudoku()
    grids = [str(family.render(question.tobytes(), "")) for question in puzzles.questions]
    results, rates = dict[str, Measured](), [engines_alone(puzzles, arguments.workers)]
    for refill in ("step", "batch"):
        results[refill] = measure(refill, grids, arguments.workers)
        rates.append(engines_alone(puzzles, arguments.workers))
    alone = sum(rates) / len(rates)
    print(f"{arguments.workers} engines alone: {alone:.1f} puzzles/s, the mean of {', '.join(f'{rate:.0f}' for rate in rates)} before, between and after")
    print("| batching | clients | puzzles/s | p50 ms | p95 ms | p99 ms | verified | errors | of engines alone |", "| --- " * 9 + "|", sep="\n")
    for refill, measured in results.items():
        for each in measured.loads:
            figures = f"{each.puzzles_per_s:.1f} | {each.p50_ms:.1f} | {each.p95_ms:.1f} | {each.p99_ms:.1f} | {each.verified:.2%} | {each.errors}"
            print(f"| {refill} | {each.clients} | {figures} | {each.puzzles_per_s / alone:.2f} |")
        print(f"| {refill} | one batch | {measured.batch_puzzles_per_s:.1f} | | | | | | {measured.batch_puzzles_per_s / alone:.2f} |")
    ratios = {s.clients: s.puzzles_per_s / b.puzzles_per_s for s, b in zip(results["step"].loads, results["batch"].loads, strict=True)}
    print("step-level / whole-request, puzzles/s:", ", ".join(f"{ratio:.2f} at {clients} clients" for clients, ratio in ratios.items()))
    print(f"memory of the server and its workers: {results['step'].memory_bytes / 1e6:.0f} MB")
    document = {
        "bench": "http",
        **vars(arguments),
        "alone_puzzles_per_s": rates,
        "results": {refill: asdict(measured) for refill, measured in results.items()},
        "ratios": ratios,
    }
    print(json.dumps(document))


if __name__ == "__main__":
    main()
