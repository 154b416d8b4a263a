"""The model store: one folder a model, described by its `config.json`. Knows files and digests; no torch, no requests.

A folder holds `config.json`, `model.safetensors`, `step.onnx` (what CPU serving runs), of a model whose puzzles have ids `identifiers.json` (which row of its
puzzle embedding is whose), and `README.md` (the model card).
Unknown keys, other schema versions and files that do not match their digest are refused, never patched.
"""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from app.errors import InvalidModel, UnknownModel, mistakes, shown
from app.model import identifiers
from app.model.config import TRMConfig
from app.model.identifiers import IDENTIFIERS, Identifiers

WEIGHTS, GRAPH, MANIFEST = "model.safetensors", "step.onnx", "config.json"
GRID_STEP = 5
"""How much longer the sides of each grid are than those of the next smaller one."""
FamilyName = Literal["sudoku", "maze", "arc"]
UP_TO = ("maze", "arc")
"""Families whose models read smaller grids too."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Grid(_Strict):
    """The puzzles that a model reads."""

    family: FamilyName
    height: Annotated[int, Field(ge=1, le=64)]
    width: Annotated[int, Field(ge=1, le=64)]

    @property
    def cells(self) -> int:
        """Cells of the grid."""
        return self.height * self.width

    def reads(self, family: str, height: int, width: int) -> bool:
        """Whether these are the puzzles of that family and size; a maze or an ARC grid may also be smaller: walls or end marks are put around it."""
        if self.family == family and family in UP_TO:
            return height <= self.height and width <= self.width
        return (self.family, self.height, self.width) == (family, height, width)

    @model_validator(mode="after")
    def _arc_is_square(self) -> Self:
        if self.family == "arc" and self.height != self.width:
            raise ValueError("the canvas of an ARC model is square")
        return self

    def __str__(self) -> str:
        return f"{self.family} {'up to ' if self.family in UP_TO else ''}{self.height}x{self.width}"


class Defaults(_Strict):
    """Options of a request that leaves them out."""

    halt: Literal["verified", "learned", "never"]
    max_steps: Annotated[int, Field(ge=1)]
    attempts: Annotated[int, Field(ge=1)]


class Limits(_Strict):
    """The most that a request may ask for."""

    max_steps: Annotated[int, Field(ge=1, le=4096)]
    attempts: Annotated[int, Field(ge=1, le=1024)]


class Guessing(_Strict):
    """How attempts after the first begin: see `engine.scheduler.Guesses`."""

    cells: Annotated[int, Field(ge=1, le=8)]
    among: Annotated[int, Field(ge=1)]
    steps: Annotated[int, Field(ge=1)]
    doubt: Annotated[float, Field(gt=0, le=1)] = 1.0


class Accuracy(_Strict):
    """One measured figure. `solved` is a share of `puzzles`: verified by rule, or of ARC equal to the task's own answer; `mean_steps` is of all attempts.

    `optimal` is the share than which no answer is better, where there is better and worse.
    """

    data: str
    puzzles: int
    solved: float
    optimal: float | None = None
    mean_steps: float


class Manifest(_Strict):
    """What `config.json` says."""

    schema_version: Literal[1]
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
    description: str
    puzzle: Grid
    arch: dict[str, Any]
    defaults: Defaults
    limits: Limits
    guesses: Guessing | None
    accuracy: list[Accuracy]
    provenance: dict[str, Any]
    sha256: dict[str, str]
    on_request: bool = False
    """Whether it is served only where it is named."""

    @model_validator(mode="after")
    def _defaults_within_limits(self) -> Self:
        if self.defaults.max_steps > self.limits.max_steps or self.defaults.attempts > self.limits.attempts:
            raise ValueError("the defaults are beyond the limits")
        return self


@dataclass(frozen=True)
class Entry:
    """One model of the store."""

    folder: Path
    manifest: Manifest

    @property
    def name(self) -> str:
        """The model's name."""
        return self.manifest.name

    @property
    def version(self) -> str:
        """The first twelve digits of the weights' sha256."""
        return self.manifest.sha256[WEIGHTS][:12]

    @cached_property
    def config(self) -> TRMConfig:
        """The architecture."""
        return TRMConfig.from_json(self.manifest.arch)

    @cached_property
    def grids(self) -> tuple[tuple[int, int], ...]:
        """The grids, height and width, on which its step runs, smallest first. A small maze is not to pay for a large one, where the weights fit every grid."""
        grid = self.manifest.puzzle
        sides = range(GRID_STEP, min(grid.height, grid.width), GRID_STEP) if self.config.mixer == "local" else ()
        return (*((side, side) for side in sides), (grid.height, grid.width))

    def grid(self, height: int, width: int) -> tuple[int, int]:
        """The smallest of its grids that a puzzle of this size fits on; there is one if `manifest.puzzle.reads` it."""
        largest = self.grids[-1]
        return largest if largest == (height, width) else next((tall, wide) for tall, wide in self.grids if height <= tall and width <= wide)

    @cached_property
    def identifiers(self) -> Identifiers | None:
        """The puzzle ids that it knows; None of a model that has none. Read at the first use, so that a worker never has to."""
        if IDENTIFIERS not in self.manifest.sha256:
            return None
        return identifiers.read(self.file(IDENTIFIERS), self.config.num_puzzle_identifiers)

    def knows(self, puzzle_id: str | None) -> bool:
        """Whether it can be asked for that puzzle: None is one that has no id."""
        return puzzle_id is None or (self.identifiers is not None and puzzle_id in self.identifiers)

    def file(self, name: str) -> Path:
        """The path of one of its files, once its digest is checked. Raises `InvalidModel` for a file that is not the one described."""
        path, expected = self.folder / name, self.manifest.sha256.get(name)
        if expected is None or not path.is_file():
            raise InvalidModel(f"{path} is missing")
        if digest(path) != expected:
            raise InvalidModel(f"{path} is not the file that {MANIFEST} describes: its sha256 differs")
        return path


class ModelStore:
    """The models of one folder that are served, read once."""

    def __init__(self, root: Path, names: tuple[str, ...] = ()) -> None:
        """Read the entries called `names`, or all but those that want to be named.

        Raises `InvalidModel` for a folder that is not a model, `UnknownModel` for a missing one.
        """
        self.root = root
        if not root.is_dir():
            raise InvalidModel(f"the model store {root} is not a folder")
        folders = [path.parent for path in sorted(root.glob(f"[!.]*/{MANIFEST}"))]
        found = (read(folder) for folder in folders if not names or folder.name in names)
        self.entries = {entry.folder.name: entry for entry in found if names or not entry.manifest.on_request}
        if missing := set(names) - set(self.entries):
            raise UnknownModel(f"the model store {root} has no model {', '.join(sorted(missing))}")
        if not self.entries:
            raise InvalidModel(f"the model store {root} is empty")

    def called(self, name: str) -> Entry:
        """The model of that name; by a family's name, where no model has it, its model of the largest grids. Raises `UnknownModel`."""
        if name in self.entries:
            return self.entries[name]
        family = [entry for entry in self.entries.values() if entry.manifest.puzzle.family == name]
        if not family:
            raise UnknownModel(f"no model is called {shown(name)} here; there are: {', '.join(self.entries)}")
        return max(family, key=lambda entry: entry.manifest.puzzle.cells)

    def resolve(self, name: str | None, family: str, height: int, width: int, puzzle_id: str | None = None) -> Entry:
        """The model for a puzzle. A family's name, or none, means the one with the smallest grid that reads this size, and of several the one of that name.

        Where puzzles have ids, one that knows this id comes before all others.

        Raises `UnknownModel` for a name that is not served here or that reads other puzzles.
        """
        fitting = {entry.name: entry for entry in self.entries.values() if entry.manifest.puzzle.reads(family, height, width)}
        if fitting and name in (None, family):
            return min(fitting.values(), key=lambda entry: (not entry.knows(puzzle_id), entry.manifest.puzzle.cells, entry.name != family, entry.name))
        if name in fitting:
            return fitting[name]
        if name not in (None, family, *self.entries):
            raise UnknownModel(f"no model is called {shown(name)} here; there are: {', '.join(self.entries)}")
        if name in (None, family) and not any(entry.manifest.puzzle.family == family for entry in self.entries.values()):
            raise UnknownModel(f"no model for {family} puzzles is served here; there are: {self._list()}")
        raise UnknownModel(f"{'no model' if name is None else shown(name)} reads no {height}x{width} {family}; there are: {self._list()}")

    def _list(self) -> str:
        return ", ".join(f"{name} ({entry.manifest.puzzle})" for name, entry in self.entries.items())


def digest(path: Path) -> str:
    """sha256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read(folder: Path) -> Entry:
    """Read one entry. Raises `InvalidModel` naming the file and field at fault."""
    path = folder / MANIFEST
    try:
        manifest = Manifest.model_validate(json.loads(path.read_text()))
    except ValidationError as error:
        raise InvalidModel(f"{path}: {mistakes(error)}") from error
    except (OSError, ValueError) as error:
        raise InvalidModel(f"{path}: {error}") from error
    if manifest.name != folder.name:
        raise InvalidModel(f"{path}: the name is {manifest.name!r}, the folder's is {folder.name!r}")
    if WEIGHTS not in manifest.sha256:
        raise InvalidModel(f"{path}: sha256 has no digest of {WEIGHTS}")
    entry = Entry(folder, manifest)
    try:
        entry.config  # noqa: B018  # computed here, where its error can name the file
    except InvalidModel as error:
        raise InvalidModel(f"{path}: {error.detail}") from error
    if entry.config.seq_len != manifest.puzzle.cells:
        raise InvalidModel(f"{path}: seq_len {entry.config.seq_len} is not {manifest.puzzle.height} x {manifest.puzzle.width}")
    return entry


def write(folder: Path, manifest: Manifest) -> Entry:
    """Write the manifest of a folder whose other files are in place."""
    (folder / MANIFEST).write_text(manifest.model_dump_json(indent=2) + "\n")
    return read(folder)
