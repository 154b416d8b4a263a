"""What is in the model store, and what its models are asked here."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np

from app.engine.engine import Engine
from app.engine.native.builds import builds
from app.engine.native_runner import NativeRunner
from app.engine.request import Copy, Halt, Outcome, Request
from app.engine.runner import Runner
from app.model.store import WEIGHTS, Entry, ModelStore
from app.pool.messages import Backend, WorkerSpec
from app.pool.worker import make_runner
from app.puzzles.arc import FIRST, on_canvas
from app.puzzles.base import Tokens
from app.puzzles.families import FAMILIES
from app.puzzles.maze import padded
from app.training import mazes
from app.training.data import PuzzleSet
from app.training.generator import generate

STORE = ModelStore(Path(__file__).resolve().parents[2] / "model_store")
NAMES = sorted(STORE.entries)
CLUES = {4: (4, 8), 6: (10, 18), 9: (26, 36)}
RULED = [name for name in NAMES if STORE.entries[name].manifest.puzzle.family != "arc"]


def spec(backend: Backend, slots: int) -> WorkerSpec:
    return WorkerSpec(store=STORE.root, models=(), backend=backend, slots=slots, threads=1)


def native(entry: Entry, slots: int, build: str) -> NativeRunner:
    return NativeRunner(entry.file(WEIGHTS), entry.config, slots, build)


RUNNERS: dict[str, Callable[[Entry, int], Runner]] = {
    "onnx": lambda entry, slots: sized(make_runner(entry, spec("onnx", slots)), entry),
    "torch": lambda entry, slots: sized(make_runner(entry, spec("torch", slots)), entry),
    "auto": lambda entry, slots: sized(make_runner(entry, spec("auto", slots)), entry),
    **{f"native, {build}": lambda entry, slots, build=build: sized(native(entry, slots, build), entry) for build in builds()},
}


def grid_of(entry: Entry) -> tuple[int, int]:
    """The grid that its puzzles here are solved on: a model's own, or that of mazes of 10x10."""
    grid = entry.manifest.puzzle
    return entry.grid(10, 10) if grid.family == "maze" else (grid.height, grid.width)


def sized(runner: Runner, entry: Entry) -> Runner:
    return runner if grid_of(entry) == entry.grids[-1] else runner.on(*grid_of(entry))


@cache
def puzzles(name: str, count: int = 36) -> PuzzleSet:
    """Generated puzzles, the same in every test: of a model's size, mazes of 8x9 on a larger grid, or ARC grids of 4x4, which have no known answer."""
    entry = STORE.entries[name]
    height, width = grid_of(entry)
    rng = np.random.default_rng(height)
    if entry.manifest.puzzle.family == "arc":
        grids = np.stack([on_canvas(each, height) for each in rng.integers(FIRST, 12, (count, 4, 4), dtype=np.uint8)])
        return PuzzleSet(grids, np.zeros_like(grids), height, width)
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
        engine.add(Request(id=str(number), cells=cells, halt=halt, max_steps=max_steps, attempts=2, copies=copies(entry, number), deadline=float("inf")))
    outcomes = {}
    while engine.busy:
        outcomes |= {int(each.id): each for each in engine.step().finished if isinstance(each, Outcome)}
    return outcomes


def copies(entry: Entry, number: int) -> tuple[Copy, ...]:
    """Two trained copies of one of the puzzles that an ARC model knows, by turns; none for other models."""
    if entry.identifiers is None:
        return ()
    known = list(entry.identifiers)
    return tuple(Copy(*copy) for copy in entry.identifiers.copies(known[number % len(known)], 2))


def essence(outcome: Outcome) -> tuple[bytes, bool | None, int, int, str]:
    """All of an outcome but its timings and the last digits of its probability."""
    return outcome.cells, outcome.verified, outcome.steps, outcome.attempts, outcome.halt_reason
