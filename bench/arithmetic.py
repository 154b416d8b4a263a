"""How much of what the machine can multiply a model's step reaches: the default model with its slots full, and the paper's of 5 M parameters.

    python -m bench.arithmetic [--slots 32] [--batch 16] [--threads 1]

The paper's model has random weights: how fast it steps does not depend on them. In C the inputs of products are bfloat16 where the
CPU multiplies them, so such a step may be quicker than all its products in float32. The machine's rate is that of float32 products of 1024 x 1024 matrices, by
torch's library or by numpy's, whichever is faster here. The last line is one JSON document.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import torch

from app.engine.native.builds import build_for, builds
from app.engine.native_runner import NativeRunner
from app.engine.onnx_runner import OnnxRunner
from app.engine.runner import Runner
from app.model import weights
from app.model.config import TRMConfig
from app.model.export import export
from app.model.store import GRAPH, WEIGHTS, ModelStore
from app.model.stored import TABLE, Stored
from app.model.trm import TRM
from app.settings import PROJECT
from app.training.recipes import RECIPES
from bench.puzzles import mix

SIZE, FULL_SIZE = 1024, "trm-sudoku"
BY_NUMPY = f"""
import time, numpy
a, best = numpy.random.rand({SIZE}, {SIZE}).astype("f4"), 9.0
for _ in range(50):
    started = time.perf_counter()
    a @ a
    best = min(best, time.perf_counter() - started)
print(best)
"""
"""In a process of its own, since its library reads how many threads it may use when it is loaded."""


def fastest(work: Callable[[], object], times: int) -> float:
    """Seconds of the fastest of so many runs."""
    work()
    best = float("inf")
    for _ in range(times):
        started = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - started)
    return best


def sgemm_rate(threads: int) -> float:
    """FLOP per second of a float32 matrix product on `threads` threads, by the faster library."""
    torch.set_num_threads(threads)
    a = torch.randn(SIZE, SIZE)
    limits = {f"{name}_NUM_THREADS": str(threads) for name in ("OPENBLAS", "OMP", "MKL")}
    by_numpy = subprocess.run([sys.executable, "-c", BY_NUMPY], env=os.environ | limits, capture_output=True, text=True, check=True).stdout
    return 2 * SIZE**3 / min(fastest(lambda: a @ a, 50), float(by_numpy))


def flop_per_step(config: TRMConfig) -> float:
    """Multiplications and additions of the matrix products of one step of one puzzle."""
    positions, hidden = config.positions, config.hidden_size
    inner = config.swiglu_size(hidden)
    block = positions * 2 * 3 * hidden * inner
    if config.mixer == "mlp":
        block += hidden * 2 * 3 * positions * config.swiglu_size(positions)
    else:
        seen = positions if config.mixer == "attention" else round(positions**0.5)
        block += positions * 2 * (4 * hidden * hidden + 2 * seen * hidden)
    evaluations = config.H_cycles * (config.L_cycles + 1)
    return evaluations * config.L_layers * block + positions * 2 * hidden * config.vocab_size


def step_seconds(runner: Runner, slots: int) -> float:
    """Seconds of the fastest of two steps with so many slots full."""
    for slot, question in enumerate(mix(slots).questions):
        runner.load(slot, question)
    return fastest(lambda: runner.step(slots), 2)


def runners(name: str, config: TRMConfig, graph: Path, file: Path, slots: int, threads: int) -> Iterator[tuple[str, TRMConfig, int, Runner]]:
    """All that can run a model here: name, architecture, slots and runner."""
    yield f"{name}, ONNX Runtime", config, slots, OnnxRunner(graph, slots, threads)
    for build in builds() if threads == 1 else ():
        yield f"{name}, in C for {build}", config, slots, NativeRunner(file, config, slots, build)


def of_one_slot(store: ModelStore) -> dict[str, dict[str, float]]:
    """Milliseconds of a step of one slot on one thread, of each model that the step in C knows, by what runs it; of a maze model on 20x20."""
    rows = dict[str, dict[str, float]]()
    for entry in store.entries.values():
        if not build_for(entry.config):
            continue
        table = Stored(entry.file(WEIGHTS), TABLE) if entry.config.named else None
        ways: dict[str, Runner] = {"ONNX Runtime": OnnxRunner(entry.file(GRAPH), 1, 1, table)}
        ways |= {f"C, {build}": NativeRunner(entry.file(WEIGHTS), entry.config, 1, build) for build in reversed(builds())}
        if entry.config.mixer == "local":
            ways = {name: runner.on(20, 20) for name, runner in ways.items()}
        for runner in ways.values():
            runner.load(0, np.ones(runner.cells, dtype=np.uint8))
        rows[entry.name] = {name: fastest(partial(runner.step, 1), 100) * 1000 for name, runner in ways.items()}
    return rows


def main() -> None:
    """Measure both and print tables and the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slots", type=int, default=32)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    entry, full = ModelStore(PROJECT / "model_store", ("sudoku",)).entries["sudoku"], RECIPES[FULL_SIZE].changed({"arch.H_cycles": 3, "arch.L_cycles": 6}).arch
    with tempfile.TemporaryDirectory() as folder:
        path, made = Path(folder), TRM(full)
        export(made, path / GRAPH)
        weights.save(made, path / WEIGHTS)
        slots, batch, threads = arguments.slots, arguments.batch, arguments.threads
        steps = [
            *runners(f"the paper's, batch {batch}", full, path / GRAPH, path / WEIGHTS, batch, threads),
            *runners(f"sudoku, {slots} slots", entry.config, entry.file(GRAPH), entry.file(WEIGHTS), slots, threads),
        ]
        sgemm, rows = sgemm_rate(threads), dict[str, dict[str, float]]()
        for name, config, slots, runner in steps:
            seconds = step_seconds(runner, slots)
            rows[name] = {"ms_per_step": seconds * 1000, "gflops": slots * flop_per_step(config) / seconds / 1e9}
    print(
        f"sgemm {sgemm / 1e9:.0f} GFLOP/s on {arguments.threads} threads", "", "| model | ms / step | GFLOP/s | share of sgemm |", "| --- " * 4 + "|", sep="\n"
    )
    for name, row in rows.items():
        row["share_of_sgemm"] = row["gflops"] * 1e9 / sgemm
        print(f"| {name} | {row['ms_per_step']:.1f} | {row['gflops']:.1f} | {row['share_of_sgemm']:.2f} |")
    slot = of_one_slot(ModelStore(PROJECT / "model_store"))
    if slot:
        names = list(next(iter(slot.values())))
        print("", f"| ms of one slot's step | {' | '.join(names)} |", "| --- " * (len(names) + 1) + "|", sep="\n")
        for model, times in slot.items():
            print(f"| {model} | {' | '.join(f'{times[name]:.2f}' for name in names)} |")
    print(json.dumps({"bench": "arithmetic", "sgemm_gflops": sgemm / 1e9, **vars(arguments), "results": rows, "one_slot_ms": slot}))


if __name__ == "__main__":
    main()
