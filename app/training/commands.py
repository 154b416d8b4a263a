"""What `trm train`, `evaluate` and `export` do: from command-line values to runs, reports and store folders."""

import argparse
import csv
import json
import logging
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from app.errors import InvalidRequest
from app.model.config import TRMConfig
from app.model.identifiers import IDENTIFIERS
from app.model.reference import grid_of
from app.model.store import Accuracy, Defaults, Entry, Grid, Guessing, ModelStore
from app.pool.messages import WorkerSpec
from app.pool.worker import make_engine
from app.puzzles.families import FAMILIES
from app.puzzles.maze import padded
from app.puzzles.sudoku import rules
from app.training import evaluate_arc
from app.training.arc import ArcSource, keep_identifiers, read_tasks
from app.training.data import PuzzleSet, Sampler, Source, read_csv, write_csv
from app.training.evaluate import Budget, Report, table, with_clues
from app.training.evaluate import evaluate as measure
from app.training.generator import generate
from app.training.mazes import MazeSource
from app.training.mazes import generate as mazes_of
from app.training.recipes import Recipe, named

MINIMAL = {4: (4, 6), 6: (8, 14), 9: (22, 30)}
"""Clues of generated puzzles, by side: from as few as digging reaches to easy."""


def train(arguments: argparse.Namespace) -> int:
    """Train, or go on training."""
    os.environ.setdefault("MKL_CBWR", "AUTO")  # speed before bits that are the same on every CPU
    import torch

    from app.model import weights
    from app.training.curves import draw
    from app.training.train import Run

    logging.basicConfig(level=logging.INFO, format="%(message)s")
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    recipe = named(arguments.recipe, dict(arguments.set))
    generated = "fresh mazes" if grid_of(recipe.arch).family == "maze" else f"{arguments.generate} generated"
    recipe = recipe.changed({"data": tuple(Path(given).name for given in arguments.data) or (generated,)})
    source = _source(arguments, recipe)
    if isinstance(source, ArcSource):
        recipe = recipe.changed({"arch.num_puzzle_identifiers": len(source.identifiers)})
        keep_identifiers(arguments.run_folder, source.identifiers)
    begin = None
    if arguments.init:
        entry = ModelStore(arguments.store, (arguments.init,)).entries[arguments.init]
        local = entry.config.mixer == "local" and recipe.arch.grid_shape
        if (entry.config.on(*local) if local else entry.config) != recipe.arch:
            raise InvalidRequest(f"the model {entry.name} has another architecture than the recipe")
        begin = weights.load(entry).state_dict()
    run = Run(arguments.run_folder, recipe, source, weights=begin, device=arguments.device, bf16=arguments.bf16 or arguments.device.startswith("cuda"))
    if not arguments.no_compile:
        run.compile()
    run.train()
    print(f"{arguments.run_folder}: {run.update} updates; the curves are in {draw(arguments.run_folder)}")
    return 0


def _source(arguments: argparse.Namespace, recipe: Recipe) -> Source:
    """What the recipe's model is to read: Sudokus from lists, or mazes as they are drawn."""
    grid, rng = grid_of(recipe.arch), np.random.default_rng(recipe.seed)
    if grid.family == "maze":
        if arguments.data:
            raise InvalidRequest("mazes are generated as they are trained on: leave --data out")
        return MazeSource(grid.height, grid.width, rng)
    if grid.family == "arc":
        return ArcSource(read_tasks([Path(given) for given in arguments.data]), grid.height, recipe.copies, recipe.moved, rng)
    return Sampler(_training_sets(arguments, recipe, grid.height), rules(grid.height), recipe.reveal, rng)


def _training_sets(arguments: argparse.Namespace, recipe: Recipe, side: int) -> list[tuple[PuzzleSet, float]]:
    """The training parts of the lists named, or of generated puzzles, which are kept in the run's folder."""
    sets = []
    for given in arguments.data:
        path, _, weight = given.partition(":")
        sets.append((read_csv(Path(path)).split()[0], float(weight or 1)))
    if not sets:
        path = arguments.run_folder / "puzzles.csv.gz"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_csv(generate(side, arguments.generate, MINIMAL[side], np.random.default_rng(recipe.seed)), path)
        sets.append((read_csv(path).split()[0], 1.0))
    for puzzles, _ in sets:
        if puzzles.height != side:
            raise InvalidRequest(f"the puzzles are {puzzles.height}x{puzzles.height}, the model was to be {side}x{side}")
    return sets


def evaluate(arguments: argparse.Namespace) -> int:
    """Measure one model on every list; print tables and, last, one line of JSON."""
    if arguments.record and any(given is not None for given in (arguments.halt, arguments.max_steps, arguments.attempts, arguments.guesses)):
        raise InvalidRequest("--record is for figures with the model's own defaults: leave --halt, --max-steps, --attempts and --guesses out")
    entry = _with_guesses(ModelStore(arguments.store, (arguments.name,)).entries[arguments.name], arguments.guesses)
    defaults, reports = entry.manifest.defaults, list[Report]()
    budget = Budget(arguments.halt or defaults.halt, arguments.max_steps or defaults.max_steps, arguments.attempts or defaults.attempts)
    spec = WorkerSpec(store=arguments.store, models=(entry.name,), backend=arguments.backend, slots=arguments.slots, threads=arguments.threads)
    if entry.manifest.puzzle.family == "arc":
        return _of_arc(arguments, entry, budget, spec)
    for report in (_of_mazes if entry.manifest.puzzle.family == "maze" else _of_sudokus)(arguments, entry, budget, spec):
        reports.append(report)
        print(f"{report.data}: {report.verified:.2%} of {report.puzzles}", file=sys.stderr)
    print(table(reports))
    if arguments.record:
        from app.training.publish import record

        for report in reports:
            accuracy = Accuracy(data=report.data, puzzles=report.puzzles, verified=report.verified, mean_steps=report.mean_steps)
            entry = record(entry, accuracy)
    print(json.dumps({"model": entry.name, "version": entry.version, "reports": [report.to_json() for report in reports]}))
    return 0


def _with_guesses(entry: Entry, numbers: tuple[int, ...] | None) -> Entry:
    """The entry with other guesses than its own: FIRST, LATER, EVERY, or none at all."""
    if numbers is None:
        return entry
    guesses = Guessing(first=numbers[0], later=numbers[1], every=numbers[2]) if numbers else None
    return replace(entry, manifest=entry.manifest.model_copy(update={"guesses": guesses}))


def _of_sudokus(arguments: argparse.Namespace, entry: Entry, budget: Budget, spec: WorkerSpec) -> Iterator[Report]:
    """One report a list, and one more for each number of clues."""
    if arguments.sizes:
        raise InvalidRequest(f"--sizes is for mazes, and {entry.name} reads {entry.manifest.puzzle}")
    engine, rng = make_engine(entry, spec), np.random.default_rng(arguments.seed)
    for label, puzzles in _evaluation_sets(arguments, entry.manifest.puzzle.height, rng):
        if not len(puzzles):
            raise InvalidRequest(f"{label}: there are no puzzles")
        chosen = puzzles.take(rng.permutation(len(puzzles))[: arguments.count])
        for clues in (None, *(int(text) for text in arguments.clues.split(",") if text)):
            name = label if clues is None else f"{label}, {clues} clues"
            yield measure(engine, chosen if clues is None else with_clues(chosen, clues, rng), budget, name)


def _evaluation_sets(arguments: argparse.Namespace, side: int, rng: np.random.Generator) -> list[tuple[str, PuzzleSet]]:
    sets = []
    for path in arguments.data:
        puzzles = read_csv(path)
        sets.append((f"{path.name.split('.')[0]}, {arguments.part}", puzzles.split()[1] if arguments.part == "held-out" else puzzles))
    return sets or [(f"generated {side}x{side}", generate(side, arguments.generate, MINIMAL[side], rng))]


def _of_mazes(arguments: argparse.Namespace, entry: Entry, budget: Budget, spec: WorkerSpec) -> Iterator[Report]:
    """One report a size, of generated mazes, about half of which have loops."""
    if arguments.data or arguments.clues:
        raise InvalidRequest("mazes are generated and have no clues: use --sizes, not --data or --clues")
    if (count := min(arguments.generate, arguments.count)) < 1:
        raise InvalidRequest("there are no mazes: --generate and --count are at least 1")
    for side in arguments.sizes or (min(entry.manifest.puzzle.height, entry.manifest.puzzle.width),):
        fitting = entry if entry.manifest.puzzle.reads("maze", side, side) else _grown(entry, side, spec.backend)
        grid = fitting.manifest.puzzle
        mazes = mazes_of(side, side, count, np.random.default_rng([arguments.seed, side]))
        yield measure(make_engine(fitting, spec), _on_canvas(mazes, grid), budget, f"mazes {side}x{side}")


def _of_arc(arguments: argparse.Namespace, entry: Entry, budget: Budget, spec: WorkerSpec) -> int:
    """Ask for the test grids of all tasks that are named, and report as `evaluate` does."""
    if arguments.sizes or arguments.clues or arguments.guesses is not None:
        raise InvalidRequest("ARC tasks have no sizes, clues or guesses to choose: leave --sizes, --clues and --guesses out")
    if entry.identifiers is None:
        raise InvalidRequest(f"{entry.name} has no {IDENTIFIERS}, so no puzzle can be named")
    tasks, grid = read_tasks(arguments.data), entry.manifest.puzzle
    report = evaluate_arc.evaluate(make_engine(entry, spec), entry.identifiers, tasks, grid.height, budget, f"test grids of {len(tasks)} tasks")
    print(evaluate_arc.table([report]))
    if arguments.record:
        from app.training.publish import record

        entry = record(entry, Accuracy(data=report.data, puzzles=report.tests, verified=report.voted, mean_steps=report.mean_steps))
    print(json.dumps({"model": entry.name, "version": entry.version, "reports": [report.to_json()]}))
    return 0


def _on_canvas(mazes: PuzzleSet, grid: Grid) -> PuzzleSet:
    """Mazes as the model is sent them, walls below and to the right."""
    questions, answers = (padded(tokens, (mazes.height, mazes.width), (grid.height, grid.width)) for tokens in (mazes.questions, mazes.answers))
    return PuzzleSet(questions, answers, grid.height, grid.width)


def _grown(entry: Entry, side: int, backend: str) -> Entry:
    """The same weights for a larger grid. Raises `InvalidModel` where they do not fit one, `InvalidRequest` for the ONNX step, which has one size."""
    changes = {"arch": entry.config.on(side, side).to_json(), "puzzle": Grid(family="maze", height=side, width=side)}
    if backend == "onnx":
        raise InvalidRequest(f"{entry.name} reads {entry.manifest.puzzle}: larger ones need --backend torch")
    return replace(entry, manifest=entry.manifest.model_copy(update=changes))


def export(arguments: argparse.Namespace) -> int:
    """Write the averaged weights of a run into the store."""
    from app.training.publish import publish

    run = arguments.run_folder
    if not (run / "state.safetensors").exists():
        raise InvalidRequest(f"{run} is not the folder of a training run")
    with (run / "curve.csv").open(newline="") as file:
        curve = list(csv.DictReader(file))
    arch = TRMConfig.from_json(json.loads((run / "recipe.json").read_text())["arch"])
    if arguments.size:
        arch = arch.on(arguments.size, arguments.size)
        FAMILIES[grid_of(arch).family].rules(arguments.size, arguments.size)  # refuses a size that the family does not have
    provenance = {
        "updates": int(curve[-1]["update"]),
        "training_minutes": round(sum(float(row["seconds"]) for row in curve) / 60, 1),
        "puzzles_seen": round(sum(float(row["puzzles_per_s"]) * float(row["seconds"]) for row in curve)),
    }
    defaults = Defaults(halt="learned" if grid_of(arch).family == "arc" else "verified", max_steps=arguments.max_steps, attempts=arguments.attempts)
    entry = publish(run, arguments.store, arguments.name, arch, arguments.description, defaults, provenance)
    print(f"{entry.folder}: version {entry.version}")
    return 0
