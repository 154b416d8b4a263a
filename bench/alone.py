"""Engines with nothing else to do, as many processes as a service has workers and made alike: the measure of what the way to them costs."""

import multiprocessing
import time
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Barrier

import numpy as np

from app.model.store import ModelStore
from app.pool.messages import WorkerSpec
from app.pool.worker import make_engines
from app.settings import PROJECT
from app.training.data import PuzzleSet
from bench.engine import drive
from bench.puzzles import mix


def solve(puzzles: PuzzleSet, ready: Barrier, times: "SimpleQueue[tuple[float, float]]") -> None:
    """Solve all puzzles with one engine of a worker's defaults; tells `time.monotonic()` of the start and the end."""
    entry = ModelStore(PROJECT / "model_store", ("sudoku",)).entries["sudoku"]
    (engine,) = make_engines(entry, WorkerSpec(store=PROJECT / "model_store", models=("sudoku",))).values()
    drive(engine, mix(32), entry)
    ready.wait()
    started = time.monotonic()
    drive(engine, puzzles, entry)
    times.put((started, time.monotonic()))


def engines_alone(puzzles: PuzzleSet, workers: int) -> float:
    """Puzzles a second of so many engines at once, each with its share of the puzzles from the start."""
    context = multiprocessing.get_context("spawn")
    ready, times = context.Barrier(workers), context.SimpleQueue()
    shares = [puzzles.take(np.arange(index, len(puzzles), workers)) for index in range(workers)]
    processes = [context.Process(target=solve, args=(share, ready, times)) for share in shares]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    if any(process.exitcode for process in processes):
        raise SystemExit("an engine failed")
    starts, ends = zip(*(times.get() for _ in processes), strict=True)
    return float(len(puzzles) / (max(ends) - min(starts)))
