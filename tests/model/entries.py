"""What is in the model store, and what its models are asked here."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np

from app.engine.engine import Engine
from app.engine.onnx_runner import OnnxRunner
from app.engine.request import Halt, Outcome, Request
from app.engine.runner import Runner
from app.engine.torch_runner import TorchRunner
from app.model import weights
from app.model.store import GRAPH, Entry, ModelStore
from app.puzzles.base import Tokens
from app.puzzles.families import FAMILIES
from app.puzzles.maze import padded
from app.training import mazes
from app.training.data import PuzzleSet
from app.training.generator import generate

STORE = ModelStore(Path(__file__).resolve().parents[2] / "model_store")
NAMES = sorted(STORE.entries)
CLUES = {4: (4, 8), 6: (10, 18), 9: (26, 36)}
RUNNERS: dict[str, Callable[[Entry, int], Runner]] = {
    "onnx": lambda entry, slots: OnnxRunner(entry.file(GRAPH), slots, threads=1),
    "torch": lambda entry, slots: TorchRunner(weights.load(entry), slots),
}


@cache
def puzzles(name: str, count: int = 36) -> PuzzleSet:
    """Generated puzzles, the same in every test: of a model's size, or mazes of 10x10 on its grid."""
    grid = STORE.entries[name].manifest.puzzle
    rng = np.random.default_rng(grid.height)
    if grid.family == "maze":
        small = mazes.generate(10, 10, count, rng, loopy=0)
        questions, answers = (padded(tokens, (10, 10), (grid.height, grid.width)) for tokens in (small.questions, small.answers))
        return PuzzleSet(questions, answers, grid.height, grid.width)
    return generate(grid.height, count, CLUES[grid.height], rng)


def questions(entry: Entry, count: int = 36) -> Tokens:
    return puzzles(entry.name, count).questions


def solve(entry: Entry, backend: str, slots: int, order: list[int], halt: Halt = "verified", max_steps: int = 16) -> dict[int, Outcome]:
    """Solve the generated puzzles of these numbers, queued in this order, in an engine of so many slots."""
    grid = entry.manifest.puzzle
    engine = Engine(RUNNERS[backend](entry, slots), FAMILIES[grid.family].rules(grid.height, grid.width))
    for number in order:
        cells = questions(entry)[number].tobytes()
        engine.add(Request(id=str(number), cells=cells, halt=halt, max_steps=max_steps, attempts=2, deadline=float("inf")))
    outcomes = {}
    while engine.busy:
        outcomes |= {int(each.id): each for each in engine.step().finished if isinstance(each, Outcome)}
    return outcomes


def essence(outcome: Outcome) -> tuple[bytes, bool | None, int, int, str]:
    """All of an outcome but its timings and the last digits of its probability."""
    return outcome.cells, outcome.verified, outcome.steps, outcome.attempts, outcome.halt_reason
