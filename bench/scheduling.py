"""Whom each scheduling policy makes wait: the real dispatcher and schedulers under simulated load (`bench.simulation`).

    python -m bench.scheduling [--puzzles 6000] [--workers 2] [--slots 32] [--hardest 0.01] [--seed 0]

What puzzles take, and a step by its size, is in `demand.json`, as `bench.demand` measured it. Loads are shares of what the workers can do with all slots
full. With bulk, puzzles of a job are always there as well. A puzzle that is not done at its deadline, 10 s after its arrival, is late and counts as answered
then. The same in every run and on every machine. The last line is one JSON document.
"""

import argparse
import json
import math
from pathlib import Path
from typing import TypedDict

from bench.simulation import POLICIES, Setting, Simulation, Tally

MEASURED = json.loads(Path(__file__).with_name("demand.json").read_text())
LOADS = (0.5, 0.8, 0.95, 1.2)
HARDEST = 0.01


def setting(hardest: float = HARDEST, **fields: int) -> Setting:
    """Puzzles of the measured kinds: `hardest` is the share of the hardest known; of the rest, most are easy."""
    shares = {"30 clues": 0.6, "25 clues": 0.25, "17 clues": 0.15}
    mixed = {**{kind: share * (1 - hardest) for kind, share in shares.items()}, "hardest": hardest}
    return Setting(mixed, MEASURED["attempts_steps"], MEASURED["fixed_seconds"], MEASURED["slot_seconds"], **fields)


class Row(TypedDict):
    """A tally in numbers."""

    ms: dict[str, list[float | None]]
    refused: float
    late: float
    bulk_per_s: float


def figures(tally: Tally) -> Row:
    """What a tally says: p50 and p99 in milliseconds by kind, None where all were refused."""
    answered = {
        kind: [None if math.isnan(seconds := tally.quantile(kind, share)) else round(seconds * 1000, 1) for share in (0.5, 0.99)]
        for kind in MEASURED["attempts_steps"]
    }
    return {"ms": answered, "refused": round(tally.refused, 4), "late": round(tally.late, 4), "bulk_per_s": round(tally.bulk_per_s, 1)}


def row(load: float, name: str, made: Row) -> str:
    """One line of the table."""
    times = (" / ".join("-" if each is None else f"{each:.0f}" for each in pair) for pair in made["ms"].values())
    return f"| {load:.0%} | {name} | {' | '.join(times)} | {made['refused']:.1%} | {made['late']:.1%} | {made['bulk_per_s']:.0f} |"


def main() -> None:
    """Simulate every policy under every load, without and with bulk, and print the tables and the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--puzzles", type=int, default=6000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--slots", type=int, default=32)
    parser.add_argument("--hardest", type=float, default=HARDEST)
    parser.add_argument("--seed", type=int, default=0)
    arguments, results = parser.parse_args(), []
    made = setting(arguments.hardest, workers=arguments.workers, slots=arguments.slots)
    print(f"{arguments.workers} workers of {arguments.slots} slots, {made.capacity:.0f} puzzles/s at full slots; p50 / p99 in ms")
    for bulk in (False, True):
        print(f"\n{'With' if bulk else 'Without'} bulk in the background:\n")
        print(f"| load | policy | {' | '.join(made.shares)} | refused | late | bulk/s |", "| --- " * (len(made.shares) + 5) + "|", sep="\n")
        for load in LOADS:
            for name, policy in POLICIES.items():
                result = figures(Simulation(made, policy, load, bulk=bulk, seed=arguments.seed).run(arguments.puzzles))
                results.append({"policy": name, "load": load, "bulk": bulk, **result})
                print(row(load, name, result), flush=True)
    print(json.dumps({"bench": "scheduling", "version": MEASURED["version"], **vars(arguments), "results": results}))


if __name__ == "__main__":
    main()
