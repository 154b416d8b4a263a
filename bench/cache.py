"""What a shared answer costs: hits over HTTP from memory and from Redis, and solves while Redis hangs against solves without Redis.

    python -m bench.cache [--hits 2000] [--solves 200] [--settings TRM_WORKERS=1]

Two servers, one with a Redis that holds what a third one solved, so that it has to ask; loads take turns on them. Then Redis is stopped (SIGSTOP: its
connections stay), and when the breaker is open both solve the same new puzzles. The last line is one JSON document.
"""

import argparse
import json
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import uvloop

from app.puzzles.sudoku import Sudoku
from app.training.evaluate import with_clues
from bench.client import load
from bench.http import free_port, server
from bench.puzzles import mix

ROUNDS, WARM = 4, 32


def grids(count: int, seed: int) -> list[str]:
    """Easy puzzles, others for every seed: none is a symmetric copy of another, which would find its answer in the cache."""
    puzzles = with_clues(mix(count), 36, np.random.default_rng(seed))
    return [str(Sudoku().render(question.tobytes(), "")) for question in puzzles.questions]


@contextmanager
def redis() -> Iterator[tuple[int, "subprocess.Popen[bytes]"]]:
    """A redis-server that keeps nothing on disk; its port and process."""
    port = free_port()
    process = subprocess.Popen(["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", ""], stdout=subprocess.DEVNULL)
    try:
        yield port, process
    finally:
        process.kill()
        process.wait(timeout=30)


def shows(port: int, sample: str) -> bool:
    """Whether this server's metrics have this line."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as response:
        return sample in response.read().decode().splitlines()


def hits(ports: dict[str, int], count: int) -> dict[str, float]:
    """Milliseconds of a hit at the median, one client, by where the answers are: medians of rounds that take turns."""
    known = grids(WARM, seed=0)
    uvloop.run(load(ports["memory"], known, 1, "use"))
    rounds = [[uvloop.run(load(port, (known * count)[: count // ROUNDS], 1, "use")).p50_ms for port in ports.values()] for _ in range(ROUNDS)]
    assert shows(ports["redis"], 'trm_cache_requests_total{result="miss"} 0.0'), "some were no hits"
    return dict(zip(ports, np.median(rounds, axis=0).tolist(), strict=True))


def solves(ports: dict[str, int], count: int, seed: int) -> dict[str, float]:
    """Milliseconds of a solve at the 95th percentile, one client: medians of rounds that take turns, every puzzle new to both servers."""
    rounds = []
    for each in range(ROUNDS):
        new = grids(count // ROUNDS, seed + each)
        order = list(ports.values())[:: 1 if each % 2 else -1]
        p95 = {port: uvloop.run(load(port, new, 1, "use")).p95_ms for port in order}
        rounds.append([p95[port] for port in ports.values()])
    return dict(zip(ports, np.median(rounds, axis=0).tolist(), strict=True))


def main() -> None:
    """Measure all three and print a table and the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hits", type=int, default=2000)
    parser.add_argument("--solves", type=int, default=200)
    parser.add_argument("--settings", nargs="*", default=[], metavar="TRM_NAME=VALUE")
    arguments = parser.parse_args()
    environment = dict(each.split("=", 1) for each in arguments.settings)
    with redis() as (redis_port, process):
        sharing = {**environment, "TRM_REDIS_URL": f"redis://127.0.0.1:{redis_port}"}
        with server(sharing) as (third, _):
            uvloop.run(load(third, grids(WARM, seed=0), 1, "use"))
        with server(environment) as (memory, _), server(sharing) as (shared, _):
            ports = {"memory": memory, "redis": shared}
            hit_ms, up = hits(ports, arguments.hits), solves(ports, arguments.solves, seed=100)
            process.send_signal(signal.SIGSTOP)
            while not shows(shared, "trm_cache_breaker_open 1.0"):
                uvloop.run(load(shared, grids(8, seed=time.monotonic_ns() % 2**32), 1, "use"))
            stopped = solves(ports, arguments.solves, seed=200)
            process.send_signal(signal.SIGCONT)
    print("| | memory | Redis | ratio |", "| --- " * 4 + "|", sep="\n")
    rows = {"hit, p50 ms": hit_ms, "solve, p95 ms": up, "solve, p95 ms, Redis stopped": stopped}
    for name, row in rows.items():
        print(f"| {name} | {row['memory']:.2f} | {row['redis']:.2f} | {row['redis'] / row['memory']:.2f} |")
    ratio = stopped["redis"] / stopped["memory"]
    document = {"settings": environment, "hit_p50_ms": hit_ms, "solve_p95_ms": up, "solve_p95_ms_stopped": stopped, "ratio_stopped": ratio}
    print(json.dumps({"bench": "cache", **document}))


if __name__ == "__main__":
    main()
