"""What `trm evaluate` does: from command-line values to lists of puzzles, an engine and reports."""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from pydantic import ValidationError

from app.energy import Energy
from app.errors import InvalidRequest, mistakes
from app.model.identifiers import IDENTIFIERS
from app.model.store import Accuracy, Entry, Guessing, ModelStore
from app.pool.messages import WorkerSpec
from app.pool.worker import make_engines
from app.puzzles.maze import padded
from app.training import evaluate_arc
from app.training.arc import read_tasks
from app.training.data import PuzzleSet, read_csv
from app.training.evaluate import Budget, Report, table, with_clues
from app.training.evaluate import evaluate as measure
from app.training.generator import MINIMAL, generate
from app.training.hard import hard
from app.training.mazes import generate as mazes_of


def evaluate(arguments: argparse.Namespace) -> int:
    """Measure one model on every list; print tables and, last, one line of JSON."""
    if arguments.record and any(given is not None for given in (arguments.halt, arguments.max_steps, arguments.attempts, arguments.guesses)):
        raise InvalidRequest("--record is for figures with the model's own defaults: leave --halt, --max-steps, --attempts and --guesses out")
    if arguments.output and not arguments.output.parent.is_dir():
        raise InvalidRequest(f"{arguments.output} cannot be written: there is no such folder")
    entry = ModelStore(arguments.store, (arguments.name,)).entries[arguments.name]
    if arguments.guesses is not None:
        entry = replace(entry, manifest=entry.manifest.model_copy(update={"guesses": guessing(arguments.guesses)}))
    defaults, reports = entry.manifest.defaults, list[Report]()
    budget = Budget(arguments.halt or defaults.halt, arguments.max_steps or defaults.max_steps, arguments.attempts or defaults.attempts)
    slots = 1 if arguments.alone else arguments.slots
    if arguments.device != "cpu" and arguments.backend != "torch":
        raise InvalidRequest(f"--device {arguments.device} is for --backend torch")
    models, backend, device = (entry.name,), arguments.backend, arguments.device
    spec = WorkerSpec(store=arguments.store, models=models, backend=backend, device=device, slots=slots, batch=slots, threads=arguments.threads)
    if entry.manifest.puzzle.family == "arc":
        return _of_arc(arguments, entry, budget, spec)
    for report in (_of_mazes if entry.manifest.puzzle.family == "maze" else _of_sudokus)(arguments, entry, budget, spec):
        reports.append(report)
        print(f"{report.data}: {report.verified:.2%} of {report.puzzles}", file=sys.stderr)
    print(table(reports))
    if arguments.record:
        from app.training.publish import record

        for report in reports:
            accuracy = Accuracy(data=report.data, puzzles=report.puzzles, solved=report.verified, optimal=report.optimal, mean_steps=report.mean_steps)
            entry = record(entry, accuracy)
    return _told(arguments, entry, reports)


def _told(arguments: argparse.Namespace, entry: Entry, reports: Sequence[Report | evaluate_arc.ArcReport]) -> int:
    """Print the figures as one line of JSON, and write it to the file of `--output`."""
    line = json.dumps({"model": entry.name, "version": entry.version, "reports": [report.to_json() for report in reports]})
    print(line)
    if arguments.output:
        try:
            arguments.output.write_text(line + "\n")
        except OSError as error:
            raise InvalidRequest(f"{arguments.output} cannot be written: {error}") from error
    return 0


def guessing(numbers: tuple[float, ...]) -> Guessing | None:
    """The fields of `Guessing` in order, or none at all, as `--guesses` has them. Raises `InvalidRequest` for wrong numbers."""
    try:
        return Guessing.model_validate(dict(zip(Guessing.model_fields, numbers, strict=True))) if numbers else None
    except ValidationError as error:
        raise InvalidRequest(f"--guesses: {mistakes(error)}") from error


def _of_sudokus(arguments: argparse.Namespace, entry: Entry, budget: Budget, spec: WorkerSpec) -> Iterator[Report]:
    """One report a list, and one more for each number of clues."""
    if arguments.sizes or arguments.rooms:
        raise InvalidRequest(f"--sizes and --rooms are for mazes, and {entry.name} reads {entry.manifest.puzzle}")
    (engine,), energy, rng = make_engines(entry, spec).values(), Energy(spec.device), np.random.default_rng(arguments.seed)
    for label, puzzles in _evaluation_sets(arguments, entry.manifest.puzzle.height, rng):
        if not len(puzzles):
            raise InvalidRequest(f"{label}: there are no puzzles")
        chosen = puzzles.take(rng.permutation(len(puzzles))[: arguments.count])
        for clues in (None, *arguments.clues):
            name = label if clues is None else f"{label}, {clues} clues"
            yield measure(engine, chosen if clues is None else with_clues(chosen, clues, rng), budget, name, energy, arguments.alone)


def _evaluation_sets(arguments: argparse.Namespace, side: int, rng: np.random.Generator) -> list[tuple[str, PuzzleSet]]:
    if arguments.hard is not None and (arguments.data or arguments.hard < 0):
        raise InvalidRequest("--hard N is for generated puzzles, with N of 0 or more: leave --data out")
    sets = []
    for path in arguments.data:
        puzzles = read_csv(path)
        sets.append((f"{path.name.split('.')[0]}, {arguments.part}", puzzles.split()[1] if arguments.part == "held-out" else puzzles))
    if arguments.hard is not None:
        count = min(arguments.generate, arguments.count)
        return [(f"generated {side}x{side}, minimal, {arguments.hard} guesses or more", hard(side, count, arguments.hard, rng))]
    return sets or [(f"generated {side}x{side}", generate(side, arguments.generate, MINIMAL[side], rng))]


def _of_mazes(arguments: argparse.Namespace, entry: Entry, budget: Budget, spec: WorkerSpec) -> Iterator[Report]:
    """One report a size, of generated mazes: about half have loops and each one shortest path, or with --rooms all have many ways."""
    if arguments.data or arguments.clues or arguments.hard is not None or arguments.guesses is not None:
        raise InvalidRequest("mazes are generated and have no clues: use --sizes, not --data, --clues, --hard or --guesses")
    count = min(arguments.generate, arguments.count)
    sides = arguments.sizes or (min(entry.manifest.puzzle.height, entry.manifest.puzzle.width),)
    if too_large := [side for side in sides if not entry.manifest.puzzle.reads("maze", side, side)]:
        raise InvalidRequest(f"{entry.name} reads {entry.manifest.puzzle}, not {max(too_large)}x{max(too_large)}")
    engines, energy = make_engines(entry, spec), Energy(spec.device)
    for side in sides:
        mazes = mazes_of(side, side, count, np.random.default_rng([arguments.seed, side]), rooms=arguments.rooms)
        height, width = entry.grid(side, side)
        label = f"mazes {side}x{side}{' with open rooms' if arguments.rooms else ''}"
        yield measure(engines[height * width], _on_canvas(mazes, height, width), budget, label, energy, arguments.alone)


def _of_arc(arguments: argparse.Namespace, entry: Entry, budget: Budget, spec: WorkerSpec) -> int:
    """Ask for the test grids of all tasks that are named, and report as `evaluate` does."""
    if arguments.sizes or arguments.rooms or arguments.clues or arguments.hard is not None or arguments.guesses is not None or arguments.alone:
        raise InvalidRequest("ARC tasks have no sizes, clues or guesses to choose: leave --sizes, --rooms, --clues, --hard, --guesses and --alone out")
    if entry.identifiers is None:
        raise InvalidRequest(f"{entry.name} has no {IDENTIFIERS}, so no puzzle can be named")
    tasks, (engine,) = read_tasks(arguments.data), make_engines(entry, spec).values()
    report = evaluate_arc.evaluate(engine, entry.identifiers, tasks, entry.manifest.puzzle.height, budget, f"test grids of {len(tasks)} tasks")
    print(evaluate_arc.table([report]))
    if arguments.record:
        from app.training.publish import record

        entry = record(entry, Accuracy(data=report.data, puzzles=report.tests, solved=report.voted, mean_steps=report.mean_steps))
    return _told(arguments, entry, [report])


def _on_canvas(mazes: PuzzleSet, height: int, width: int) -> PuzzleSet:
    """Mazes as the model is sent them, walls below and to the right."""
    questions, answers = (padded(tokens, (mazes.height, mazes.width), (height, width)) for tokens in (mazes.questions, mazes.answers))
    return PuzzleSet(questions, answers, height, width)
