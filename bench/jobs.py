"""Jobs: puzzles a second through a job on Redis against the engine alone, and what it takes to accept a large one.

    python -m bench.jobs [--puzzles 1280] [--accepted 100000] [--rounds 3] [--settings TRM_SLOTS=32]

The server has one worker of one thread; the engine alone has the same slots and puzzles, in this process. They take turns; medians are told. The seconds of a
job are those between its creation and its end. Accepting is the time from the first byte that a client sends to the answer, with the memory of the API
process at its peak and how much of that came with the upload. The last line is one JSON document.
"""

import argparse
import http.client
import json
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from app.model.store import ModelStore
from app.pool.messages import WorkerSpec
from app.pool.worker import make_engines
from app.puzzles.sudoku import Sudoku
from app.settings import PROJECT
from app.training.data import PuzzleSet
from bench.cache import redis
from bench.engine import drive
from bench.http import server
from bench.puzzles import mix

SLOTS = 32


def engine_alone(puzzles: PuzzleSet) -> float:
    """Puzzles a second of one engine in this process."""
    entry = ModelStore(PROJECT / "model_store", ("sudoku",)).entries["sudoku"]
    (engine,) = make_engines(entry, WorkerSpec(store=PROJECT / "model_store", models=("sudoku",), slots=SLOTS)).values()
    outcomes, seconds, *_ = drive(engine, puzzles, entry)
    return len(outcomes) / seconds


def lines(puzzles: PuzzleSet) -> bytes:
    """The body of a job."""
    family = Sudoku()
    return b"".join(json.dumps({"type": "sudoku", "grid": family.render(question.tobytes(), "")}).encode() + b"\n" for question in puzzles.questions)


def post(port: int, body: bytes | BinaryIO, size: int) -> dict[str, Any]:
    """Submit a job."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("POST", "/v1/jobs?cache=bypass", body, {"Content-Type": "application/x-ndjson", "Content-Length": str(size)})
    response = connection.getresponse()
    document = json.load(response)
    if response.status != 202:
        raise SystemExit(f"the job was refused: {document}")
    return dict(document)


def through_jobs(port: int, puzzles: PuzzleSet) -> tuple[float, float]:
    """Puzzles a second of a job, and which share of them was solved."""
    body = lines(puzzles)
    job = post(port, body, len(body))
    while not job["ended_at"]:
        time.sleep(0.2)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/jobs/{job['id']}") as response:
            job = json.load(response)
    created, ended = (datetime.fromisoformat(job[name]) for name in ("created_at", "ended_at"))
    return len(puzzles) / (ended - created).total_seconds(), job["counts"]["solved"] / len(puzzles)


def peak_bytes(pid: int) -> int:
    """Most memory that a process ever had."""
    return next(int(line.split()[1]) * 1024 for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM:"))


def acceptance(port: int, pid: int, puzzles: PuzzleSet, count: int) -> tuple[float, int, int]:
    """Seconds until a job of so many puzzles is accepted, the API process's peak memory, and by how much the upload raised it; the job is cancelled."""
    with tempfile.TemporaryFile() as file:
        few = lines(puzzles).splitlines(keepends=True)
        file.writelines(few[index % len(few)] for index in range(count))
        size = file.tell()
        file.seek(0)
        before, started = peak_bytes(pid), time.perf_counter()
        job = post(port, file, size)
        seconds, peak = time.perf_counter() - started, peak_bytes(pid)
    urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{port}/v1/jobs/{job['id']}", method="DELETE")).close()
    return seconds, peak, peak - before


def median(values: Sequence[float]) -> float:
    """The middle one."""
    return float(np.median(values))


def main() -> None:
    """Measure both and print two lines and the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--puzzles", type=int, default=1280)
    parser.add_argument("--accepted", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--settings", nargs="*", default=[], metavar="TRM_NAME=VALUE")
    arguments = parser.parse_args()
    environment = dict(each.split("=", 1) for each in arguments.settings)
    puzzles = mix(arguments.puzzles)
    with redis() as (redis_port, _):
        ours = {"TRM_WORKERS": "1", "TRM_THREADS": "1", "TRM_SLOTS": str(SLOTS), "TRM_JOBS_REDIS_URL": f"redis://127.0.0.1:{redis_port}", **environment}
        with server(ours) as (port, pid):
            through_jobs(port, mix(64))  # the first puzzles of a process are slower
            rounds = [(engine_alone(puzzles), *through_jobs(port, puzzles)) for _ in range(arguments.rounds)]
            seconds, peak, more = acceptance(port, pid, puzzles, arguments.accepted)
    alone, jobs, solved = (median(values) for values in zip(*rounds, strict=True))
    ratio = median([each[1] / each[0] for each in rounds])
    print(f"{jobs:.1f} puzzles/s through jobs, {alone:.1f} by the engine alone: {ratio:.3f} ({solved:.2%} solved)")
    print(f"{arguments.accepted} puzzles accepted in {seconds:.2f} s, the API process at {peak / 1e6:.0f} MB ({more / 1e6:.0f} MB more than before)")
    figures = {"jobs_puzzles_per_s": jobs, "engine_puzzles_per_s": alone, "ratio": ratio, "solved": solved}
    accepted = {"accepted": arguments.accepted, "accepted_s": seconds, "peak_bytes": peak, "upload_bytes": more}
    print(json.dumps({"bench": "jobs", "settings": environment, "puzzles": arguments.puzzles, "rounds": arguments.rounds, **figures, **accepted}))


if __name__ == "__main__":
    main()
