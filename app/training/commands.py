"""What `trm train` and `export` do: from command-line values to runs and store folders."""

import argparse
import csv
import json
import logging
import os
from pathlib import Path
from typing import Literal

import numpy as np

from app.errors import InvalidRequest
from app.model.config import TRMConfig
from app.model.reference import grid_of
from app.model.store import WEIGHTS, Defaults, Entry, Guessing, ModelStore
from app.puzzles.families import FAMILIES
from app.puzzles.sudoku import rules
from app.training.ahead import drawn_ahead
from app.training.arc import ArcSource, keep_identifiers, read_tasks
from app.training.data import PuzzleSet, Sampler, Source, read_csv, write_csv
from app.training.evaluation import guessing
from app.training.generator import MINIMAL, generate
from app.training.mazes import MazeSource
from app.training.recipes import Recipe, named

GUESSES = Guessing(cells=3, among=12, steps=6, doubt=0.3)
"""How later attempts of an exported Sudoku model begin, if nothing else is said: as the default model's do."""


def train(arguments: argparse.Namespace) -> int:
    """Train, or go on training."""
    os.environ.setdefault("MKL_CBWR", "AUTO")  # speed before bits that are the same on every CPU
    import torch

    from app.model import weights
    from app.training import state
    from app.training.curves import draw
    from app.training.teacher import Teacher
    from app.training.train import Run

    logging.basicConfig(level=logging.INFO, format="%(message)s")
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    recipe = named(arguments.recipe, dict(arguments.set))
    generated = "fresh mazes" if grid_of(recipe.arch).family == "maze" else f"{arguments.generate} generated"
    recipe = recipe.changed({"data": tuple(Path(given).name for given in arguments.data) or (generated,)})
    copies, begin, teacher = _copies(arguments, recipe), None, None
    if copies:
        recipe = recipe.changed({"arch.num_puzzle_identifiers": len(copies.identifiers)})
    if arguments.init:
        entry, _ = _stored(arguments.store, arguments.init, recipe.arch)
        if not recipe.arch.same_weights(entry.config):
            raise InvalidRequest(f"the model {entry.name} has another architecture than the recipe")
        begin = weights.load(entry).state_dict()
    if arguments.teacher:
        entry, config = _stored(arguments.store, arguments.teacher, recipe.arch)
        if grid_of(config) != grid_of(recipe.arch):
            raise InvalidRequest(f"the teacher {entry.name} reads {grid_of(config)}, and the recipe's model {grid_of(recipe.arch)}")
        if copies and (entry.identifiers is None or entry.identifiers.names() != copies.identifiers):
            raise InvalidRequest(f"the teacher {entry.name} was trained on other tasks or copies, so its puzzle embeddings are of others")
        teacher = Teacher(weights.read(entry.file(WEIGHTS), config), f"{entry.name} {entry.version}", recipe.slots)
    recipe = recipe.changed({"teacher": teacher.name if teacher else ""})
    with state.alone(arguments.run_folder):
        if copies:
            keep_identifiers(arguments.run_folder, copies.identifiers)
        bf16, source = arguments.bf16 or arguments.device.startswith("cuda"), copies or _source(arguments, recipe)
        with drawn_ahead(source, arguments.workers) as drawn:
            run = Run(arguments.run_folder, recipe, drawn, weights=begin, teacher=teacher, device=arguments.device, bf16=bf16)
            if not arguments.no_compile:
                run.compile()
            run.train(arguments.save_every)
        print(f"{arguments.run_folder}: {run.update} updates; the curves are in {draw(arguments.run_folder)}")
    return 0


def _stored(store: Path, name: str, arch: TRMConfig) -> tuple[Entry, TRMConfig]:
    """A model of the store, and its architecture: on the grid of `arch` if its weights fit any."""
    entry = ModelStore(store, (name,)).entries[name]
    local = entry.config.mixer == "local" and arch.grid_shape
    return entry, entry.config.on(*local) if local else entry.config


def _copies(arguments: argparse.Namespace, recipe: Recipe) -> ArcSource | None:
    """Copies of ARC tasks, if those are what the recipe's model is to read: how many they are is part of its architecture."""
    grid = grid_of(recipe.arch)
    if grid.family != "arc":
        return None
    tasks = read_tasks([Path(given) for given in arguments.data])
    return ArcSource(tasks, grid.height, recipe.copies, recipe.moved, np.random.default_rng(recipe.seed))


def _source(arguments: argparse.Namespace, recipe: Recipe) -> Source:
    """What the recipe's model is to read, if not ARC: Sudokus from lists, or mazes as they are drawn."""
    grid, rng = grid_of(recipe.arch), np.random.default_rng(recipe.seed)
    if grid.family == "maze":
        if arguments.data:
            raise InvalidRequest("mazes are generated as they are trained on: leave --data out")
        return MazeSource(grid.height, grid.width, rng)
    return Sampler(_training_sets(arguments, recipe, grid.height), rules(grid.height), recipe.reveal, rng, recipe.guess, recipe.guess_right)


def _training_sets(arguments: argparse.Namespace, recipe: Recipe, side: int) -> list[tuple[PuzzleSet, float]]:
    """The training parts of the lists named, or of generated puzzles, which are kept in the run's folder."""
    sets = []
    for given in arguments.data:
        path, weight = _weighted(given)
        sets.append((read_csv(path).split()[0], weight))
    if not sets:
        path = arguments.run_folder / "puzzles.csv.gz"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_csv(generate(side, arguments.generate, MINIMAL[side], np.random.default_rng(recipe.seed)), path)
        sets.append((read_csv(path).split()[0], 1.0))
    for puzzles, _ in sets:
        if not len(puzzles):
            raise InvalidRequest("there are no puzzles to train on: all there are were held out")
        if puzzles.height != side:
            raise InvalidRequest(f"the puzzles are {puzzles.height}x{puzzles.height}, the model was to be {side}x{side}")
    return sets


def _weighted(given: str) -> tuple[Path, float]:
    """FILE[:WEIGHT], as `--data` has it."""
    path, _, text = given.partition(":")
    try:
        weight = float(text or 1)
    except ValueError:
        weight = 0
    if not 0 < weight < float("inf"):
        raise InvalidRequest(f"--data {given}: the weight {text} is not a number above 0")
    return Path(path), weight


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
    halt: Literal["learned", "verified"] = "learned" if grid_of(arch).family == "arc" else "verified"
    defaults = Defaults(halt=halt, max_steps=arguments.max_steps or arch.halt_max_steps, attempts=arguments.attempts)
    guesses = guessing(arguments.guesses) if arguments.guesses is not None else GUESSES
    entry = publish(run, arguments.store, arguments.name, arch, arguments.description, defaults, provenance, guesses, compact=arguments.compact)
    print(f"{entry.folder}: version {entry.version}")
    return 0
