"""Does an int8 graph pay? The step of a model with its matrix products in int8 (per channel, dynamic activations) beside float32, in one run.

    python -m bench.int8 [--model sudoku] --data sudoku_17_clue.csv.gz [--count 300]

The last line is one JSON document. Times are the best of alternating rounds, so that a busy machine harms both alike.
"""

import argparse
import json
import logging
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import onnx

from app.energy import Energy
from app.engine.engine import Engine
from app.engine.onnx_runner import OnnxRunner
from app.model.store import GRAPH, ModelStore
from app.puzzles.sudoku import rules
from app.settings import PROJECT
from app.training.data import PuzzleSet, read_csv
from app.training.evaluate import Budget, evaluate

SIZES = (1, 16, 64)


def quantized(graph: Path, folder: Path) -> Path:
    """An int8 copy of a graph, its metadata kept."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    target = folder / "int8.onnx"
    logging.disable(logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        quantize_dynamic(graph, target, weight_type=QuantType.QInt8, per_channel=True, op_types_to_quantize=["MatMul"])
    made = onnx.load(target)
    onnx.helper.set_model_props(made, {each.key: each.value for each in onnx.load(graph).metadata_props})
    onnx.save(made, target)
    return target


def step_ms(runner: OnnxRunner, puzzles: PuzzleSet, size: int) -> float:
    """Milliseconds of one step of `size` slots."""
    for slot in range(size):
        runner.load(slot, puzzles.questions[slot % len(puzzles)])
    runner.step(size)
    started = time.perf_counter()
    for _ in range(10):
        runner.step(size)
    return (time.perf_counter() - started) * 100


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default="sudoku")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--count", type=int, default=300)
    arguments = parser.parse_args()
    entry = ModelStore(PROJECT / "model_store", (arguments.model,)).entries[arguments.model]
    held_out = read_csv(arguments.data).split()[1]
    puzzles = held_out.take(np.random.default_rng(0).permutation(len(held_out))[: arguments.count])
    defaults, side = entry.manifest.defaults, entry.manifest.puzzle.height
    with tempfile.TemporaryDirectory() as folder:
        graphs = {"float32": entry.file(GRAPH), "int8": quantized(entry.file(GRAPH), Path(folder))}
        runners = {name: OnnxRunner(path, max(SIZES), threads=1) for name, path in graphs.items()}
        times = {size: {name: min(step_ms(runner, puzzles, size) for _ in range(5)) for name, runner in runners.items()} for size in SIZES}
        budget = Budget("verified", defaults.max_steps, defaults.attempts)
        reports = {name: evaluate(Engine(runner, rules(side)), puzzles, budget, name, Energy()) for name, runner in runners.items()}
        size_bytes = {name: path.stat().st_size for name, path in graphs.items()}
    print("| step of n slots, ms | float32 | int8 | ratio |\n| --- | --- | --- | --- |")
    for size, each in times.items():
        print(f"| {size} | {each['float32']:.2f} | {each['int8']:.2f} | {each['float32'] / each['int8']:.2f} |")
    for name, report in reports.items():
        print(f"{name}: {report.verified:.2%} verified, mean steps {report.mean_steps}, graph {size_bytes[name]} bytes")
    print(json.dumps({"bench": "int8", "version": entry.version, "ms": times, "bytes": size_bytes, "reports": [each.to_json() for each in reports.values()]}))


if __name__ == "__main__":
    main()
