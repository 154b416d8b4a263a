"""ARC tasks for training: read from the public JSON form, and drawn without end as pairs of their augmented copies. Knows grids and files; no model.

A task has a few pairs of a question and its answer to learn from (`train`) and some to be asked (`test`). Only the first are ever drawn.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from app.errors import InvalidPuzzle, InvalidRequest, shown
from app.model.identifiers import BLANK, IDENTIFIERS
from app.puzzles.arc import IDENTITY, LARGEST, SEPARATOR, Arc, Augmentation, cropped, on_canvas
from app.puzzles.base import Rules, Tokens
from app.training.data import Example

RETRIES = 5
"""Draws for each augmented copy that is wanted: a simple task has few that differ."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A question and its answer as grids of colour tokens, (height, width) each; a test pair may lack the answer."""

    question: Tokens
    answer: Tokens | None


@dataclass(frozen=True, slots=True)
class Task:
    """One task of the corpus."""

    name: str
    train: tuple[Pair, ...]
    test: tuple[Pair, ...]

    @property
    def side(self) -> int:
        """Of its largest grid the longer side."""
        grids = [grid for pair in self.train + self.test for grid in (pair.question, pair.answer) if grid is not None]
        return int(max(side for grid in grids for side in grid.shape))


def read_tasks(paths: Sequence[Path]) -> list[Task]:
    """All tasks of files and of folders of files: one a file, called like the file, or many by their names. Raises `InvalidRequest` naming file and cell."""
    tasks: dict[str, Task] = {}
    for path in paths:
        for file in sorted(path.glob("*.json")) if path.is_dir() else [path]:
            for task in _of_file(file):
                if task.name in tasks:
                    raise InvalidRequest(f"{file}: there is a task {task.name} already")
                tasks[task.name] = task
    if not tasks:
        raise InvalidRequest(f"there are no ARC tasks (*.json) in {', '.join(map(str, paths)) or 'no --data'}")
    return list(tasks.values())


def _of_file(file: Path) -> list[Task]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidRequest(f"{file}: it cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise InvalidRequest(f"{file}: it is not a JSON object with train and test, nor one of such by name")
    named = {file.stem: content} if "train" in content else content
    return [_task(f"{file}, task {name}" if named is content else str(file), name, value) for name, value in named.items()]


def _task(where: str, name: str, value: object) -> Task:
    if not name or SEPARATOR in name or name == BLANK:
        raise InvalidRequest(f"{where}: {shown(name)} cannot be the name of a task")
    if not isinstance(value, dict):
        raise InvalidRequest(f"{where}: it is {shown(value)}, not an object with train and test")
    train, test = (_pairs(where, part, value.get(part)) for part in ("train", "test"))
    if lacking := [number for number, pair in enumerate(train, start=1) if pair.answer is None]:
        raise InvalidRequest(f"{where}: train pair {lacking[0]} has no output")
    return Task(name, train, test)


def _pairs(where: str, part: str, value: object) -> tuple[Pair, ...]:
    if not isinstance(value, list) or not value:
        raise InvalidRequest(f"{where}: {part} is not a list of pairs of input and output")
    return tuple(_pair(f"{where}, {part} pair {number}", pair) for number, pair in enumerate(value, start=1))


def _pair(where: str, value: Any) -> Pair:
    if not isinstance(value, dict) or "input" not in value:
        raise InvalidRequest(f"{where}: it is not an object with input and output")
    return Pair(_grid(f"{where}, input", value["input"]), _grid(f"{where}, output", value["output"]) if "output" in value else None)


def _grid(where: str, value: object) -> Tokens:
    try:
        puzzle = Arc().parse(value)
    except InvalidPuzzle as error:
        raise InvalidRequest(f"{where}: {error.detail}") from error
    return puzzle.tokens.reshape(puzzle.height, puzzle.width)


def augmentations(task: Task, copies: int, rng: np.random.Generator) -> list[Augmentation]:
    """The task as it is, and up to `copies` augmentations that give its train pairs other grids than those before."""
    chosen, seen = [IDENTITY], {_looks(task, IDENTITY)}
    for _ in range(RETRIES * copies):
        augmentation = Augmentation.random(rng)
        if len(chosen) <= copies and (looks := _looks(task, augmentation)) not in seen:
            seen.add(looks)
            chosen.append(augmentation)
    return chosen


def _looks(task: Task, augmentation: Augmentation) -> frozenset[bytes]:
    grids = [on_canvas(grid, LARGEST) for pair in task.train for grid in (pair.question, pair.answer) if grid is not None]
    return frozenset(b"".join(augmentation.apply(grid).tobytes() for grid in grids[index : index + 2]) for index in range(0, len(grids), 2))


class ArcSource:
    """Train pairs of the tasks and of a fixed number of augmented copies of each, every copy with an id of its own, at random places of the canvas."""

    def __init__(self, tasks: Sequence[Task], side: int, copies: int, moved: float, rng: np.random.Generator) -> None:
        """A share of `moved` is not at the upper left of the canvas. Raises `InvalidRequest` for a task with grids larger than it."""
        for task in tasks:
            if task.side > side:
                raise InvalidRequest(f"task {task.name} has grids of up to {task.side} cells a side, the model's canvas has {side}")
        self.side, self.moved, self.rng = side, moved, rng
        self.rules: Rules = Arc().rules(side, side)
        self.copies = [(task, augmentation) for task in tasks for augmentation in augmentations(task, copies, rng)]
        self.identifiers = [BLANK, *(task.name if copy is IDENTITY else copy.name(task.name) for task, copy in self.copies)]

    def draw(self) -> Example:
        """A random train pair of a random copy."""
        index = int(self.rng.integers(len(self.copies)))
        task, augmentation = self.copies[index]
        pair = task.train[int(self.rng.integers(len(task.train)))]
        assert pair.answer is not None
        question, answer = (cropped(augmentation.apply(on_canvas(grid, LARGEST))) for grid in (pair.question, pair.answer))
        corner = (0, 0)
        if self.rng.random() < self.moved:
            room = [self.side - max(question.shape[axis], answer.shape[axis]) for axis in (0, 1)]
            corner = (int(self.rng.integers(room[0] + 1)), int(self.rng.integers(room[1] + 1)))
        return Example(on_canvas(question, self.side, corner), on_canvas(answer, self.side, corner), index + 1)


def keep_identifiers(run_folder: Path, identifiers: Sequence[str]) -> None:
    """Write a run's puzzle ids into its folder. Raises `InvalidRequest` where it was begun with others: its embeddings are of those."""
    file = run_folder / IDENTIFIERS
    if file.exists() and json.loads(file.read_text(encoding="utf-8")) != list(identifiers):
        raise InvalidRequest(f"{run_folder} was begun with other tasks or copies of them; a run keeps those it began with")
    run_folder.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(list(identifiers)) + "\n", encoding="utf-8")
