"""How far the engine scales: a step by the slots it runs on, and the pool by the puzzles that wait and by its workers.

    python -m bench.scaling [--plot docs/scaling.png]

Engines without HTTP. The last line is one JSON document.
"""

import argparse
import asyncio
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from app.engine.request import Request
from app.engine.runner import Runner
from app.metrics import Metrics
from app.model.store import ModelStore
from app.pool.messages import WorkerSpec
from app.pool.processes import ProcessPool
from app.pool.worker import make_runner
from app.settings import PROJECT
from bench.puzzles import mix

MODEL, STORE = "sudoku", PROJECT / "model_store"
SLOTS = tuple(2**power for power in range(11))
WAITING = (1, 8, 64, 512, 4096)
WORKERS = (1, 2)


@dataclass(frozen=True, slots=True)
class StepFigures:
    """One step on so many slots, one thread: milliseconds (the best of several) and slots stepped a second."""

    slots: int
    step_ms: float
    slot_steps_per_s: float


@dataclass(frozen=True, slots=True)
class PoolFigures:
    """So many puzzles that came at once: puzzles a second until the last was done, and how long they took."""

    workers: int
    puzzles: int
    puzzles_per_s: float
    p50_ms: float
    p99_ms: float


def steps() -> tuple[list[StepFigures], int]:
    """A step by slots, and the bytes of state that a slot takes."""
    entry, rows, bytes_per_slot = ModelStore(STORE, (MODEL,)).entries[MODEL], list[StepFigures](), 0
    puzzles = mix(max(SLOTS)).questions
    for slots in SLOTS:
        runner = make_runner(entry, WorkerSpec(store=STORE, models=(MODEL,), slots=slots, threads=1))
        for slot in range(slots):
            runner.load(slot, puzzles[slot])
        best = float("inf")
        for _ in range(max(3, 64 // slots)):
            started = time.perf_counter()
            runner.step(slots)
            best = min(best, time.perf_counter() - started)
        bytes_per_slot = state_bytes(runner) // slots
        rows.append(StepFigures(slots, best * 1000, slots / best))
    return rows, bytes_per_slot


def state_bytes(runner: Runner) -> int:
    """Bytes of a CPU runner's arrays that have a row for each slot; ONNX Runtime writes its outputs beside the states."""
    arrays = [vars(runner)[name] for name in ("tokens", "z_H", "z_L")]
    return sum(array.nbytes for array in (*arrays, *vars(runner).get("outputs", {}).values()))


async def crowd(workers: int) -> list[PoolFigures]:
    """The pool by the puzzles that come at once."""
    pool = ProcessPool(WorkerSpec(store=STORE, models=(MODEL,)), workers, max(WAITING) + 1, Metrics((MODEL,)))
    defaults = ModelStore(STORE, (MODEL,)).entries[MODEL].manifest.defaults
    await pool.start()
    try:
        return [await _at_once(pool, workers, count, defaults.max_steps, defaults.attempts) for count in WAITING]
    finally:
        await pool.close()


async def _at_once(pool: ProcessPool, workers: int, count: int, max_steps: int, attempts: int) -> PoolFigures:
    """So many puzzles at once; a few are sent several times over, one after the other, so that their time means something."""
    rounds, latencies, started = max(1, 64 // count), list[float](), time.perf_counter()

    async def one(name: str, cells: bytes) -> None:
        arrived = time.perf_counter()
        deadline = time.monotonic() + 3600
        await pool.solve(MODEL, Request(id=name, cells=cells, halt="verified", max_steps=max_steps, attempts=attempts, deadline=deadline))
        latencies.append(time.perf_counter() - arrived)

    questions = [question.tobytes() for question in mix(count * rounds).questions]
    for turn in range(rounds):
        await asyncio.gather(*(one(f"{turn} {index}", cells) for index, cells in enumerate(questions[turn::rounds])))
    p50, p99 = np.percentile(latencies, [50, 99]) * 1000
    return PoolFigures(workers, count, len(latencies) / (time.perf_counter() - started), float(p50), float(p99))


def draw(path: Path, rows: list[StepFigures], crowds: list[PoolFigures]) -> None:
    """Both curves as a PNG."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(15, 4), layout="constrained")
    left.plot([row.slots for row in rows], [row.slot_steps_per_s for row in rows], marker="o")
    left.set(xscale="log", xlabel="slots", ylabel="slots stepped a second", ylim=(0, None), title="a step, one thread")
    for workers in WORKERS:
        mine = [each for each in crowds if each.workers == workers]
        middle.plot([each.puzzles for each in mine], [each.puzzles_per_s for each in mine], marker="o", label=f"{workers} workers")
        right.plot([each.puzzles for each in mine], [each.p50_ms for each in mine], marker="o", label=f"{workers} workers, p50")
        right.plot([each.puzzles for each in mine], [each.p99_ms for each in mine], marker="o", linestyle=":", label=f"{workers} workers, p99")
    middle.set(xscale="log", xlabel="puzzles at once", ylabel="puzzles a second", ylim=(0, None), title="throughput")
    right.set(xscale="log", yscale="log", xlabel="puzzles at once", ylabel="milliseconds", title="latency")
    middle.legend()
    right.legend()
    figure.savefig(path, dpi=80)


def main() -> None:
    """Measure, print tables and the JSON line, and draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plot", type=Path)
    arguments = parser.parse_args()
    rows, bytes_per_slot = steps()
    crowds = [each for workers in WORKERS for each in asyncio.run(crowd(workers))]
    print("| slots | ms / step | slot-steps / s |", "| --- | --- | --- |", sep="\n")
    print(*(f"| {row.slots} | {row.step_ms:.1f} | {row.slot_steps_per_s:.0f} |" for row in rows), sep="\n")
    print(f"state of a slot: {bytes_per_slot} bytes", "", "| workers | puzzles at once | puzzles / s | p50 ms | p99 ms |", "| --- " * 5 + "|", sep="\n")
    print(*(f"| {each.workers} | {each.puzzles} | {each.puzzles_per_s:.0f} | {each.p50_ms:.0f} | {each.p99_ms:.0f} |" for each in crowds), sep="\n")
    if arguments.plot:
        draw(arguments.plot, rows, crowds)
    document = {"bench": "scaling", "steps": [asdict(row) for row in rows], "bytes_per_slot": bytes_per_slot, "pool": [asdict(each) for each in crowds]}
    print(json.dumps(document))


if __name__ == "__main__":
    main()
