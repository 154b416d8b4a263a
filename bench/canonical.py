"""What finding the canonical form of a Sudoku costs, against solving it, to see whether it pays that copies share an answer.

    python -m bench.canonical [--puzzles 120]

By size: microseconds for the form of a new puzzle, milliseconds for its solve in an engine that has nothing else to do, their ratio, and how many random
symmetric copies end in the same form. The last line is one JSON document.
"""

import argparse
import json
import time

import numpy as np

from app.model.store import Entry, ModelStore
from app.pool.messages import WorkerSpec
from app.pool.worker import make_engines
from app.puzzles.canonical import canonical
from app.puzzles.sudoku import BLANK, rules
from app.settings import PROJECT
from app.training.data import PuzzleSet
from app.training.generator import generate
from bench.path import alone
from bench.puzzles import mix

CLUES = {4: (4, 8), 6: (10, 16)}
ROUNDS = 3


def puzzles(side: int, count: int) -> PuzzleSet:
    """Of 9x9 the usual mix, of smaller ones what the generator makes."""
    return mix(count) if side == 9 else generate(side, count, CLUES[side], np.random.default_rng(0))


def measure(entry: Entry, side: int, count: int) -> dict[str, float]:
    """All figures of one size: the best of rounds that take turns, for the machine may be busy."""
    asked, known, rng = puzzles(side, count), rules(side), np.random.default_rng(1)
    (engine,) = make_engines(entry, WorkerSpec(store=PROJECT / "model_store", models=(entry.name,))).values()
    form_us, solve_ms, same = list[float](), list[float](), list[bool]()
    for _ in range(ROUNDS):
        copies = [known.symmetry(rng).apply(question) for question in asked.questions]
        canonical.cache_clear()
        started = time.perf_counter()
        forms = [canonical(copy.tobytes(), known.box, BLANK).apply(copy) for copy in copies]
        form_us.append((time.perf_counter() - started) / count * 1e6)
        ours = [canonical(question.tobytes(), known.box, BLANK).apply(question) for question in asked.questions]
        same += [form.tobytes() == our.tobytes() for form, our in zip(forms, ours, strict=True)]
        solve_ms.append(float(np.mean(alone(engine, asked))))
    return {"form_us": min(form_us), "solve_ms": min(solve_ms), "ratio": min(form_us) / 1000 / min(solve_ms), "shared": float(np.mean(same))}


def main() -> None:
    """Measure all sizes and print the table and the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--puzzles", type=int, default=120)
    count, store = parser.parse_args().puzzles, ModelStore(PROJECT / "model_store")
    results = {side: measure(store.resolve(None, "sudoku", side, side), side, count) for side in (4, 6, 9)}
    print("| grid | form, microseconds | solve, ms | ratio | copies that share it |", "| --- " * 5 + "|", sep="\n")
    for side, each in results.items():
        print(f"| {side}x{side} | {each['form_us']:.0f} | {each['solve_ms']:.2f} | {each['ratio']:.3f} | {each['shared']:.1%} |")
    print(json.dumps({"bench": "canonical", "puzzles": count, "results": results}))


if __name__ == "__main__":
    main()
