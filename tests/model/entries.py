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
    "onnx": lambda entry, slots: sized(OnnxRunner(entry.file(GRAPH), slots, threads=1), entry),
    "torch": lambda entry, slots: sized(TorchRunner(weights.load(entry), slots), entry),
}


def grid_of(entry: Entry) -> tuple[int, int]:
    """The grid that its puzzles here are solved on: a model's own, or that of mazes of 10x10."""
    grid = entry.manifest.puzzle
    return entry.grid(10, 10) if grid.family == "maze" else (grid.height, grid.width)


def sized(runner: Runner, entry: Entry) -> Runner:
    return runner if grid_of(entry) == entry.grids[-1] else runner.on(*grid_of(entry))


@cache
def puzzles(name: str, count: int = 36) -> PuzzleSet:
    """Generated puzzles, the same in every test: of a model's size, or mazes of 8x9 on a larger grid."""
    entry = STORE.entries[name]
    height, width = grid_of(entry)
    rng = np.random.default_rng(height)
    if entry.manifest.puzzle.family == "maze":
        small = mazes.generate(8, 9, count, rng, loopy=0)
        questions, answers = (padded(tokens, (8, 9), (height, width)) for tokens in (small.questions, small.answers))
        return PuzzleSet(questions, answers, height, width)
    return generate(height, count, CLUES[height], rng)


def questions(entry: Entry, count: int = 36) -> Tokens:
    return puzzles(entry.name, count).questions


def solve(entry: Entry, backend: str, slots: int, order: list[int], halt: Halt = "verified", max_steps: int = 16) -> dict[int, Outcome]:
    """Solve the generated puzzles of these numbers, queued in this order, in an engine of so many slots."""
    engine = Engine(RUNNERS[backend](entry, slots), FAMILIES[entry.manifest.puzzle.family].rules(*grid_of(entry)))
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
