"""Model store folders whose weights are a few bytes: enough for everything that does not run the model."""

import json
from pathlib import Path
from typing import Any

from app.model.config import TRMConfig
from app.model.identifiers import IDENTIFIERS
from app.model.store import GRAPH, MANIFEST, WEIGHTS, digest
from tests.support.grids import BOXES


def tiny(side: int = 9, **changes: Any) -> TRMConfig:
    """An architecture so small that a random model of it runs in no time."""
    fields = {"vocab_size": 11, "seq_len": side * side, "hidden_size": 48, "num_heads": 3, "mixer": "units", "box_shape": BOXES.get(side)}
    small = {"expansion": 2.0, "swiglu_multiple": 8, "H_cycles": 1, "L_cycles": 1, "L_layers": 1}
    return TRMConfig(**{**fields, **small, **changes})


def manifest(folder: Path, side: int = 9, **changes: Any) -> dict[str, Any]:
    """What `config.json` says of the files that are in `folder`."""
    usual = {
        "schema_version": 1,
        "name": folder.name,
        "description": "a model for tests",
        "puzzle": {"family": "sudoku", "height": side, "width": side},
        "arch": tiny(side).to_json(),
        "defaults": {"halt": "verified", "max_steps": 16, "attempts": 2},
        "limits": {"max_steps": 64, "attempts": 8},
        "guesses": {"cells": 2, "among": 4, "steps": 4},
        "accuracy": [],
        "provenance": {},
        "sha256": {name: digest(folder / name) for name in (WEIGHTS, GRAPH, IDENTIFIERS) if (folder / name).exists()},
    }
    return {**usual, **changes}


def put(root: Path, name: str, side: int = 9, files: dict[str, str] | None = None, **changes: Any) -> Path:
    """Write a folder of the store with weights made up from its name, and further files."""
    folder = root / name
    folder.mkdir(parents=True)
    for file in (WEIGHTS, GRAPH):
        (folder / file).write_text(f"{file} of {name}")
    for file, text in (files or {}).items():
        (folder / file).write_text(text)
    (folder / MANIFEST).write_text(json.dumps(manifest(folder, side, **changes)))
    return folder


def put_maze(root: Path, name: str, height: int, width: int, mixer: str = "attention") -> Path:
    """Write a folder whose model reads mazes, with mixer `local` on grids of every size."""
    arch = tiny(vocab_size=6, seq_len=height * width, mixer=mixer, grid_shape=(height, width), box_shape=None)
    return put(root, name, puzzle={"family": "maze", "height": height, "width": width}, arch=arch.to_json(), guesses=None)
