"""What the simulation of scheduling takes for given, measured: steps and attempts that puzzles of four kinds take, and seconds of a step by its size.

    python -m bench.demand SUDOKU_17_CLUE.csv.gz SUDOKU_FORUM_HARDEST.csv.gz [--count 300] > bench/demand.json

The lists have columns `question` and `answer`; only their held-out parts are read. Of the first, cells are revealed to make the easier kinds.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np

from app.engine.engine import Engine
from app.engine.request import Outcome, Request
from app.model.store import Entry, ModelStore
from app.pool.messages import WorkerSpec
from app.pool.worker import make_engines
from app.settings import PROJECT
from app.training.data import PuzzleSet, read_csv
from app.training.evaluate import with_clues

QUANTILES = 40
SIZES = (1, 2, 4, 8, 16, 24, 32)


def demand(engine: Engine, entry: Entry, puzzles: PuzzleSet) -> list[tuple[int, int]]:
    """(attempts, steps) of the puzzles at `QUANTILES` equally likely ranks, from least steps to most."""
    defaults, taken = entry.manifest.defaults, list[tuple[int, int]]()
    for index, question in enumerate(puzzles.questions):
        engine.add(Request(id=str(index), cells=question.tobytes(), halt="verified", max_steps=defaults.max_steps, attempts=defaults.attempts, deadline=1e18))
    while engine.busy:
        taken += [(outcome.steps, outcome.attempts) for outcome in engine.step().finished if isinstance(outcome, Outcome)]
    taken.sort()
    ranks = (np.arange(QUANTILES) + 0.5) / QUANTILES * len(taken)
    return [(taken[int(rank)][1], taken[int(rank)][0]) for rank in ranks]


def step_cost(engine: Engine, repeats: int = 30) -> tuple[float, float]:
    """(seconds of a step, seconds more for each slot): the line through the least times of several sizes, of one thread, with small errors for small sizes."""
    least = []
    for size in SIZES:
        times = []
        for _ in range(repeats):
            started = time.process_time()
            engine.runner.step(size)
            times.append(time.process_time() - started)
        least.append(min(times))
    slope, fixed = np.polyfit(SIZES, least, 1, w=1 / np.array(SIZES))
    return max(0.0, float(fixed)), float(slope)


def main() -> None:
    """Measure and print the JSON document that `bench.scheduling` reads."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lists", type=Path, nargs=2)
    parser.add_argument("--count", type=int, default=300)
    arguments = parser.parse_args()
    entry = ModelStore(PROJECT / "model_store", ("sudoku",)).entries["sudoku"]
    (engine,) = make_engines(entry, WorkerSpec(store=PROJECT / "model_store", models=(entry.name,), slots=max(SIZES), batch=max(SIZES), threads=1)).values()
    rng = np.random.default_rng(0)
    few, hardest = (held.take(rng.permutation(len(held))[: arguments.count]) for held in (read_csv(path).split()[1] for path in arguments.lists))
    kinds = {"30 clues": with_clues(few, 30, rng), "25 clues": with_clues(few, 25, rng), "17 clues": few, "hardest": hardest}
    fixed, slot = step_cost(engine)
    document = {"version": entry.version, "puzzles": arguments.count, "fixed_seconds": fixed, "slot_seconds": slot}
    print(json.dumps({**document, "attempts_steps": {kind: demand(engine, entry, puzzles) for kind, puzzles in kinds.items()}}))


if __name__ == "__main__":
    main()
