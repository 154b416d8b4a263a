"""The torch runner on a GPU: time of a step by batch size, puzzles/s through the engine; graphs, compiled or not, beside eager, bfloat16 beside float32.

    python -m bench.gpu [--device cuda] [--slots 512] [--puzzles 16384] [--quick]

Two models: the default one for Sudoku as it is served, and the full-size TRM for Sudoku (5 M parameters, random weights, 16 steps a puzzle, a sixteenth of the
puzzles but twice the slots at least). The last line is one JSON document. Shares are of the rate that a product of two square matrices of the same type
reaches here. On a CPU it shows that everything but the capture and the compiling runs; no figure of it means much.
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np
import torch

from app.engine.engine import Engine
from app.engine.request import Outcome, Request
from app.engine.scheduler import Guesses
from app.engine.torch_rules import check
from app.engine.torch_runner import TorchRunner, buckets
from app.model import weights
from app.model.config import TRMConfig
from app.model.store import Entry, ModelStore
from app.model.trm import TRM
from app.puzzles.base import Tokens
from app.puzzles.sudoku import rules
from app.settings import PROJECT
from bench.arithmetic import flop_per_step
from bench.puzzles import mix

FULL = TRMConfig(vocab_size=11, seq_len=81, hidden_size=512, num_heads=8, mixer="mlp", puzzle_emb_ndim=512, puzzle_emb_len=16)
MODES = ("graphs, compiled", "graphs", "eager")
PRECISIONS = {"bf16": torch.bfloat16, "fp32": torch.float32}


@dataclass(frozen=True, slots=True)
class Subject:
    """A model to measure, made anew for each precision and mode, how its puzzles are asked, and one of how many it gets."""

    name: str
    config: TRMConfig
    make: Callable[[], TRM]
    ask: Request
    guesses: Guesses | None
    one_of: int = 1


@dataclass(frozen=True, slots=True)
class Bucket:
    """A step of `size` slots, flags on the host included. `share` is of the measured rate of a matrix product."""

    size: int
    ms: float
    steps_per_s: float
    slot_steps_per_s: float
    share: float


@dataclass(frozen=True, slots=True)
class Figures:
    """One model in one precision and mode. `ready_s` is the time from weights to empty slots, captures included.

    `puzzles_per_s` and `host`, the share of the time outside the model's step, are of the steps with full slots.
    """

    model: str
    precision: str
    mode: str
    ready_s: float
    buckets: list[Bucket]
    puzzles_per_s: float
    host: float
    steps_per_puzzle: float
    verified: float
    peak_memory_gib: float | None


def wait(device: str) -> None:
    """Until the device has done all it was given."""
    if device != "cpu":
        torch.cuda.synchronize()


def product_rate(device: str, dtype: torch.dtype, side: int) -> float:
    """FLOP per second of a product of two matrices, side x side, the best of several."""
    a, best = torch.randn(side, side, device=device).to(dtype), 0.0
    for _ in range(5):
        wait(device)
        started = time.perf_counter()
        for _ in range(3):
            a @ a
        wait(device)
        best = max(best, 3 * 2 * side**3 / (time.perf_counter() - started))
    return best


def time_step(runner: TorchRunner, size: int, questions: Tokens, seconds: float) -> float:
    """Seconds of one step of `size` slots: the median of as many as `seconds` hold, three at least, after one that is not counted."""
    for slot in range(size):
        runner.load(slot, questions[slot % len(questions)])
    runner.step(size)
    times, end = list[float](), time.perf_counter() + seconds
    while len(times) < 3 or time.perf_counter() < end:
        started = time.perf_counter()
        runner.step(size)
        times.append(time.perf_counter() - started)
    return float(np.median(times))


def solve(runner: TorchRunner, questions: Tokens, subject: Subject) -> tuple[list[Outcome], float, float]:
    """All puzzles through the engine: the outcomes, slots stepped a second while all were full, and the share of that time outside the model's step."""
    engine, outcomes = Engine(runner, rules(9), guesses=subject.guesses), list[Outcome]()
    for index, question in enumerate(questions):
        engine.add(subject.ask._replace(id=str(index), cells=question.tobytes()))
    full, seconds, inside = 0, 0.0, 0.0
    while engine.busy:
        started = time.perf_counter()
        step = engine.step()
        outcomes += [each for each in step.finished if isinstance(each, Outcome)]
        if step.size == runner.slots:
            full, seconds, inside = full + step.size, seconds + time.perf_counter() - started, inside + step.seconds
    return outcomes, full / seconds, 1 - inside / seconds


def measure(subject: Subject, precision: str, mode: str, questions: Tokens, peak: float, arguments: argparse.Namespace) -> Figures:
    """One model in one precision and mode."""
    device, slots = arguments.device, arguments.slots
    if device != "cpu":
        torch.cuda.reset_peak_memory_stats()
    started = time.perf_counter()
    options = {"bucketed": mode != "eager", "compiled": mode == "graphs, compiled"}
    runner = TorchRunner(subject.make(), slots, device, dtype=PRECISIONS[precision], check=check("sudoku", 9, 9, device), **options)
    wait(device)
    ready, rows = time.perf_counter() - started, list[Bucket]()
    for size in buckets(slots):
        seconds = time_step(runner, size, questions, arguments.seconds)
        rows.append(Bucket(size, seconds * 1000, 1 / seconds, size / seconds, size * flop_per_step(subject.config) / seconds / peak))
    outcomes, slot_steps, host = solve(runner, questions, subject)
    steps = float(np.mean([outcome.steps for outcome in outcomes]))
    return Figures(
        model=subject.name,
        precision=precision,
        mode=mode,
        ready_s=ready,
        buckets=rows,
        puzzles_per_s=slot_steps / steps,
        host=host,
        steps_per_puzzle=steps,
        verified=float(np.mean([outcome.verified is True for outcome in outcomes])),
        peak_memory_gib=None if device == "cpu" else torch.cuda.max_memory_allocated() / 2**30,
    )


def full_size() -> TRM:
    """The reference's model for Sudoku with random weights, the same in every run."""
    torch.manual_seed(0)
    return TRM(FULL)


def subjects(entry: Entry, quick: bool) -> list[Subject]:
    """The model of the store as it is served, and the full-size one, which takes all its steps."""
    defaults = entry.manifest.defaults
    served = Request(id="", cells=b"", halt="verified", max_steps=defaults.max_steps, attempts=2 if quick else defaults.attempts, deadline=float("inf"))
    guesses = Guesses(**entry.manifest.guesses.model_dump()) if entry.manifest.guesses else None
    steps = 1 if quick else FULL.halt_max_steps
    return [
        Subject(entry.name, entry.config, lambda: weights.load(entry), served, guesses),
        Subject("trm-5m", FULL, full_size, served._replace(halt="never", max_steps=steps, attempts=1), None, one_of=16),
    ]


def show(figures: Figures) -> None:
    """A table of one measurement."""
    print(f"\n{figures.model}, {figures.precision}, {figures.mode}: ready in {figures.ready_s:.1f} s; at full slots {figures.puzzles_per_s:.0f} puzzles/s,")
    print(f"{figures.host:.0%} of the time on the host, {figures.steps_per_puzzle:.2f} steps a puzzle")
    print("| slots | ms / step | steps/s | puzzle steps/s | share of peak |\n| --- | --- | --- | --- | --- |")
    for each in figures.buckets:
        print(f"| {each.size} | {each.ms:.3f} | {each.steps_per_s:.1f} | {each.slot_steps_per_s:.0f} | {each.share:.1%} |")


def parsed() -> argparse.Namespace:
    """The arguments, with what follows from `--quick`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--slots", type=int, default=512)
    parser.add_argument("--puzzles", type=int, default=16_384)
    parser.add_argument("--seconds", type=float, default=1.0, help="time for each batch size")
    parser.add_argument("--precisions", nargs="+", choices=tuple(PRECISIONS), default=list(PRECISIONS))
    parser.add_argument("--quick", action="store_true", help="few slots, puzzles and steps: to see that it runs")
    arguments = parser.parse_args()
    if arguments.puzzles < 2 * arguments.slots:
        parser.error("--puzzles must be twice --slots at least, so that all slots are full for a while")
    if arguments.quick:
        arguments.slots, arguments.puzzles, arguments.seconds = 2, 32, 0.0
    return arguments


def main() -> None:
    """Measure all and print the tables and the JSON line."""
    arguments = parsed()
    cpu = arguments.device == "cpu"
    entry, questions = ModelStore(PROJECT / "model_store", ("sudoku",)).entries["sudoku"], mix(arguments.puzzles).questions
    peaks = {name: product_rate(arguments.device, PRECISIONS[name], 512 if cpu else 8192) for name in arguments.precisions}
    name = "cpu" if cpu else torch.cuda.get_device_name(arguments.device)
    print(f"{name}, torch {torch.__version__}; matrix products: " + ", ".join(f"{each} {rate / 1e12:.3g} TFLOP/s" for each, rate in peaks.items()))
    results = []
    for subject in subjects(entry, arguments.quick):
        for precision in arguments.precisions:
            for mode in ("buckets, not captured",) if cpu else MODES:
                some = max(len(questions) // subject.one_of, 2 * arguments.slots)
                results.append(measure(subject, precision, mode, questions[:some], peaks[precision], arguments))
                show(results[-1])
    print(
        json.dumps(
            {
                "bench": "gpu",
                "machine": name,
                "torch": torch.__version__,
                "version": entry.version,
                "peak_tflops": {each: rate / 1e12 for each, rate in peaks.items()},
                **vars(arguments),
                "results": [asdict(each) for each in results],
            }
        )
    )


if __name__ == "__main__":
    main()
