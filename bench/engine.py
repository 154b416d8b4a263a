"""The engine alone, saturated: step-level batching against whole-request batching from the same code, in one run.

    python -m bench.engine [--model sudoku] [--puzzles 640] [--slots 32] [--threads 1] [--backend auto]

Every step runs all slots. What is told is of the second time: the first one makes the symmetric copies, each of which a worker makes once. The last line is
one JSON document. Shares of the machine are of the sgemm rate of `bench.arithmetic`.
"""

import argparse
import json
import time
from dataclasses import asdict, dataclass

from app.engine.engine import Engine
from app.engine.request import Outcome, Request
from app.engine.scheduler import Refill
from app.model.store import Entry, ModelStore
from app.pool.messages import WorkerSpec
from app.pool.worker import make_engines
from app.settings import PROJECT
from app.training.data import PuzzleSet
from bench.arithmetic import flop_per_step, sgemm_rate
from bench.puzzles import mix


@dataclass(frozen=True, slots=True)
class Figures:
    """`occupancy`: share of all slots that a step ran on. `useful`: share of those whose puzzle was not done yet."""

    refill: Refill
    puzzles_per_s: float
    slot_steps_per_s: float
    steps_per_s: float
    mean_halting_depth: float
    occupancy: float
    useful: float
    verified: float
    share_of_sgemm: float
    bookkeeping: float


def drive(engine: Engine, puzzles: PuzzleSet, entry: Entry) -> tuple[list[Outcome], float, float, int, int]:
    """Solve all puzzles; outcomes, seconds in all, seconds inside the model's step, steps, slots stepped."""
    defaults = entry.manifest.defaults
    outcomes, inside, steps, sizes = list[Outcome](), 0.0, 0, 0
    for index, question in enumerate(puzzles.questions):
        engine.add(Request(id=str(index), cells=question.tobytes(), halt="verified", max_steps=defaults.max_steps, attempts=defaults.attempts, deadline=1e18))
    started = time.perf_counter()
    while engine.busy:
        step = engine.step()
        outcomes += [each for each in step.finished if isinstance(each, Outcome)]
        inside, steps, sizes = inside + step.seconds, steps + 1, sizes + step.size
    return outcomes, time.perf_counter() - started, inside, steps, sizes


def measure(entry: Entry, spec: WorkerSpec, puzzles: PuzzleSet, sgemm: float) -> Figures:
    """One run with the refill policy of `spec`."""
    (engine,) = make_engines(entry, spec).values()
    drive(engine, puzzles, entry)
    outcomes, seconds, inside, steps, sizes = drive(engine, puzzles, entry)
    useful = sum(outcome.steps for outcome in outcomes)
    return Figures(
        refill=spec.refill,
        puzzles_per_s=len(outcomes) / seconds,
        slot_steps_per_s=sizes / seconds,
        steps_per_s=steps / seconds,
        mean_halting_depth=useful / len(outcomes),
        occupancy=sizes / steps / spec.slots,
        useful=useful / sizes,
        verified=sum(outcome.verified is True for outcome in outcomes) / len(outcomes),
        share_of_sgemm=sizes * flop_per_step(entry.config) / seconds / sgemm,
        bookkeeping=1 - inside / seconds,
    )


def main() -> None:
    """Run both policies and print the table and the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="sudoku")
    parser.add_argument("--puzzles", type=int, default=640)
    parser.add_argument("--slots", type=int, default=32)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--backend", choices=("auto", "onnx", "torch"), default="auto")
    arguments = parser.parse_args()
    entry, puzzles = ModelStore(PROJECT / "model_store", (arguments.model,)).entries[arguments.model], mix(arguments.puzzles)
    sgemm, rows = sgemm_rate(arguments.threads), list[Figures]()
    for refill in ("step", "batch"):
        spec = WorkerSpec(
            store=PROJECT / "model_store",
            models=(entry.name,),
            backend=arguments.backend,
            slots=arguments.slots,
            batch=arguments.slots,
            threads=arguments.threads,
            refill=refill,
        )
        rows.append(measure(entry, spec, puzzles, sgemm))
    print(f"{len(puzzles)} puzzles (36 clues, 28 clues, minimal), {arguments.slots} slots, {arguments.threads} threads, {arguments.backend}")
    print(f"sgemm {sgemm / 1e9:.0f} GFLOP/s")
    names = [name for name in asdict(rows[0]) if name != "refill"]
    print("| figure | step-level | whole-request |", "| --- | --- | --- |", sep="\n")
    for name in names:
        print(f"| {name} | {getattr(rows[0], name):.3g} | {getattr(rows[1], name):.3g} |")
    ratio = rows[0].puzzles_per_s / rows[1].puzzles_per_s
    print(f"step-level / whole-request: {ratio:.2f} times the puzzles/s")
    document = {
        "bench": "engine",
        "version": entry.version,
        "sgemm_gflops": sgemm / 1e9,
        **vars(arguments),
        "results": [asdict(row) for row in rows],
        "ratio": ratio,
    }
    print(json.dumps(document))


if __name__ == "__main__":
    main()
